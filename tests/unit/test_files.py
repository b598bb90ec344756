"""A file is written whole or not at all."""

import errno
import os

import pytest

from mesascope import files
from mesascope.files import write_atomically

OLD, NEW = b"the old content", b"the new"


def test_content_is_written_and_replaced(tmp_path):
    path = tmp_path / "result"
    for content in (OLD, NEW, b"", bytes(range(256)) * 1000):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["result"]


class FullDisk:
    """A file that takes half of what it is given."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


def fail_at_write(monkeypatch, error):
    monkeypatch.setattr(files, "open", lambda *args: FullDisk(open(*args)), raising=False)  # noqa: SIM115


def fail_at(name):
    def patch(monkeypatch, error):
        def fail(*_):
            raise error

        monkeypatch.setattr(files.os, name, fail)

    return patch


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize(
    "fail", [fail_at_write, fail_at("fsync"), fail_at("replace")], ids=["write", "fsync", "replace"]
)
def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch, fail, existing):
    path = tmp_path / "result"
    if existing:
        path.write_bytes(OLD)
    fail(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(OSError, match="No space left") as raised:
        write_atomically(path, NEW)
    assert raised.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == (["result"] if existing else [])
    assert not existing or path.read_bytes() == OLD


def test_an_interrupt_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "result"
    path.write_bytes(OLD)
    fail_at("fsync")(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, NEW)
    assert os.listdir(tmp_path) == ["result"]
    assert path.read_bytes() == OLD


def test_the_content_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda number: (order.append("fsync"), fsync(number)))
    monkeypatch.setattr(files.os, "replace", lambda *paths: (order.append("replace"), replace(*paths)))
    write_atomically(tmp_path / "result", NEW)
    assert order == ["fsync", "replace"]


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "result", NEW)
