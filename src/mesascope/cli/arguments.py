"""The commands and their options, as data."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from mesascope.studies import study_names

if TYPE_CHECKING:
    from mesascope.studies._base import AbstractStudy

StudyName = Literal[study_names()] if study_names() else str  # type: ignore[valid-type]
Preset = Literal["smoke", "quick", "paper"]


def default_runs() -> Path:
    """$MESASCOPE_RUNS, else ./runs."""
    return Path(os.environ.get("MESASCOPE_RUNS") or "runs")


@dataclass(frozen=True)
class ListStudies:
    """The studies there are: name, number of claims, title."""

    json: bool = False
    """One JSON document instead."""

    def answer(self) -> int:
        from mesascope.cli.describe import list_studies

        return list_studies(self)


@dataclass(frozen=True)
class Show:
    """A study's page: source, notes, claims with their criteria, presets."""

    study: Annotated[Positional[StudyName], arg(metavar="STUDY")]  # pyright: ignore[reportInvalidTypeForm]
    """A name from `mesascope list`."""
    json: bool = False
    """One JSON document instead."""

    def answer(self) -> int:
        from mesascope.cli.describe import show

        return show(self)


@dataclass(frozen=True, kw_only=True)
class Running:
    """What every command that runs studies can be told."""

    preset: Preset = "quick"
    """smoke takes seconds, quick minutes, paper has the paper's own sizes."""
    runs: Annotated[Path, arg(metavar="DIR")] = field(default_factory=default_runs)
    """Where results are kept; $MESASCOPE_RUNS sets the default."""
    json: bool = False
    """One JSON document on stdout, nothing else."""
    quiet: bool = False
    """No progress, one line a study."""
    force: bool = False
    """Run finished cells again."""


@dataclass(frozen=True, kw_only=True)
class Run(Running):
    """Run studies, judge their claims, draw their figures.

    Every setting of a study is an option too: `mesascope run STUDY --help` lists them. Cells already stored are read,
    not run; a stopped run continues when the same command is given again.
    """

    studies: Annotated[Positional[tuple[StudyName, ...]], arg(metavar="STUDY...")]  # pyright: ignore[reportInvalidTypeForm]
    """Names from `mesascope list`."""

    def answer(self, studies: "tuple[AbstractStudy, ...]" = ()) -> int:
        from mesascope.cli.run import run

        return run(studies, self)


@dataclass(frozen=True, kw_only=True)
class Reproduce(Running):
    """Run every study there is."""

    paper: Annotated[str, arg(metavar="PREFIX")] = ""
    """Only studies whose name begins so, such as oswald2023."""
    seeds: int | None = None
    """Seeds of every study, instead of its preset's."""

    def answer(self) -> int:
        from mesascope.cli.run import reproduce

        return reproduce(self)


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write figures, verdicts, arrays and provenance of stored results; nothing is run.

    Give the options that the results were run with.
    """

    studies: Annotated[Positional[tuple[StudyName, ...]], arg(metavar="STUDY...")]  # pyright: ignore[reportInvalidTypeForm]
    """Names from `mesascope list`."""
    to: Annotated[Path, arg(metavar="DIR")]
    """Where to write."""
    preset: Preset = "quick"
    """The preset they were run at."""
    runs: Annotated[Path, arg(metavar="DIR")] = field(default_factory=default_runs)
    """Where results are kept."""

    def answer(self, studies: "tuple[AbstractStudy, ...]" = (), command: str = "") -> int:
        from mesascope.cli.export import export

        return export(studies, self, command)


@dataclass(frozen=True)
class Completion:
    """A completion script: `eval "$(mesascope completion bash)"` in ~/.bashrc, likewise zsh in ~/.zshrc."""

    shell: Positional[Literal["bash", "zsh", "fish"]]
    """The shell it is for."""
