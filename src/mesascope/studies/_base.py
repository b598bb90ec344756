"""What a study is: cells to run, a summary of them, figures and verdicts."""

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, final, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from mesascope.configuration import describe, fingerprint
from mesascope.studies._claim import Claim, Verdict
from mesascope.studies._result import StudyResult
from mesascope.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Arrays = dict[str, np.ndarray]
Report = Callable[[int, int, str], None]  # steps done, steps in all, what to say


class Workspace(NamedTuple):
    """What a running cell may use: a file to keep partial work in, a way to tell how far it is, and shared results."""

    checkpoint: Path | None = None
    report: Report = lambda done, total, text: None
    need: "Callable[[AbstractComputation], Arrays]" = lambda computation: computation.compute(Workspace())


class AbstractComputation(eqx.Module):
    """What several studies may need, such as one training: computed once, whichever asks first, and stored for all.

    It may be a cell's configuration, and any cell gets its result from `workspace.need(computation)`.
    """

    @property
    @abstractmethod
    def seeds(self) -> int:
        """How many seeds it is over."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is, for people."""

    @abstractmethod
    def compute(self, workspace: Workspace) -> Arrays:
        """Named arrays, nothing else."""


class Cell(NamedTuple):
    """One piece of a study's computation: a label for people, and everything its result depends on."""

    label: str
    config: Any

    def owner(self, study: str) -> str:
        """Whose result it is: the study's, or everybody's."""
        return "shared" if isinstance(self.config, AbstractComputation) else study

    def key(self, study: str) -> str:
        """The name its result is stored under: the hash of its whole configuration.

        The package's version and JAX's precision are part of it: a result of another release, or of single precision,
        is never taken for one of this. Between releases, run with `force` after editing what a cell computes.
        """
        environment = {"version": __version__, "precision": str(jnp.result_type(float))}
        return fingerprint({**environment, "study": self.owner(study), "config": describe(self.config)})


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


class AbstractStudy(eqx.Module):
    """One figure or claim of a paper. Its fields are its settings, its docstring is its page."""

    title: ClassVar[str]
    source: ClassVar[str]
    claims: ClassVar[tuple[Claim, ...]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    seeds: eqx.AbstractVar[int]

    @classmethod
    def name(cls) -> str:
        """The study's name: its file's, with dashes."""
        return cls.__module__.rsplit(".", 1)[-1].replace("_", "-")

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
