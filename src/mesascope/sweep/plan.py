"""What is to be computed: the cells of every study, laid out and hashed once, and a job for each that is missing."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp

from mesascope.runs.address import Address
from mesascope.runs.store import Store
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import Cell, PlacedCell, Report, place, place_shared, shared_within
from mesascope.sweep.pool import Job
from mesascope.version import __version__

UNKNOWN_SECONDS = 5.0  # of a cell that nobody has timed


class PlannedStudy(NamedTuple):
    """A study and its cells, each with where its result lies; of a sweep, the `point` of the grid in words."""

    study: AbstractStudy
    cells: tuple[PlacedCell, ...]
    point: str = ""

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.name()

    def label(self, cell: PlacedCell) -> str:
        """A cell of it, for people."""
        return f"{self.name}{f' at {self.point}' if self.point else ''}: {cell.label}"


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
    for study in planned:
        times = {**seconds.get("shared", {}), **seconds.get(study.name, {})}
        for cell, needs in with_shared(study.cells):
            if cell.key not in found and (store.force or not store.archive.holds(cell)):
                work = partial(compute, location(store), cell, store.force)
                expected = times.get(kind_of(cell), times.get(cell.label, UNKNOWN_SECONDS))
                found[cell.key] = Job(cell.key, study.label(cell), work, needs, expected)
    return {key: job._replace(needs=job.needs & found.keys()) for key, job in found.items()}


class OtherEnvironment(RuntimeError):
    """A process would not compute what it is asked for."""


def check_same_key(cell: PlacedCell) -> None:
    """Raise `OtherEnvironment` where this process would store a cell under another name than who sent it."""
    here = place(Cell(cell.label, cell.config), cell.owner, cell.seeds, cell.settings)
    if here.key != cell.key:
        raise OtherEnvironment(
            f"the worker computes in other surroundings: there mesascope is {__version__} and numbers are "
            f"{jnp.result_type(float)}. Give workers the same version, the same studies and the same JAX_ENABLE_X64."
        )


def kind_of(cell: PlacedCell) -> str:
    """The class of a cell, whose cells take about as long as each other."""
    return f"class {type(cell.config).__name__}"


def location(store: Store) -> Address:
    """Where a store's results lie, as another process finds it, too."""
    directory = store.archive.directory
    return directory.absolute() if isinstance(directory, Path) else directory


def compute(directory: Address, cell: PlacedCell, again: bool, report: Report, say: Callable[[str], None]) -> float:
    """Compute one cell in this process, `again` even where its result is stored, and store it; the seconds taken."""
    from mesascope.training.runtime import set_up_runtime

    set_up_runtime()
    check_same_key(cell)
    started = time.perf_counter()
    store = Store(directory, say=say)
    (store.run_again if again else store.get_or_run)(cell, report)
    return time.perf_counter() - started
