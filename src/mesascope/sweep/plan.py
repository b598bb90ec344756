"""What is to be computed: the cells of every study, laid out and hashed once, and a job for each that is missing."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from mesascope.runs.address import Address
from mesascope.runs.store import Store
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import PlacedCell, Report, place_shared, shared_within
from mesascope.sweep.pool import Job

UNKNOWN_SECONDS = 5.0  # of a cell that nobody has timed


class PlannedStudy(NamedTuple):
    """A study and its cells, each with where its result lies."""

    study: AbstractStudy
    cells: tuple[PlacedCell, ...]

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.name()


def plan(studies: Iterable[AbstractStudy]) -> tuple[PlannedStudy, ...]:
    """Every study's cells; ValueError where settings are impossible, before anything runs."""
    return tuple(PlannedStudy(study, study.placed()) for study in studies)


def with_shared(cells: Iterable[PlacedCell]) -> Iterator[tuple[PlacedCell, frozenset[str]]]:
    """Every cell and everything shared that it holds, each once, with the keys of what it holds itself."""
    placed: dict[str, PlacedCell] = {}
    for cell in cells:
        for each in (*map(place_shared, shared_within(cell.config)), cell):
            placed.setdefault(each.key, each)
    for each in placed.values():
        yield each, frozenset(place_shared(shared).key for shared in shared_within(each.config))


def jobs(
    planned: Iterable[PlannedStudy],
    store: Store,
    seconds: Mapping[str, Mapping[str, float]],
) -> dict[str, Job]:
    """A job for every cell that is not stored, or for all where the store is forced, by its key.

    `seconds` says what a cell of a study took elsewhere, by the cell's label.
    """
    found: dict[str, Job] = {}
    for study, cells in planned:
        times = {**seconds.get("shared", {}), **seconds.get(study.name(), {})}
        for cell, needs in with_shared(cells):
            if cell.key not in found and (store.force or not store.archive.holds(cell)):
                work = partial(compute, store.archive.directory, cell, store.force)
                expected = times.get(cell.label, UNKNOWN_SECONDS)
                found[cell.key] = Job(cell.key, f"{study.name()}: {cell.label}", work, needs, expected)
    return {key: job._replace(needs=job.needs & found.keys()) for key, job in found.items()}


def compute(directory: Address, cell: PlacedCell, again: bool, report: Report, say: Callable[[str], None]) -> float:
    """Compute one cell in this process, `again` even where its result is stored, and store it; the seconds taken."""
    from mesascope.training.runtime import set_up_runtime

    set_up_runtime()
    started = time.perf_counter()
    store = Store(directory, say=say)
    (store.run_again if again else store.get_or_run)(cell, report)
    return time.perf_counter() - started
