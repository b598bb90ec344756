"""Running planned studies: each is given out when all its cells are stored, with their arrays or why there are none."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from mesascope.extras import ExtraError
from mesascope.runs.store import Store
from mesascope.study.cell import Arrays, Report
from mesascope.sweep.outlook import Outlook
from mesascope.sweep.plan import PlannedStudy, jobs
from mesascope.sweep.pool import Failed, Finished, Job, Pool, Progressed, Said, Started, WorkerLost


class Done(NamedTuple):
    """A study whose cells are stored, their arrays in order, the seconds this took; or the error that stopped one."""

    planned: PlannedStudy
    results: list[Arrays]
    seconds: float = 0.0
    error: Exception | None = None


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


def run_here(planned: Sequence[PlannedStudy], store: Store, watch: AbstractWatch) -> Iterator[Done]:
    """One cell after the other, in this process."""
    for study in planned:
        results: list[Arrays] = []
        started = time.perf_counter()
        try:
            for cell in study.cells:
                label = f"{study.name}: {cell.label}"
                report = watch.begin(label)
                finished = False
                try:
                    results.append(store.get_or_run(cell, report))
                    finished = True
                finally:
                    watch.end(label, finished)
        except ExtraError as error:
            yield Done(study, [], error=error)
        else:
            yield Done(study, results, time.perf_counter() - started)


def run_side_by_side(
    planned: Sequence[PlannedStudy],
    store: Store,
    watch: AbstractWatch,
    pool: Pool,
    seconds: Mapping[str, Mapping[str, float]],
) -> Iterator[Done]:
    """Cells of all studies in the pool's processes; the quickest study first, then those that take longest.

    Whoever takes a study may add jobs to the pool, such as drawing it: they run while cells are left.
    """
    todo = jobs(planned, store, seconds)
    outlook, reports = Outlook(todo.values(), pool.num_workers), {}
    ended: dict[str, Any] = {}
    pool.add(*in_order(planned, todo))
    left = list(planned)
    yield from _complete(left, pool, store, ended)
    for event in pool.events():
        job = event.job
        if isinstance(event, Failed) and (job.key not in todo or not isinstance(event.error, ExtraError | WorkerLost)):
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
            case Finished(value=ending) | Failed(error=ending):
                ended[job.key] = ending
                outlook.finish(job)
                watch.end(job.label, isinstance(event, Finished))
                yield from _complete(left, pool, store, ended)
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


def _complete(left: list[PlannedStudy], pool: Pool, store: Store, ended: Mapping[str, Any]) -> Iterator[Done]:
    """The studies none of whose cells is still to be computed, taken from those left."""
    complete = [each for each in left if not any(cell.key in pool.unfinished for cell in each.cells)]
    reader = Store(store.archive.place, say=store.say) if complete else store
    for study in complete:
        left.remove(study)
        endings = [ended[cell.key] for cell in study.cells if cell.key in ended]
        errors = [ending for ending in endings if isinstance(ending, Exception)]
        if errors:
            yield Done(study, [], error=errors[0])
        else:
            results = [reader.get_or_run(cell, lambda *_: None) for cell in study.cells]
            yield Done(study, results, sum(ending for ending in endings if isinstance(ending, float)))
