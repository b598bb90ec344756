"""What a store promises, wherever results lie: a folder, a server that speaks SFTP, one that speaks S3's protocol."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import mesascope
import mesascope.studies
from mesascope.arrays import packed, save_arrays
from mesascope.runs import lease, remote
from mesascope.runs.archive import MissingResult, Result, name_of
from mesascope.runs.catalogue import LOCK, TEMPORARY
from mesascope.runs.place import place_of
from mesascope.runs.store import Store
from mesascope.runs.verify import verify
from mesascope.studies import find_study
from mesascope.study.cell import Workspace
from servers import missing_s3, missing_sftp, s3_server, sftp_server

FAKES = Path(__file__).parents[1] / "fake_studies"
DOUBLES = [0.0, 2.0, 4.0, 6.0]
KINDS = ("folder", "sftp", "s3")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Starts each server when it is first asked for, and keeps it for all tests of this file."""
    started, contexts = {}, []

    def server(kind):
        if kind not in started and kind != "folder":
            if reason := {"sftp": missing_sftp, "s3": missing_s3}[kind]():
                pytest.skip(reason)
            context = {"sftp": sftp_server, "s3": s3_server}[kind](tmp_path_factory.mktemp(kind))
            contexts.append(context)
            started[kind] = context.__enter__()
        return started.get(kind)

    yield server
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture(params=KINDS)
def where(request, servers, tmp_path, monkeypatch):
    """An address that nothing lies at yet."""
    kind, server = request.param, servers(request.param)
    for name, value in (server.environment if server else {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lease, "PAUSE", 0.05)
    if kind == "folder":
        return tmp_path / "runs"
    if kind == "sftp":
        return f"sftp://127.0.0.1:{server.port}{tmp_path / 'runs'}"
    client = place_of("s3://a-bucket/runs").client
    if not client.exists("a-bucket"):
        client.call_s3("create_bucket", Bucket="a-bucket")
    return f"s3://a-bucket/{tmp_path.name}"


@pytest.fixture
def said():
    return []


@pytest.fixture
def store(where, said):
    return Store(where, say=said.append)


@pytest.fixture
def cell(tmp_path, monkeypatch):
    """A cell of the fake study, which this process finds too."""
    monkeypatch.setattr(mesascope.studies, "__path__", [*mesascope.studies.__path__, str(FAKES)])
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    return find_study("fake2099-fig1").preset("quick").placed()[0]


@pytest.fixture
def times_run(tmp_path):
    log = tmp_path / "log"
    return lambda: len(log.read_text().splitlines()) if log.exists() else 0


def run(store, cell):
    return store.get_or_run(cell, Workspace().report)["double"].tolist()


def names(store):
    return sorted(file.name for file in store.archive.place.files())


def test_a_cell_runs_once_and_is_read_ever_after(store, where, cell, said, times_run):
    assert run(store, cell) == run(store, cell) == run(Store(where), cell) == DOUBLES
    assert (times_run(), said) == (1, [])
    assert names(store) == [name_of(cell)]
    assert repr(store) == f"Store({str(where)!r}, 1 result)"
    assert store.archive.read(cell).provenance["settings"]["size"] == 4


def test_force_runs_again_once(store, where, cell, times_run):
    run(store, cell)
    forced = Store(where, force=True)
    assert run(forced, cell) == run(forced, cell) == DOUBLES
    assert times_run() == 2


def test_a_file_that_is_copied_to_another_place_is_valid_there(store, cell, tmp_path, times_run):
    run(store, cell)
    local, name = Store(tmp_path / "local"), name_of(cell)
    local.archive.place.write(name, store.archive.place.read(name))
    assert run(local, cell) == DOUBLES
    store.archive.place.write(name, local.archive.path(cell).read_bytes())
    assert run(store, cell) == DOUBLES
    assert times_run() == 1


DAMAGES = {
    "truncated": lambda content: content[:-5],
    "empty": lambda content: b"",
    "flipped in an array": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "flipped in the header": lambda content: content.replace(b"part 1", b"part 7"),
    "of another cell": lambda content: packed({"a": np.ones(1)}, {"key": "another", "provenance": {"seconds": 1.0}}),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_result_is_named_set_aside_and_computed_again(damage, store, cell, said, times_run):
    run(store, cell)
    files, name = store.archive.place, name_of(cell)
    damaged = damage(files.read(name))
    files.write(name, damaged)
    with pytest.raises(MissingResult):
        store.archive.get_or_run(cell, Workspace().report)
    assert run(store, cell) == DOUBLES
    assert times_run() == 2
    assert files.read(f"{name}.damaged-1") == damaged
    assert len(said) == 1
    assert str(store.archive.path(cell)) in said[0]
    files.write(name, damaged)
    run(store, cell)
    assert names(store) == [name, f"{name}.damaged-1", f"{name}.damaged-2"]


def test_an_archive_of_nothing_says_so(store, cell):
    assert not store.archive.holds(cell)
    with pytest.raises(FileNotFoundError):
        store.archive.read(cell)
    with pytest.raises(MissingResult, match=r"no result of fake2099-fig1, part 1, to read"):
        store.archive.get_or_run(cell, Workspace().report)


def test_what_is_listed(store, cell):
    run(store, cell)
    files = store.archive.place
    files.write("study/figures-quick/figure.png", b"12345")
    found = {file.name: file for file in files.files()}
    assert found.keys() == {name_of(cell), "study/figures-quick/figure.png"}
    assert found["study/figures-quick/figure.png"].size == 5
    assert abs(found[name_of(cell)].modified - time.time()) < 60
    assert files.read("study/figures-quick/figure.png", 2) == b"12"
    assert files.remove(found["study/figures-quick/figure.png"])
    assert names(store) == [name_of(cell)]


def test_a_stopped_cell_goes_on_from_what_it_kept_on_this_machine(store, cell, monkeypatch):
    compute = type(cell.config).compute

    def stop(config, workspace):
        save_arrays(workspace.checkpoint, {}, None)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(cell.config), "compute", stop)
    with pytest.raises(KeyboardInterrupt):
        run(store, cell)
    partial = store.partial(cell)
    assert partial.exists()
    assert [name for name in names(store) if not name.endswith(".partial")] == []
    monkeypatch.setattr(type(cell.config), "compute", compute)
    assert run(store, cell) == DOUBLES
    assert store.archive.read(cell).provenance["resumed"]
    assert not partial.exists()


def test_two_places_side_by_side_know_nothing_of_each_other(store, where, cell):
    beside = Store(Path(f"{where}-2") if isinstance(where, Path) else f"{where}-2/below")
    run(beside, cell)
    assert (names(store), names(beside)) == ([], [name_of(cell)])


@pytest.mark.parametrize("where", ["sftp", "s3"], indirect=True)
def test_what_is_left_over_on_a_server_is_known_by_its_age(store, cell, monkeypatch):
    files, temporary = store.archive.place, f"{cell.owner}/.{cell.key}.safetensors.0123abcd.tmp"
    for name in (temporary, f"{cell.owner}/{cell.key}.lock"):
        files.write(name, b"")
    assert verify(files).left_over == []
    assert [files.remove(file) for file in files.files()] == [False, False]
    monkeypatch.setattr(remote, "SECONDS_TO_WRITE", -60.0)
    assert sorted(each.what for each in verify(files).left_over) == [LOCK, TEMPORARY]
    assert [files.remove(file) for file in files.files()] == [True, True]
    assert names(store) == []


def in_a_thread(function):
    pool = ThreadPoolExecutor(1)
    future = pool.submit(function)
    pool.shutdown(wait=False)
    return lambda: future.result(timeout=30)


def test_a_lock_is_held_by_one_at_a_time(store):
    files, waiting, order = store.archive.place, threading.Event(), []

    def second():
        with files.lock("study/a.lock", waiting.set):
            order.append("second")

    with files.lock("study/a.lock", pytest.fail):
        (file,) = files.files()
        assert files.in_use(file)
        assert not files.remove(file)
        result = in_a_thread(second)
        assert waiting.wait(timeout=20)
        order.append("first")
    result()
    assert order == ["first", "second"]
    assert names(store) == []


def test_whoever_waited_takes_the_result_of_the_other(store, where, cell, said, times_run):
    """Even when told to run again: it is as fresh as can be."""
    waiting = threading.Event()
    second = Store(where, force=True, say=lambda message: (said.append(message), waiting.set()))
    with store.archive.place.lock(f"{cell.owner}/{cell.key}.lock", pytest.fail):
        result = in_a_thread(lambda: run(second, cell))
        assert waiting.wait(timeout=20)
        store.archive.write(cell, Result({"double": np.array(DOUBLES)}, {"seconds": 1.0}))
    assert (result(), times_run()) == (DOUBLES, 0)
    assert said == ["fake2099-fig1, part 1: another process is at it. Waiting for its result."]


def test_of_many_writers_at_once_one_stays_whole(store):
    files, contents = store.archive.place, [bytes([number]) * 1_000_000 for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda content: files.write("study/a.safetensors", content), contents))
    assert files.read("study/a.safetensors") in contents
    assert names(store) == ["study/a.safetensors"]


