"""What a study is: cells to run, a summary of them, figures and verdicts. What it is written with is imported here."""

import time
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

import equinox as eqx
import numpy as np

from mesascope.configuration import describe
from mesascope.study.cell import AbstractComputation, Arrays, Cell, Report, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.study.result import StudyResult
from mesascope.study.store import AbstractStore, Memory

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class AbstractStudy(eqx.Module):
    """One figure or claim of a paper. Its fields are its settings, its docstring is its page."""

    title: ClassVar[str]
    source: ClassVar[str]
    claims: ClassVar[tuple[Claim, ...]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    seeds: eqx.AbstractVar[int]

    @classmethod
    def name(cls) -> str:
        """The study's name: its paper's folder and its own file or folder, with dashes."""
        paper, room = cls.__module__.removesuffix(".study").split(".")[-2:]
        return f"{paper}-{room}".replace("_", "-")

    @classmethod
    def preset(cls, name: str = "quick", **changes: Any) -> "AbstractStudy":
        """The study at a preset (smoke, quick or paper), with fields changed; ValueError for an unknown preset."""
        if name not in cls.presets:
            raise ValueError(f"`preset` must be one of {', '.join(cls.presets)}; got {name!r}.")
        return cls(**{**cls.presets[name], **changes})

    @property
    def preset_name(self) -> str:
        """The preset these fields are, or "custom"."""
        described = describe(self)
        return next((name for name in self.presets if describe(self.preset(name)) == described), "custom")

    @abstractmethod
    def cells(self) -> tuple[Cell, ...]:
        """The pieces of computation."""

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        """Compute one piece that is this study's own: named arrays, nothing else."""
        raise NotImplementedError(f"{self.name()} must say how {cell.label} is computed.")

    @final
    def compute(self, cell: Cell, workspace: Workspace) -> Arrays:
        """Compute one piece, its own or shared."""
        shared = isinstance(cell.config, AbstractComputation)
        arrays = cell.config.compute(workspace) if shared else self.run_cell(cell, workspace)
        return {name: np.asarray(array) for name, array in arrays.items()}

    @abstractmethod
    def summarise(self, results: list[Arrays]) -> Any:
        """What figures and verdicts are made from, given the results of `cells()` in order."""

    @abstractmethod
    def figures(self, summary: Any) -> "dict[str, Figure]":
        """Figures by name."""

    @abstractmethod
    def verdicts(self, summary: Any) -> tuple[Verdict, ...]:
        """One verdict a claim, in order."""

    def notes(self, summary: Any) -> tuple[str, ...]:
        """Numbers worth reporting that no claim is about, a sentence each."""
        return ()

    def run(self, store: AbstractStore | None = None, report: Report | None = None) -> StudyResult:
        """Run every cell (those already in `store` are read from it) and judge the claims."""
        started = time.perf_counter()
        report = report or Workspace().report
        store = Memory() if store is None else store
        results = [store.get_or_run(self, cell, report) for cell in self.cells()]
        summary = self.summarise(results)
        verdicts, notes = self.verdicts(summary), self.notes(summary)
        return StudyResult(self, summary, verdicts, notes, time.perf_counter() - started)
