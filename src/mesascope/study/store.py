"""Where results of cells are kept, and the plainest such place: memory, while a study runs."""

from typing import Protocol, runtime_checkable

from mesascope.study.cell import Arrays, PlacedCell, Report, Workspace, place_shared


@runtime_checkable
class AbstractStore(Protocol):
    """Where results of cells are kept."""

    def get_or_run(self, cell: PlacedCell, report: Report) -> Arrays:
        """The stored result of a cell, or the result of running it now, stored."""
        ...


class Memory:
    """Results kept only while a study runs."""

    def __init__(self) -> None:
        self.results: dict[str, Arrays] = {}

    def get_or_run(self, cell: PlacedCell, report: Report) -> Arrays:
        """The result of a cell, computed the first time it is asked for."""
        if cell.key not in self.results:
            workspace = Workspace(None, report, lambda shared: self.get_or_run(place_shared(shared), report))
            self.results[cell.key] = cell.compute(workspace)
        return self.results[cell.key]
