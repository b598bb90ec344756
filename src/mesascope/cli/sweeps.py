"""What a `sweep` command is about: a study at every point of a grid, and which of its numbers are shown."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mesascope.cli.arguments import Sweep
from mesascope.cli.errors import InputError
from mesascope.report.sweeps import Row, Settings, number_rows
from mesascope.report.tables import all_numbers
from mesascope.spelling import did_you_mean
from mesascope.studies import declared_sweeps, find_study
from mesascope.study.base import AbstractStudy
from mesascope.sweep.grid import axes_of
from mesascope.sweep.plan import PlannedStudy, plan
from mesascope.sweep.points import Point, points_of, settings_of
from mesascope.sweep.run import Done


class Opened(NamedTuple):
    """A sweep's points, the settings they differ in, the numbers shown, the bounds of claims, and a point's rows."""

    name: str
    points: tuple[Point, ...]
    axes: Mapping[str, tuple[Any, ...]]
    shown: tuple[str, ...]
    bounds: Mapping[str, float]
    rows: Callable[[Settings, Done], list[Row]]
    others: tuple[PlannedStudy, ...] = ()  # whose stored cells tell how long such cells take


def opened(command: Sweep) -> Opened:
    """What the command is about; ValueError for what there is not and for settings that cannot be."""
    from mesascope.cli import sweeps_of_algorithms as asked

    name, *others = command.what or ("",)
    if not name:
        raise ValueError("`sweep` needs the name of a study. `mesascope list` names them all, `sweep --list` sweeps.")
    if name == "identify":
        return asked.of_model(command, others)
    if others:
        raise ValueError(f"`sweep` takes one study; got {' '.join(command.what)!r}. Name one.")
    for option in ("task", "candidates"):
        if getattr(command, option):
            raise ValueError(f"`--{option}` is for `sweep identify`; got it with {name!r}. Leave it out.")
    if name in declared_sweeps():
        return asked.of_declared(command, declared_sweeps()[name])
    return of_study(command, find_study(name))


def of_study(command: Sweep, cls: type[AbstractStudy]) -> Opened:
    """A sweep of a study's settings."""
    axes = axes_of(command.grid, settings_of(cls), cls.name())
    if command.seeds is not None and any(axis.name == "seeds" for axis in axes):
        raise ValueError("`--seeds` must not be given beside seeds in `--grid`. Leave one out.")
    fixed = {} if command.seeds is None else {"seeds": command.seeds}
    points = points_of(cls, command.preset, axes, fixed)
    claims = {claim.id: claim.bound for claim in cls.claims}
    shown = command.show or tuple(claims)[:1]
    return Opened(
        name=f"{cls.name()}, preset {command.preset}",
        points=points,
        axes={axis.name: axis.values for axis in axes},
        shown=shown,
        bounds=claims,
        rows=lambda settings, done: rows_of_study(settings, done, shown),
        others=plan([cls.preset(command.preset)]),
    )


def rows_of_study(settings: Settings, done: Done, shown: tuple[str, ...]) -> list[Row]:
    """The rows of one point; InputError for a number to show that there is not."""
    result = done.planned.study.result(done.results, done.seconds)
    known = all_numbers(result)
    for name in shown:
        if name not in known and name not in {verdict.claim.id for verdict in result.verdicts}:
            listed = "\n".join(f"  {each}" for each in known)
            meant = did_you_mean(name, known)
            raise InputError(f"`--show` must name numbers of the study; got {name!r}.{meant} There are:\n{listed}")
    return number_rows(settings, result)
