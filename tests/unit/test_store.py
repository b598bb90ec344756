import errno
import fcntl
import json
import os
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

import mesascope
import mesascope.studies
from mesascope import arrays as of_arrays
from mesascope.arrays import UnusableFile, load_arrays, save_arrays
from mesascope.extras import EXTRAS
from mesascope.files import write_atomically
from mesascope.random import generators
from mesascope.runs import provenance
from mesascope.runs.archive import Archive, MissingResult, Result
from mesascope.runs.directory import DirectoryError
from mesascope.runs.lock import exclusive, remove_leftovers
from mesascope.runs.store import Store
from mesascope.studies import find_study
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import AbstractConfig, Cell, Workspace
from mesascope.study.claim import Claim

FAKES = Path(__file__).parents[1] / "fake_studies"
ARRAYS = {
    "real": np.linspace(0, 1, 7).reshape(1, 7),
    "single": np.ones((2, 3), np.float32).T,
    "complex": np.array([1 + 2j, 3 - 4j]),
    "counts": np.arange(3),
    "mask": np.array([True, False]),
    "scalar": np.array(2.5),
    "empty": np.zeros((0, 4)),
}


class CountedCell(AbstractConfig):
    """Counts how often it runs."""

    label: str
    number: int
    bound: float = float("nan")

    def compute(self, workspace):
        Counted.ran.append(self.label)
        if Counted.body is not None:
            Counted.body(workspace)
        return ARRAYS


class Counted(AbstractStudy):
    """Counts how often its cells run."""

    title: ClassVar = "Counting"
    source: ClassVar = "None"
    claims: ClassVar[tuple[Claim, ...]] = ()
    presets: ClassVar = {"quick": {}}

    ran: ClassVar[list] = []
    body: ClassVar = None

    seeds: int = 2

    def cells(self):
        return Cell("first", CountedCell("first", 1)), Cell("second", CountedCell("second", 2))

    def summarise(self, results):
        return results

    def figures(self, summary):
        return {}

    def readings(self, summary):
        return {}


@pytest.fixture
def study():
    Counted.ran.clear()
    Counted.body = None
    return Counted()


@pytest.fixture
def said():
    return []


@pytest.fixture
def store(tmp_path, said):
    return Store(tmp_path / "runs", say=said.append)


def run(store, study, number=0):
    return store.get_or_run(study.placed()[number], Workspace().report)


def result_path(store, study, number=0):
    return store.archive.path(study.placed()[number])


def assert_equal(arrays, expected=ARRAYS):
    assert set(arrays) == set(expected)
    for name, array in expected.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(arrays[name], array)


def test_a_cell_runs_once_and_is_read_ever_after(store, study, said, tmp_path):
    assert_equal(run(store, study))
    assert_equal(run(store, study))
    assert_equal(run(Store(tmp_path / "runs"), study))
    assert study.ran == ["first"]
    assert said == []


def test_a_study_runs_through_a_store(store, study):
    for _ in range(2):
        results = study.run(store).summary
        assert [list(result) for result in results] == [list(results[0])] * 2
    assert study.ran == ["first", "second"]


def test_force_runs_again(store, study, tmp_path):
    run(store, study)
    run(Store(tmp_path / "runs", force=True), study)
    assert study.ran == ["first", "first"]


def test_only_results_remain_in_the_directory(store, study):
    study.run(store)
    left = sorted(store.archive.directory.rglob("*"))
    assert left == sorted([result_path(store, study).parent, *(result_path(store, study, n) for n in (0, 1))])


def test_a_result_says_how_it_came_about(store, study):
    run(store, study)
    _, header = load_arrays(result_path(store, study))
    assert (header["study"], header["label"], header["config"]["number"]) == (study.name(), "first", 1)
    told = header["provenance"]
    assert told["versions"].keys() - set(EXTRAS["text"]) == {
        "python",
        "mesascope",
        "jax",
        "jaxlib",
        "numpy",
        "equinox",
        "optax",
    }
    assert told["versions"]["mesascope"] == mesascope.__version__
    assert (told["num_devices"], told["backend"], told["precision"]) == (jax.device_count(), "cpu", "float64")
    assert told["generators"] == generators()
    assert (told["seeds"], told["settings"]["seeds"]) == (2, 2)
    assert told["seconds"] >= told["compile_seconds"] >= 0
    assert {"commit", "platform", "num_cpus", "device", "finished"} <= told.keys()


