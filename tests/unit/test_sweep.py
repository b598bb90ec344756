"""Planning what is missing, and processes that do it side by side."""

import os
import sys
from functools import partial

import numpy as np
import pytest

from mesascope.runs.store import Store
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import AbstractConfig, AbstractShared, Cell, PlacedCell, place_shared
from mesascope.sweep.outlook import Outlook, in_words
from mesascope.sweep.plan import PlannedStudy, jobs, plan
from mesascope.sweep.pool import Failed, Finished, Job, Pool, Progressed, Said, Started, WorkerLost
from mesascope.sweep.run import in_order, run_here

WORK = """
import os

def double(number, report, say):
    report(1, 2, "half")
    say(f"doubling {number}")
    print("chatter")
    return 2 * number

def divide(report, say):
    return 1 / 0

class Awkward(Exception):
    def __init__(self, one, two):
        super().__init__(one)

def fail_awkwardly(report, say):
    raise Awkward("a", "b")

def die(report, say):
    os._exit(3)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A module that spawned processes can import, too."""
    directory = tmp_path_factory.mktemp("modules")
    (directory / "pool_work.py").write_text(WORK)
    sys.path.insert(0, str(directory))
    import pool_work  # pyright: ignore[reportMissingImports]

    yield pool_work
    sys.path.remove(str(directory))


def job(key, work, needs=(), seconds=0.0):
    return Job(key, f"label of {key}", work, frozenset(needs), seconds)


def test_jobs_run_in_other_processes_each_after_what_it_needs(work, capfd):
    first, second = job("first", partial(work.double, 3)), job("second", partial(work.double, 4), needs=["first"])
    third = job("third", partial(work.double, 5))
    with Pool(2) as pool:
        pool.add(second, first)
        events = []
        for event in pool.events():
            events.append(event)
            if event == Finished(first, 6):
                pool.add(third)
        processes = [process.pid for process in pool.processes.values()]
    kinds = [(type(event), event.job.key) for event in events]
    assert kinds.index((Finished, "first")) < kinds.index((Started, "second"))
    assert {event.job.key: event.value for event in events if isinstance(event, Finished)} == {
        "first": 6,
        "second": 8,
        "third": 10,
    }
    assert Progressed(first, 1, 2, "half") in events
    assert Said(second, "doubling 4") in events
    assert os.getpid() not in processes
    assert "chatter" not in capfd.readouterr().out


def test_who_fails_takes_with_it_what_needs_it_and_nothing_else(work):
    with Pool(1) as pool:
        pool.add(
            job("dead", work.die),
            job("after", partial(work.double, 1), needs=["dead"]),
            job("after that", partial(work.double, 1), needs=["after"]),
            job("broken", work.divide),
            job("awkward", work.fail_awkwardly),
            job("fine", partial(work.double, 2)),
        )
        events = list(pool.events())
    failed = {event.job.key: event.error for event in events if isinstance(event, Failed)}
    assert failed.keys() == {"dead", "after", "after that", "broken", "awkward"}
    assert isinstance(failed["after that"], WorkerLost)
    assert "exit code 3" in str(failed["dead"])
    assert isinstance(failed["broken"], ZeroDivisionError)
    assert "in divide" in failed["broken"].__notes__[0]
    assert isinstance(failed["awkward"], RuntimeError)
    assert "Awkward: a" in str(failed["awkward"])
    assert [event.value for event in events if isinstance(event, Finished)] == [4]


class Base(AbstractShared):
    """What others need."""

    seeds = 1
    label = "base"

    def compute(self, workspace):
        return {"one": np.ones(1)}


class Above(AbstractShared):
    """Needs the base, and is needed itself."""

    base: Base
    seeds = 1
    label = "above"

    def compute(self, workspace):
        return {"two": workspace.need(self.base)["one"] + 1}


class Top(AbstractConfig):
    """A cell that needs both."""

    parts: tuple[Above, ...]
    number: int

    def compute(self, workspace):
        return {"sum": workspace.need(self.parts[0])["two"] + self.number}


class Planned(AbstractStudy):
    """Two cells that share what they need."""

    title = "planned"
    source = "a test"
    claims = ()
    presets = {"quick": {}}  # noqa: RUF012
    seeds: int = 1

    def cells(self):
        return tuple(Cell(f"top {number}", Top((Above(Base()),), number)) for number in (1, 2))

    def summarise(self, results):
        return results

    def readings(self, summary):
        return {}

    def figures(self, summary):
        return {}


def test_what_is_shared_is_a_job_before_those_that_need_it(tmp_path):
    (planned,), store = plan([Planned()]), Store(tmp_path)
    todo = jobs([planned], store, {"unit-test-sweep": {"top 2": 60.0}})
    base, above = (place_shared(shared).key for shared in (Base(), Above(Base())))
    tops = [cell.key for cell in planned.cells]
    assert {key: each.needs for key, each in todo.items()} == {
        base: frozenset(),
        above: {base},
        **{key: {base, above} for key in tops},
    }
    assert [each.key for each in in_order([planned], todo)] == [base, above, *tops]
    store.get_or_run(place_shared(Above(Base())), lambda *_: None)
    assert {key: each.needs for key, each in jobs([planned], store, {}).items()} == {key: set() for key in tops}
    assert len(jobs([planned], Store(tmp_path, force=True), {})) == 4


def test_the_quickest_study_comes_first_then_the_longest_way(tmp_path):
    seconds = {"a": 4.0, "b": 1.0, "c": 9.0, "d": 30.0, "e": 20.0}
    todo = {key: job(key, print, seconds=each) for key, each in seconds.items()}
    todo["d"] = job("d", print, needs=["b"], seconds=30.0)

    def study(*keys):
        return PlannedStudy(Planned(), tuple(PlacedCell("", Base(), "shared", key, 1, None) for key in keys))

    ordered = in_order([study("c", "e"), study("a"), study("b", "d")], todo)
    assert [each.key for each in ordered] == ["a", "b", "d", "e", "c"]


class Silent:
    """Nobody is told."""

    def begin(self, label):
        return lambda *_: None

    def end(self, label, finished):
        pass

    def say(self, message):
        pass

    def outlook(self, seconds):
        pass


def test_here_a_study_is_done_when_its_cells_are(tmp_path):
    (done,) = run_here(plan([Planned()]), Store(tmp_path), Silent())
    assert [result["sum"].tolist() for result in done.results] == [[3.0], [4.0]]


def test_what_is_left_is_corrected_by_what_was_measured(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    first, second, third = (job(key, print, seconds=30.0) for key in "abc")
    outlook = Outlook([first, second, third], 2)
    assert outlook.seconds_left() == 45.0
    outlook.start(first)
    clock[0] = 80.0
    outlook.finish(first)  # twice as long: 90 seconds for 40, with what was believed before
    np.testing.assert_allclose(outlook.seconds_left(), 60.0 * 90 / 40 / 2)
    outlook.start(second)
    clock[0] = 140.0
    np.testing.assert_allclose(outlook.seconds_left(), 30.0 * 90 / 40)  # the last one alone
    assert [in_words(seconds) for seconds in (3.0, 42.0, 240.0)] == ["a few seconds", "about 40 s", "about 4 min"]
