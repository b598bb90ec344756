"""Where results of cells are kept, and the plainest such place: memory, while a study runs."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mesascope.study.cell import Arrays, Cell, Report, Workspace

if TYPE_CHECKING:
    from mesascope.study.base import AbstractStudy


@runtime_checkable
class AbstractStore(Protocol):
    """Where results of cells are kept."""

    def get_or_run(self, study: "AbstractStudy", cell: Cell, report: Report) -> Arrays:
        """The stored result of a cell, or the result of running it now, stored."""
        ...


class Memory:
    """Results kept only while a study runs."""

    def __init__(self) -> None:
        self.results: dict[str, Arrays] = {}

    def get_or_run(self, study: "AbstractStudy", cell: Cell, report: Report) -> Arrays:
        """The result of a cell, computed the first time it is asked for."""
        key = cell.key(study.name())
        if key not in self.results:
            workspace = Workspace(None, report, lambda other: self.get_or_run(study, Cell(other.label, other), report))
            self.results[key] = study.compute(cell, workspace)
        return self.results[key]
