"""The actions of `mesascope runs` and their options, as data."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from mesascope.cli.arguments import Runs, default_runs

Names = Annotated[Positional[tuple[str, ...]], arg(metavar="STUDY...")]


@dataclass(frozen=True, kw_only=True)
class AbstractRuns:
    """What every action can be told."""

    runs: Runs = field(default_factory=default_runs)
    """Where results are kept: a folder, sftp://[user@]host/path or s3://bucket/prefix; $MESASCOPE_RUNS sets the
    default."""
    json: bool = False
    """One JSON document instead."""


@dataclass(frozen=True, kw_only=True)
class ListRuns(AbstractRuns):
    """The results there are: study, preset, label, seeds, when, seconds, version, size."""

    studies: Names = ()
    """Only results of these, or `shared`."""


@dataclass(frozen=True, kw_only=True)
class ShowRun(AbstractRuns):
    """Everything of one result, or of all of a study: configuration, provenance, arrays."""

    result: Annotated[Positional[str], arg(metavar="KEY|STUDY")]
    """The first letters of a key, from `mesascope runs list`, or a study."""


@dataclass(frozen=True, kw_only=True)
class VerifyRuns(AbstractRuns):
    """Read every file and name what is damaged, and how; exit code 1 if anything is.

    What is left over of processes that ended is named too, and is no damage.
    """


@dataclass(frozen=True, kw_only=True)
class CollectRuns(AbstractRuns):
    """Name what this version uses at no preset and with no settings of yours, and what is left over.

    Nothing is deleted without --yes.

    What is being written stays, and so do results of studies that this version does not know, unless they are named.
    """

    studies: Names = ()
    """Studies that this version does not know, whose results go as well."""
    yes: bool = False
    """Delete what is named."""


@dataclass(frozen=True, kw_only=True)
class ExportRuns(AbstractRuns):
    """Write the numbers of all studies whose cells are stored as one table, in Parquet: a row a number and seed."""

    to: Annotated[Path, arg(metavar="FILE")]
    """The file, whose name ends in .parquet."""
    studies: Names = ()
    """Only these studies."""
    force: bool = False
    """Write over a file that is there."""


ACTIONS = {"list": ListRuns, "show": ShowRun, "verify": VerifyRuns, "gc": CollectRuns, "export": ExportRuns}