def test_the_stopwatch_counts_compiling():
    with provenance.Stopwatch() as stopwatch:
        jax.jit(lambda x: x**2 + 17)(jnp.ones(3))
    assert stopwatch.seconds > stopwatch.compile_seconds > 0
    with provenance.Stopwatch() as other:
        pass
    assert other.compile_seconds == 0


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    provenance._commit.cache_clear()
    assert provenance._commit() is None
    provenance._commit.cache_clear()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-5])


def empty(path):
    path.write_bytes(b"")


def replace_by_text(path):
    path.write_text("not ours")


def flip_in_arrays(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def flip_in_header(path):
    content = path.read_bytes()
    assert b"first" in content
    path.write_bytes(content.replace(b"first", b"worst"))


def replace_by_foreign_safetensors(path):
    header = json.dumps({"__metadata__": {"format": "pt"}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def spoil_header(path):
    text = json.dumps({"__metadata__": {"mesascope": "{", "sha256": ""}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def replace_by_other_arrays(path):
    save_arrays(path, ARRAYS, None)


def replace_by_another_cell(path):
    arrays, header = load_arrays(path)
    save_arrays(path, arrays, {**header, "key": "another"})


def replace_by_directory(path):
    path.unlink()
    path.mkdir()


def forge(path, text=None, arrays=None, **changes):
    """Another header or other arrays, with a digest that is right."""
    found, header = load_arrays(path)
    stored = dict(map(of_arrays._stored_form, found, found.values())) if arrays is None else arrays
    text = json.dumps({**header, **changes}) if text is None else text
    metadata = {of_arrays.HEADER: text, of_arrays.DIGEST: of_arrays._digest(stored, text)}
    path.write_bytes(safetensors.numpy.save(stored, metadata=metadata))


def nest_header(path):
    forge(path, text="[" * 100_000 + "]" * 100_000)


def nest_provenance(path):
    forge(path, text='{"provenance": ' + '{"a": ' * 100_000 + "1" + "}" * 100_001)


def write_number_too_long(path):
    forge(path, text=f'{{"provenance": {"1" * 10_000}}}')


def forge_provenance(path):
    forge(path, provenance="once upon a time")


def forge_seconds(path):
    forge(path, provenance={"seconds": "many"})


def forge_config(path):
    forge(path, config={"class": "CountedCell", "number": 3})


def forge_key(path):
    forge(path, key=["another"])


def lose_an_array(path):
    forge(path, arrays={"real": ARRAYS["real"]})


def reshape_an_array(path):
    arrays, header = load_arrays(path)
    save_arrays(path, {**arrays, "counts": arrays["counts"][:, None]}, header)


def add_an_array(path):
    arrays, header = load_arrays(path)
    save_arrays(path, {**arrays, "more": np.ones(2)}, header)


def half_a_complex_number(path):
    forge(path, arrays={"odd:complex128": np.ones(3)})


def hold_what_numpy_lacks(path):
    tensor = {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}
    metadata = {of_arrays.HEADER: "{}", of_arrays.DIGEST: ""}
    header = json.dumps({"__metadata__": metadata, "real": tensor}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"12")


def last_longer_than_numbers(path):
    forge(path, provenance={"seconds": 10**400})


def replace_by_link_to_nothing(path):
    path.unlink()
    path.symlink_to("nothing")


def replace_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGES = (
    nest_header,
    nest_provenance,
    write_number_too_long,
    forge_provenance,
    forge_seconds,
    forge_config,
    forge_key,
    lose_an_array,
    reshape_an_array,
    add_an_array,
    half_a_complex_number,
    hold_what_numpy_lacks,
    last_longer_than_numbers,
    replace_by_link_to_nothing,
    replace_by_pipe,
    truncate,
    empty,
    replace_by_text,
    flip_in_arrays,
    flip_in_header,
    replace_by_foreign_safetensors,
    spoil_header,
    replace_by_other_arrays,
    replace_by_another_cell,
    replace_by_directory,
)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_is_named_set_aside_and_computed_again(damage, force, store, study, said):
    run(store, study)
    path = result_path(store, study)
    damage(path)
    content = path.read_bytes() if path.is_file() else None
    assert_equal(run(Store(store.archive.directory, force, said.append), study))
    assert study.ran == ["first", "first"]
    aside = path.with_name(f"{path.name}.damaged-1")
    assert content is None or aside.read_bytes() == content
    assert len(said) == 1
    assert str(path) in said[0]
    assert aside.name in said[0]
    assert_equal(run(store, study))
    assert study.ran == ["first", "first"]


@pytest.mark.parametrize("force", [False, True])
def test_a_result_that_cannot_be_read_is_no_missing_one(force, store, study, said, monkeypatch):
    run(store, study)
    path = result_path(store, study)
    content = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(of_arrays, "open", lambda *_: patch.undo() or fail_with(errno.EACCES)(), raising=False)
        assert_equal(run(Store(store.archive.directory, force, said.append), study))
    aside = f"{path.name}.damaged-1"
    assert path.with_name(aside).read_bytes() == content
    assert said == [
        f"{path} cannot be read (Permission denied). It is kept as {aside}, and what it was for is computed again."
    ]


def test_what_cannot_be_set_aside_stops_the_run(store, study, monkeypatch):
    run(store, study)
    path = result_path(store, study)
    truncate(path)
    content = path.read_bytes()
    monkeypatch.setattr(Path, "rename", fail_with(errno.EPERM))
    with pytest.raises(
        DirectoryError, match=rf"{path} is damaged .* cannot be set aside: Operation not permitted. Move"
    ):
        run(store, study)
    assert (path.read_bytes(), study.ran) == (content, ["first"])


def test_files_set_aside_before_are_left_alone(store, study):
    for _ in range(3):
        run(store, study)
        truncate(result_path(store, study))
    run(store, study)
    aside = sorted(path.suffix for path in result_path(store, study).parent.iterdir())
    assert aside == [".damaged-1", ".damaged-2", ".damaged-3", ".safetensors"]


def keep_half(workspace):
    if workspace.checkpoint.exists():
        load_arrays(workspace.checkpoint)
    save_arrays(workspace.checkpoint, {"half": np.ones(2)}, None)


def keep_half_and_stop(workspace):
    keep_half(workspace)
    raise KeyboardInterrupt


def test_a_stopped_cell_keeps_its_checkpoint_until_it_is_done(store, study):
    Counted.body = staticmethod(keep_half_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run(store, study)
    partial = store.partial(study.placed()[0])
    assert list(partial.parent.iterdir()) == [partial]
    Counted.body = staticmethod(keep_half)
    run(store, study)
    assert list(partial.parent.iterdir()) == [result_path(store, study)]
    assert store.archive.read(study.placed()[0]).provenance["resumed"]


def test_a_damaged_checkpoint_is_set_aside_and_the_cell_starts_afresh(store, study, said):
    partial = store.partial(study.placed()[0])
    partial.parent.mkdir()
    partial.write_bytes(b"half")
    Counted.body = staticmethod(keep_half)
    assert_equal(run(store, study))
    assert partial.with_name(f"{partial.name}.damaged-1").read_bytes() == b"half"
    assert len(said) == 1
    assert not partial.exists()


def test_a_cell_that_reads_another_damaged_file_fails(store, study, tmp_path, said):
    (tmp_path / "other").write_bytes(b"")
    Counted.body = staticmethod(lambda workspace: load_arrays(tmp_path / "other"))
    with pytest.raises(UnusableFile, match="other"):
        run(store, study)
    assert said == []


def fail_with(code):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    return fail


def test_a_full_disk_leaves_what_there_was_and_says_what_to_do(store, study, monkeypatch):
    run(store, study)
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))
    with pytest.raises(DirectoryError, match=r"No space left on device.*put this right"):
        run(store, study, 1)
    assert list(result_path(store, study).parent.iterdir()) == [result_path(store, study)]
    monkeypatch.undo()
    assert_equal(run(store, study, 1))
    assert study.ran == ["first", "second", "second"]


def test_a_disk_that_fills_at_a_checkpoint_is_told_alike(store, study, monkeypatch):
    Counted.body = staticmethod(keep_half)
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))
    with pytest.raises(DirectoryError, match="No space left"):
        run(store, study)


def test_an_error_of_the_cell_itself_is_not_taken_for_a_full_disk(store, study):
    Counted.body = staticmethod(lambda workspace: fail_with(errno.ECONNRESET)())
    with pytest.raises(ConnectionResetError):
        run(store, study)
    assert list(result_path(store, study).parent.iterdir()) == []


def test_the_directory_must_not_be_a_file(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(DirectoryError, match=r"`runs` must be a directory.*got '.*runs' \(a file\)\. Name another"):
        Store(tmp_path / "runs")


@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_the_directory_must_be_writable(call, tmp_path, monkeypatch):
    target = (Path, "mkdir") if call == "mkdir" else ("builtins.open",)
    monkeypatch.setattr(*target, lambda *_, **__: fail_with(errno.EACCES)())
    with pytest.raises(DirectoryError, match="Permission denied"):
        Store(tmp_path / "runs")


def test_a_file_system_without_locks_still_stores(store, study, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", fail_with(errno.ENOLCK))
    assert_equal(run(store, study))


def test_a_lock_that_fails_is_an_error(store, study, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", fail_with(errno.EBADF))
    with pytest.raises(OSError, match="Bad file"):
        run(store, study)


def in_a_thread(function):
    """Start it; gives what waits for its value."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(function)
    pool.shutdown(wait=False)
    return lambda: future.result(timeout=20)


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    path, waiting, order = tmp_path / "lock", threading.Event(), []

    def second():
        with exclusive(path, waiting.set):
            order.append("second")

    with exclusive(path, pytest.fail):
        result = in_a_thread(second)
        assert waiting.wait(timeout=20)
        order.append("first")
    result()
    assert order == ["first", "second"]
    assert not path.exists()


def test_a_lock_that_was_removed_is_not_held(tmp_path):
    """Who waited for the first holder's file gets a lock on a file that is gone, while a third has made another."""
    path, waits, entered = tmp_path / "lock", threading.Semaphore(0), threading.Event()

    def second():
        with exclusive(path, waits.release):
            entered.set()

    first = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(first, fcntl.LOCK_EX)
    result = in_a_thread(second)
    assert waits.acquire(timeout=20)
    path.unlink()
    third = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(third, fcntl.LOCK_EX)
    os.close(first)
    assert waits.acquire(timeout=20)
    assert not entered.is_set()
    os.close(third)
    result()
    assert entered.is_set()


def test_who_waited_takes_the_result_of_the_other(store, study, said):
    """Even when told to run again: it is as fresh as can be."""
    cell, waiting = study.placed()[0], threading.Event()
    second = Store(store.archive.directory, force=True, say=lambda message: (said.append(message), waiting.set()))
    lock = store.archive.path(cell).with_suffix(".lock")
    lock.parent.mkdir()
    with exclusive(lock, pytest.fail):
        result = in_a_thread(lambda: run(second, study))
        assert waiting.wait(timeout=20)
        store.archive.write(cell, Result(ARRAYS, {"seconds": 1.0}))
    assert_equal(result())
    assert study.ran == []
    assert said == [f"{study.name()}, first: another process is at it. Waiting for its result."]


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A cell of the fake study, which this process finds too."""
    monkeypatch.setattr(mesascope.studies, "__path__", [*mesascope.studies.__path__, str(FAKES)])
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    return find_study("fake2099-fig1").preset("quick").placed()[0]


@pytest.fixture
def start_fake(tmp_path):
    """Starts a process that runs that cell through a store, in this one's precision, once `gate` is there."""
    script = f"""
from mesascope.runs.store import Store
from mesascope.studies import find_study
cell = find_study("fake2099-fig1")().placed()[0]
print(Store({str(tmp_path / "runs")!r}).get_or_run(cell, lambda *_: None)["double"].tolist())
"""
    source = str(Path(mesascope.__file__).parents[1])
    settings = {**os.environ, "PYTHONPATH": source, "MESASCOPE_STUDIES": str(FAKES), "JAX_ENABLE_X64": "1"}
    started = []

    def start(gate):
        command, environment = [sys.executable, "-c", script], {**settings, "FAKE_GATE": str(gate)}
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        with process:
            process.kill()


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_processes_at_once_run_a_cell_once(fake, start_fake, store, said, tmp_path):
    """This one waits for the other, which may go on when this one says so."""
    log, gate = tmp_path / "log", tmp_path / "gate"
    other = start_fake(gate)
    wait_until(log.exists)
    store.say = lambda message: (said.append(message), gate.touch())
    here = store.get_or_run(fake, Workspace().report)["double"].tolist()
    out, _ = other.communicate(timeout=60)
    assert (other.returncode, out.decode()) == (0, "[0.0, 2.0, 4.0, 6.0]\n")
    assert here == [0.0, 2.0, 4.0, 6.0]
    assert log.read_text() == "part 1\n"
    assert said == ["fake2099-fig1, part 1: another process is at it. Waiting for its result."]


def test_a_killed_process_holds_nothing(fake, start_fake, store, tmp_path):
    log = tmp_path / "log"
    killed = start_fake(tmp_path / "never")
    wait_until(log.exists)
    killed.kill()
    killed.communicate()
    assert list((tmp_path / "runs").rglob("*.lock")) == [store.archive.path(fake).with_suffix(".lock")]
    assert store.get_or_run(fake, Workspace().report)["double"].tolist() == [0.0, 2.0, 4.0, 6.0]
    assert log.read_text() == "part 1\n" * 2


KILLED_WRITER = """
import os, sys
from pathlib import Path
from mesascope.files import write_atomically
os.fsync = lambda handle: os.kill(os.getpid(), 9)
write_atomically(Path(sys.argv[1]), b"half")
"""


def test_what_killed_writers_leave_is_removed_and_nothing_else(store, study, monkeypatch):
    """What a living one writes, and what is somebody else's, stays."""
    run(store, study)
    path, lock = result_path(store, study), result_path(store, study).with_suffix(".lock")
    figures = path.parent / "figures-quick"
    figures.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(mesascope.__file__).parents[1])}
    for target in (path, figures / "figure.png"):
        subprocess.run([sys.executable, "-c", KILLED_WRITER, target], env=environment)
    others = [figures / ".mine.tmp", path.parent / "my.lock", path]
    for other in (*others[:2], lock):
        other.touch()
    assert len(list(path.parent.rglob(".*.*.tmp"))) == 2
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: remove_leftovers(store.archive.directory) or fsync(handle))
    write_atomically(figures / "new", b"whole")
    assert sorted(path.parent.rglob("*")) == sorted([figures, figures / "new", *others])
    with exclusive(lock, pytest.fail):
        remove_leftovers(store.archive.directory)
        assert lock.exists()


def test_an_archive_only_reads(store, study, tmp_path):
    archive, (cell, _) = Archive(tmp_path / "runs"), study.placed()
    with pytest.raises(MissingResult, match=r"no result of .*first"):
        archive.get_or_run(cell, Workspace().report)
    run(store, study)
    assert_equal(archive.get_or_run(cell, Workspace().report))
    truncate(archive.path(cell))
    with pytest.raises(MissingResult, match="damaged"):
        archive.get_or_run(cell, Workspace().report)
    assert list(archive.path(cell).parent.iterdir()) == [archive.path(cell)]


def test_arrays_are_numbers(tmp_path):
    with pytest.raises(ValueError, match="`arrays` must hold numbers; got <U1 in 'text'"):
        save_arrays(tmp_path / "file", {"text": np.array(["a"])}, None)


def test_a_missing_file_is_missing_not_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_arrays(tmp_path / "file")
