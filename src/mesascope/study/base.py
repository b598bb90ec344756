"""What a study is: claims, presets, cells to run, a summary of them, the numbers that are judged, and figures."""

import dataclasses
import time
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import equinox as eqx
import numpy as np

from mesascope.configuration import describe
from mesascope.spelling import did_you_mean
from mesascope.stats import Estimate
from mesascope.study.cell import Arrays, Cell, PlacedCell, Report, place
from mesascope.study.claim import Claim, Numbers, Verdict
from mesascope.study.progress import told
from mesascope.study.result import StudyResult
from mesascope.study.store import AbstractStore, Memory
from mesascope.validation import check_callable, check_known, check_seeds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Readings = Mapping[str, Numbers | Estimate]


class AbstractStudy(eqx.Module):
    """One figure or claim of a paper. Its fields are its settings, its docstring is its page.

    A setting that is a tuple lists what is compared, each once.
    """

    title: ClassVar[str]
    source: ClassVar[str]
    claims: ClassVar[tuple[Claim, ...]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]

    seeds: eqx.AbstractVar[int]

    def __check_init__(self):
        check_seeds(self.seeds, getattr(self, "first_seed", 0))
        for name, value in vars(self).items():
            if isinstance(value, tuple) and any(entry in value[:i] for i, entry in enumerate(value)):
                raise ValueError(f"`{name}` must list nothing twice; got {value!r}. Leave one out.")

    @classmethod
    def name(cls) -> str:
        """The study's name: its paper's folder and its own file or folder, with dashes."""
        paper, room = cls.__module__.removesuffix(".study").split(".")[-2:]
        return f"{paper}-{room}".replace("_", "-")

    @classmethod
    def kind(cls) -> Literal["paper", "open question"]:
        """Of an open question, if some claim answers one."""
        return "open question" if any(claim.kind == "open question" for claim in cls.claims) else "paper"

    @classmethod
    def preset(cls, name: str = "quick", **changes: Any) -> "AbstractStudy":
        """The study at a preset (smoke, quick or paper), with settings changed; ValueError for what there is not."""
        check_known("preset", name, cls.presets)
        settings = [field.name for field in dataclasses.fields(cls) if field.init]
        for setting in changes:
            if setting not in settings:
                raise ValueError(
                    f"A setting of {cls.name()} must be one of {', '.join(settings)}; got {setting!r}."
                    f"{did_you_mean(setting, settings)}"
                )
        return cls(**{**cls.presets[name], **changes})

    @property
    def preset_name(self) -> str:
        """The preset these fields are, or "custom"."""
        described = describe(self)
        return next((name for name in self.presets if describe(self.preset(name)) == described), "custom")

    @abstractmethod
    def cells(self) -> tuple[Cell, ...]:
        """The pieces of computation, each with a configuration that computes itself."""

    @abstractmethod
    def summarise(self, results: list[Arrays]) -> Any:
        """What readings and figures are made from, given the results of `cells()` in order."""

    @abstractmethod
    def readings(self, summary: Any) -> Readings:
        """The numbers that are judged, by the claim's id: one a seed, one in all, or the estimate of a bootstrap.

        Under other names, in plain words, numbers that no claim is about and that are worth a row of a table.
        """

    @abstractmethod
    def figures(self, summary: Any) -> "dict[str, Figure]":
        """Figures by name."""

    def notes(self, summary: Any) -> tuple[str, ...]:
        """Remarks that these results call for, a sentence each; numbers stand in `readings`."""
        return ()

    def identified(self, summary: Any) -> tuple[str, ...]:
        """What `identify` says of the models that the study asks, a sentence each; most studies ask none."""
        return ()

    @final
    def placed(self) -> tuple[PlacedCell, ...]:
        """The cells and where their results lie: laid out and hashed here, once a run."""
        name, seeds, settings = self.name(), self.seeds, describe(self)
        return tuple(place(cell, name, seeds, settings) for cell in self.cells())

    @final
    def verdicts(self, summary: Any) -> tuple[Verdict, ...]:
        """One verdict a claim, in order."""
        return self.judge(summary)[0]

    @final
    def judge(self, summary: Any) -> "tuple[tuple[Verdict, ...], dict[str, tuple[float, ...]]]":
        """One verdict a claim, in order; and the numbers that no claim is about, by their names."""
        numbers, preset = dict(self.readings(summary)), self.preset_name
        verdicts = tuple(claim.judge(numbers.pop(claim.id), preset) for claim in self.claims)
        others = {name: _plain(found) for name, found in numbers.items()}
        return verdicts, others

    @final
    def result(self, results: list[Arrays], seconds: float) -> StudyResult:
        """Verdicts, numbers, remarks and figures, given the results of the cells in order."""
        summary = self.summarise(results)
        verdicts, others = self.judge(summary)
        return StudyResult(
            study=self.name(),
            preset=self.preset_name,
            kind=self.kind(),
            summary=summary,
            verdicts=verdicts,
            others=others,
            notes=self.notes(summary),
            identified=self.identified(summary),
            seconds=seconds,
            draw=self.figures,
        )

    def run(self, store: AbstractStore | None = None, report: Report | None = None) -> StudyResult:
        """Run every cell (those already in `store` are read from it) and judge the claims.

        `report` is told how far each cell is; without it a line on standard error names a cell that takes its time.
        """
        if store is not None and (isinstance(store, type) or not isinstance(store, AbstractStore)):
            raise ValueError(
                f"`store` must be a store of results; got {store!r}. Make one of a directory: `Store('runs')`."
            )
        if report is not None:
            check_callable("report", report, 3, "It is called with the steps done, the steps in all and a text.")
        started = time.perf_counter()
        store = Memory() if store is None else store
        results, cells = [], self.placed()
        for number, cell in enumerate(cells, 1):
            what = f"{self.name()}, {cell.label} ({number} of {len(cells)})"
            with told(what) if report is None else nullcontext(report) as report_of_cell:
                results.append(store.get_or_run(cell, report_of_cell))
        return self.result(results, time.perf_counter() - started)


def _plain(numbers: Numbers | Estimate) -> tuple[float, ...]:
    return tuple(np.ma.filled(np.ma.atleast_1d(np.ma.asarray(numbers, float)), np.nan).ravel().tolist())
