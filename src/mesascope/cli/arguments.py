"""The commands and their options, as data."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg
from tyro.constructors import PrimitiveConstructorSpec

from mesascope.runs.address import Address, address

StudyNames = Annotated[Positional[tuple[str, ...]], arg(metavar="STUDY...")]
Preset = Literal["smoke", "quick", "paper"]
Directory = Annotated[Path, arg(metavar="DIR")]
Runs = Annotated[
    Path | str,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="DIR|URL",
        instance_from_str=lambda words: address(words[0]),
        is_instance=lambda value: isinstance(value, Path | str),
        str_from_instance=lambda value: [str(value)],
    ),
]


def default_workers() -> int:
    """$MESASCOPE_WORKERS, else the number of cores; ValueError where that is no number."""
    told = os.environ.get("MESASCOPE_WORKERS") or str(len(os.sched_getaffinity(0)))
    if not told.isdecimal() or int(told) < 1:
        raise ValueError(f"`MESASCOPE_WORKERS` must be an integer of at least 1; got {told!r}. Set it anew.")
    return int(told)


def default_runs() -> Address:
    """$MESASCOPE_RUNS, else ./runs; ValueError for a URL that names no kind of place."""
    return address(os.environ.get("MESASCOPE_RUNS") or "runs")


@dataclass(frozen=True)
class ListStudies:
    """The studies there are: name, number of claims, title, and which are of an open question."""

    json: bool = False
    """One JSON document instead."""


@dataclass(frozen=True)
class Show:
    """A study's page: source, notes, claims with their criteria, presets."""

    study: Annotated[Positional[str], arg(metavar="STUDY")]
    """A name from `mesascope list`."""
    json: bool = False
    """One JSON document instead."""


@dataclass(frozen=True, kw_only=True)
class Computing:
    """What every command that computes cells can be told."""

    preset: Preset = "quick"
    """smoke takes up to a minute, most of it to compile, and decides nothing; quick takes minutes; paper has the
    paper's own sizes."""
    runs: Runs = field(default_factory=default_runs)
    """Where results are kept: a folder, sftp://[user@]host/path or s3://bucket/prefix; $MESASCOPE_RUNS sets the
    default."""
    json: bool = False
    """One JSON document on stdout, nothing else."""
    quiet: bool = False
    """No progress, one line a study."""
    force: bool = False
    """Run finished cells again."""
    workers: int = field(default_factory=default_workers)
    """Processes that compute cells side by side, one a core if not told; 1 computes one after the other."""
    scheduler: Annotated[str, arg(metavar="ADDRESS")] = ""
    """The workers of this Dask scheduler compute instead, as tcp://host:8786; needs the extra `cluster`."""
    scheduler_file: Annotated[str, arg(metavar="FILE")] = ""
    """The same, by the file that `dask scheduler --scheduler-file FILE` writes."""

    def __post_init__(self):
        if self.workers < 1:
            raise ValueError(f"`workers` must be an integer of at least 1; got {self.workers}.")
        if self.scheduler and self.scheduler_file:
            raise ValueError(
                f"`scheduler` must not be given beside `scheduler_file`; got {self.scheduler!r} and "
                f"{self.scheduler_file!r}. Leave one out."
            )


@dataclass(frozen=True, kw_only=True)
class Running(Computing):
    """What every command that runs studies can be told."""


@dataclass(frozen=True, kw_only=True)
class Run(Running):
    """Run studies, judge their claims, draw their figures.

    Every setting of a study is an option as well: `mesascope run STUDY --help` lists them. Cells already stored are
    read, not run; a stopped run continues when the same command is given again.
    """

    studies: StudyNames
    """Names from `mesascope list`."""


@dataclass(frozen=True, kw_only=True)
class Reproduce(Running):
    """Run every study there is."""

    paper: Annotated[str, arg(metavar="PREFIX")] = ""
    """Only studies whose name begins so, such as oswald2023."""
    seeds: int | None = None
    """Seeds of every study, instead of its preset's."""


