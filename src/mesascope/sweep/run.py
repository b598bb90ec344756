"""Running planned studies: each is given out when all its cells are stored, with their arrays or why there are none."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from mesascope.arrays import UnusableFile
from mesascope.extras import ExtraError
from mesascope.runs.archive import MissingResult
from mesascope.runs.directory import DirectoryError
from mesascope.runs.store import Store
from mesascope.study.cell import Arrays, PlacedCell, Report
from mesascope.study.store import AbstractStore
from mesascope.sweep.outlook import Outlook
from mesascope.sweep.plan import PlannedStudy, jobs
from mesascope.sweep.pool import Event, Failed, Finished, Job, Lost, Progressed, Said, Started, WorkerLost


class Done(NamedTuple):
    """A study whose cells are stored, their arrays in order, the seconds this took; or the error that stopped one."""

    planned: PlannedStudy
    results: list[Arrays]
    seconds: float = 0.0
    error: Exception | None = None


class ResultElsewhere(RuntimeError):
    """A worker has computed a cell, but what it stored is not seen here."""


@runtime_checkable
class AbstractWatch(Protocol):
    """Who is told how far things are."""

    def begin(self, label: str) -> Report:
        """A cell has begun; gives whom to tell of its progress."""
        ...

    def end(self, label: str, finished: bool) -> None:
        """A cell has ended."""
        ...

    def say(self, message: str) -> None:
        """A message for the user."""
        ...

    def outlook(self, seconds: float) -> None:
        """About how many seconds are left."""
        ...


@runtime_checkable
class AbstractEngine(Protocol):
    """What does jobs, each after those it needs: processes of this machine, or the workers of a cluster."""

    unfinished: set[str]

    @property
    def num_workers(self) -> int:
        """How many jobs it does side by side."""
        ...

    def add(self, *jobs: Job) -> None:
        """More to do, after what was added earlier."""
        ...

    def events(self) -> Iterator[Event]:
        """What happens until nothing is left to do."""
        ...

    def reader(self, store: Store) -> AbstractStore:
        """Where results that it has computed are read."""
        ...


def stops_all(error: BaseException) -> bool:
    """Whether an error is one of the place where results are kept, which no other cell would be spared."""
    return isinstance(error, DirectoryError | UnusableFile)


def run_here(
    planned: Sequence[PlannedStudy], store: Store, watch: AbstractWatch, keep_going: bool = False
) -> Iterator[Done]:
    """One cell after the other, in this process. To `keep_going` a cell that raises ends its study alone."""
    for study in planned:
        results: list[Arrays] = []
        started = time.perf_counter()
        try:
            for cell in study.cells:
                if keep_going and not store.force and store.archive.holds(cell):  # of many points: nobody need hear
                    results.append(store.get_or_run(cell, lambda *_: None))
                else:
                    results.append(_run_watched(study, cell, store, watch))
        except Exception as error:
            if stops_all(error) or not (keep_going or isinstance(error, ExtraError)):
                raise
            yield Done(study, [], error=error)
        else:
            yield Done(study, results, time.perf_counter() - started)


def _run_watched(study: PlannedStudy, cell: PlacedCell, store: Store, watch: AbstractWatch) -> Arrays:
    label, finished = study.label(cell), False
    report = watch.begin(label)
    try:
        arrays = store.get_or_run(cell, report)
        finished = True
        return arrays
    finally:
        watch.end(label, finished)


def run_side_by_side(
    planned: Sequence[PlannedStudy],
    store: Store,
    watch: AbstractWatch,
    engine: AbstractEngine,
    seconds: Mapping[str, Mapping[str, float]],
    *,
    keep_going: bool = False,
) -> Iterator[Done]:
    """Cells of all studies by the engine; the quickest study first, then those that take longest.

    Whoever takes a study may add jobs to the engine, such as drawing it: they run while cells are left. To `keep_going`
    a cell that raises ends its study alone.
    """
    todo = jobs(planned, store, seconds)
    outlook, reports = Outlook(todo.values(), engine.num_workers), {}
    ended: dict[str, Any] = {}
    engine.add(*in_order(planned, todo))
    left = list(planned)
    yield from _complete(left, engine, store, ended)
    for event in engine.events():
        job = event.job
        if isinstance(event, Failed):
            expected = keep_going or isinstance(event.error, ExtraError | WorkerLost)
            if stops_all(event.error) or job.key not in todo or not expected:
                raise event.error
        if job.key not in todo:
            continue
        match event:
            case Started():
                outlook.start(job)
                reports[job.key] = watch.begin(job.label)
            case Progressed(done=done, total=total, text=text):
                reports[job.key](done, total, text)
            case Said(text=text):
                watch.say(text)
            case Lost(text=text):
                watch.end(job.label, False)
                if text:
                    watch.say(f"{job.label} {text}")
            case Finished(value=ending) | Failed(error=ending):
                ended[job.key] = ending
                outlook.finish(job)
                watch.end(job.label, isinstance(event, Finished))
                yield from _complete(left, engine, store, ended)
        watch.outlook(outlook.seconds_left())


def in_order(planned: Sequence[PlannedStudy], todo: Mapping[str, Job]) -> Iterator[Job]:
    """All jobs: those of the study that takes least, so that a verdict is soon there; then the longest first."""
    keys = [{cell.key for cell in study.cells} & todo.keys() for study in planned]
    keys = [of | {need for key in of for need in todo[key].needs} for of in keys if of]
    first = min(keys, key=lambda of: sum(todo[key].seconds for key in of), default=set())
    yield from (todo[key] for key in todo if key in first)
    rest = [job for key, job in todo.items() if key not in first]
    until_end = {job.key: job.seconds for job in rest}
    for job in reversed(rest):  # what is needed stands before what needs it
        for need in job.needs & until_end.keys():
            until_end[need] = max(until_end[need], todo[need].seconds + until_end[job.key])
    yield from sorted(rest, key=lambda job: -until_end[job.key])


def _complete(
    left: list[PlannedStudy], engine: AbstractEngine, store: Store, ended: Mapping[str, Any]
) -> Iterator[Done]:
    """The studies none of whose cells is still to be computed, taken from those left."""
    complete = [each for each in left if not any(cell.key in engine.unfinished for cell in each.cells)]
    reader = engine.reader(store) if complete else store
    for study in complete:
        left.remove(study)
        endings = [ended[cell.key] for cell in study.cells if cell.key in ended]
        errors = [ending for ending in endings if isinstance(ending, Exception)]
        if errors:
            yield Done(study, [], error=errors[0])
            continue
        try:
            results = [reader.get_or_run(cell, lambda *_: None) for cell in study.cells]
        except MissingResult as error:
            told = f"{error} Workers must see the same directory as this command."
            yield Done(study, [], error=ResultElsewhere(told))
        else:
            yield Done(study, results, sum(ending for ending in endings if isinstance(ending, float)))
