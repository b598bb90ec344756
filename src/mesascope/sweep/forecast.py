"""What a plan comes to before it runs: cells, those stored, programs to compile, and about how long it takes."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mesascope.arrays import UnusableFile
from mesascope.runs.store import Store
from mesascope.study.cell import PlacedCell
from mesascope.sweep.plan import UNKNOWN_SECONDS, PlannedStudy, jobs, kind_of, with_shared

MOST_READ = 20  # stored results of one class, of which the mean time is taken

Seconds = Mapping[str, Mapping[str, float]]


class Forecast(NamedTuple):
    """What there is, what is missing, and how long that takes one after the other; trainings that share a program.

    `num_known` of the missing cells have a time that was measured: here, or for the estimates that come with studies.
    """

    num_points: int
    num_cells: int
    num_stored: int
    num_missing: int
    num_known: int
    num_trainings: int
    num_programs: int
    seconds: float
    longest: float

    def seconds_with(self, num_workers: int) -> float:
        """By the clock, with so many workers."""
        return max(self.seconds / num_workers, self.longest)


def forecast(planned: Sequence[PlannedStudy], store: Store, seconds: Seconds) -> Forecast:
    """What is to come; the `seconds` are of cells elsewhere, by study and by label or class."""
    cells = {each.key: each for each, _ in with_shared(cell for study in planned for cell in study.cells)}
    todo = jobs(planned, store, seconds)
    programs = [json.dumps(form, sort_keys=True) for key in todo if (form := cells[key].config.program()) is not None]
    took = [job.seconds for job in todo.values()]
    return Forecast(
        num_points=len(planned),
        num_cells=len(cells),
        num_stored=len(cells) - len(todo),
        num_missing=len(todo),
        num_known=sum(each != UNKNOWN_SECONDS for each in took),
        num_trainings=len(programs),
        num_programs=len(set(programs)),
        seconds=sum(took),
        longest=max(took, default=0.0),
    )


def seconds_from(store: Store, planned: Iterable[PlannedStudy], elsewhere: Seconds) -> Seconds:
    """Seconds by study and label, with those by class that cells of the plan took in this store, if some are there."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for study in planned:
        for cell, _ in with_shared(study.cells):
            took = found[study.name][kind_of(cell)]
            if len(took) < MOST_READ:
                took += _seconds_of(cell, store)
    means = {name: {kind: sum(of) / len(of) for kind, of in kinds.items() if of} for name, kinds in found.items()}
    return {**elsewhere, **{name: {**elsewhere.get(name, {}), **kinds} for name, kinds in means.items()}}


def _seconds_of(cell: PlacedCell, store: Store) -> list[float]:
    try:
        return [store.archive.read(cell).provenance["seconds"]]
    except (FileNotFoundError, UnusableFile):
        return []