@dataclass(frozen=True, kw_only=True)
class Sweep(Computing):
    """Run one study at every point of a grid of settings, or ask at every point which algorithm is identified.

    `sweep STUDY --grid noise_std=0,0.1 num_layers=1,2` runs a study; `sweep identify STUDY:NUMBER --grid ...` trains
    that training of a study at every point and identifies it; `sweep identify MODEL --task TASK --grid ...` asks a
    model on prompts of every task; `sweep NAME` runs a sweep of `sweep --list`. Points that are stored are read, not
    run; a stopped sweep continues when the same command is given again. Exit code 0: every point is there. 1: a point
    failed, or has numbers that are not finite.
    """

    what: Annotated[Positional[tuple[str, ...]], arg(metavar="STUDY | identify MODEL | NAME")] = ()
    """What is run at every point."""
    grid: Annotated[tuple[str, ...], arg(metavar="NAME=VALUE,VALUE...")] = ()
    """Settings and their values; tuples in brackets, as shapes=[1,2],[3,4]. One value sets it for every point."""
    seeds: int | None = None
    """Seeds of every point, instead of the preset's."""
    dry_run: bool = False
    """Print what would be run, and run nothing."""
    show: Annotated[tuple[str, ...], arg(metavar="NUMBER...")] = ()
    """Numbers for the table and the figure: ids of claims, or names as `--to` writes them; the first claim's if not
    told."""
    to: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write every number of every point into this file: .csv or .json."""
    figure: Annotated[Path | None, arg(metavar="FILE")] = None
    """Draw into this file, .pdf, .svg or .png: curves over one setting, maps over two."""
    width: Annotated[str, arg(metavar="WIDTH")] = "17cm"
    """How wide the figure is on the page, in cm, mm or in."""
    task: str = ""
    """For `identify MODEL`: a name from `mesascope tasks`."""
    candidates: Annotated[tuple[str, ...], arg(metavar="NAME...")] = ()
    """For `identify`: names from `mesascope candidates`; all if not told."""
    budget: Literal["quick", "thorough"] = "quick"
    """For `identify`: how much is asked."""
    list: bool = False
    """The sweeps that there are."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write figures with captions, verdicts, arrays and provenance of stored results; nothing is run.

    Give the settings that the results were run with.
    """

    studies: StudyNames
    """Names from `mesascope list`."""
    to: Directory
    """Where to write."""
    width: Annotated[str, arg(metavar="WIDTH")] = "17cm"
    """How wide figures are on the page, in cm, mm or in: 8.5cm for one column of a journal, 17cm for two."""
    preset: Preset = "quick"
    """The preset they were run at."""
    runs: Runs = field(default_factory=default_runs)
    """Where results are kept; $MESASCOPE_RUNS sets the default."""
    force: bool = False
    """Write over files that are there with other content."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write one HTML page of stored results, which needs no other file: verdicts, interactive figures, models.

    No study is run. The page names studies that are not stored.
    """

    studies: StudyNames = ()
    """Names from `mesascope list`; all if not told."""
    preset: Preset = "quick"
    """The preset they were run at."""
    seeds: int | None = None
    """The seeds they were run with, where these are not their preset's."""
    runs: Runs = field(default_factory=default_runs)
    """Where results are kept; $MESASCOPE_RUNS sets the default."""
    to: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to write, ending in .html; report.html beside the results if not told."""
    open: bool = False
    """Open the page in a browser."""
    compare: Annotated[tuple[Runs, ...], arg(metavar="A B")] = ()
    """Instead, two places of results, of two versions or two machines: which claims moved beyond noise."""


@dataclass(frozen=True, kw_only=True)
class Identify:
    """Say which algorithm a model runs in context, with which parameters, how closely, and where it fails.

    MODEL is a checkpoint, STUDY:NUMBER for a training of a study, module:object for a function, a torch module or an
    estimator, a file of predictions, or a folder in the layout of Garg et al. Settings of the task are options, and so
    are the ranges that parameters of candidates are searched in: `mesascope identify --task TASK --help` lists them.
    """

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """The model."""
    task: str = ""
    """A name from `mesascope tasks`; a study's training has its own."""
    candidates: Annotated[tuple[str, ...], arg(metavar="NAME...")] = ()
    """Names from `mesascope candidates`, baselines beside; all if not told."""
    budget: Literal["quick", "thorough"] = "quick"
    """quick asks thousands of prompts, for 30 s at most; thorough tens of thousands, for 15 minutes."""
    lengths: Annotated[tuple[int, ...], arg(metavar="INT...")] = ()
    """Numbers of examples that candidates are fitted on; the task's if not told."""
    seed: int = 0
    """Of the prompts."""
    preset: Preset = "quick"
    """Of STUDY:NUMBER."""
    runs: Runs = field(default_factory=default_runs)
    """Where a study's trainings are kept; $MESASCOPE_RUNS sets the default."""
    figure: Annotated[Path | None, arg(metavar="FILE")] = None
    """Draw into this file: .pdf, .svg or .png."""
    width: Annotated[str, arg(metavar="WIDTH")] = "17cm"
    """How wide the figure is on the page, in cm, mm or in."""
    save: Annotated[Path | None, arg(metavar="FILE")] = None
    """Keep the result in this file, which `ms.load_identification` reads."""
    json: bool = False
    """One JSON document on stdout, nothing else."""
    quiet: bool = False
    """No progress, and of the result one sentence."""


@dataclass(frozen=True)
class ListCandidates:
    """The algorithms that `identify` tries: name, what a model does that runs it, parameters."""

    json: bool = False
    """One JSON document instead."""


@dataclass(frozen=True)
class ListTasks:
    """The tasks that `identify` draws prompts of: name, distribution, settings."""

    json: bool = False
    """One JSON document instead."""


@dataclass(frozen=True)
class Completion:
    """Print a completion script: put `eval "$(mesascope completion bash)"` in ~/.bashrc, or zsh's in ~/.zshrc.

    New studies are known to it after the shell has started again.
    """

    shell: Positional[Literal["bash", "zsh"]]
    """The shell it is for."""


@dataclass(frozen=True)
class StoredRuns:
    """Look at stored results: list them, show one, verify all, remove what nothing uses, export numbers to Parquet.

    `mesascope runs ACTION --help` lists the options of an action.
    """

    action: Annotated[Positional[Literal["list", "show", "verify", "gc", "export"]], arg(metavar="ACTION")]
    """What to do."""


COMMANDS = {
    "identify": Identify,
    "candidates": ListCandidates,
    "tasks": ListTasks,
    "list": ListStudies,
    "show": Show,
    "run": Run,
    "reproduce": Reproduce,
    "sweep": Sweep,
    "export": Export,
    "report": Report,
    "runs": StoredRuns,
    "completion": Completion,
}