SCRIPT = """
import sys
from mesascope.runs import lease, remote
from mesascope.runs.store import Store
from mesascope.runs.verify import verify
from mesascope.studies import find_study
lease.SECONDS, lease.PAUSE = 1.5, 0.05
cell = find_study("fake2099-fig1")().placed()[0]
print(Store(sys.argv[1]).get_or_run(cell, lambda *_: None)["double"].tolist())
"""

WRITER = """
import sys
from mesascope.runs.catalogue import LOCK, TEMPORARY
from mesascope.runs.place import place_of
files = place_of(sys.argv[1])
for number in range(1, 256):
    print(number, flush=True)
    files.write("study/a.safetensors", bytes([number]) * 30_000_000)
"""


@pytest.fixture
def start(where):
    """Starts a process that runs a script on the place, in this one's precision."""
    source = str(Path(mesascope.__file__).parents[1])
    settings = {"PYTHONPATH": source, "MESASCOPE_STUDIES": str(FAKES), "JAX_ENABLE_X64": "1"}
    started = []

    def start(script, **environment):
        command = [sys.executable, "-c", script, str(where)]
        started.append(
            subprocess.Popen(command, env={**os.environ, **settings, **environment}, stdout=subprocess.PIPE, text=True)
        )
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


@pytest.mark.slow
def test_a_killed_process_holds_nothing_and_two_at_once_run_a_cell_once(
    start, store, where, cell, said, times_run, tmp_path, monkeypatch
):
    """Of two processes the one that computes is killed; this one waits for the other, which goes on at a sign."""
    monkeypatch.setattr(lease, "SECONDS", 1.5)
    gate, logs = tmp_path / "gate", [tmp_path / "log-1", tmp_path / "log-2"]
    processes = [start(SCRIPT, FAKE_GATE=str(gate), FAKE_LOG=str(log)) for log in logs]
    wait_until(lambda: any(log.exists() for log in logs))
    killed = int(not logs[0].exists())
    processes[killed].kill()
    processes[killed].communicate()
    wait_until(logs[1 - killed].exists)
    time.sleep(2.0 if isinstance(where, str) else 0.0)  # longer than a lease that is not refreshed lasts
    store.say = lambda message: (said.append(message), gate.touch())
    assert run(store, cell) == DOUBLES
    out, _ = processes[1 - killed].communicate(timeout=60)
    assert (processes[1 - killed].returncode, out) == (0, f"{DOUBLES}\n")
    assert times_run() == 0
    assert said == ["fake2099-fig1, part 1: another process is at it. Waiting for its result."]


@pytest.mark.slow
def test_a_writer_that_is_killed_in_the_middle_leaves_no_half(start, store):
    writer = start(WRITER)
    for _ in range(3):
        begun = int(writer.stdout.readline())
    time.sleep(0.03)  # of the tenths of a second that it takes
    writer.kill()
    writer.communicate()
    content = store.archive.place.read("study/a.safetensors")
    assert len(content) == 30_000_000
    assert content in (bytes([begun - 1]) * len(content), bytes([begun]) * len(content))
