"""The points of a sweep over a study's settings: a study for each."""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mesascope.study.base import AbstractStudy
from mesascope.sweep.grid import Axis, combinations, in_words
from mesascope.sweep.plan import PlannedStudy


class Point(NamedTuple):
    """The settings that the grid gives, and the study that they make, laid out."""

    settings: Mapping[str, Any]
    planned: PlannedStudy


def settings_of(cls: type) -> dict[str, Any]:
    """The types of a dataclass's settings, by name."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def points_of(
    cls: type[AbstractStudy], preset: str, axes: Sequence[Axis], fixed: Mapping[str, Any]
) -> tuple[Point, ...]:
    """A study at a preset for every point of the grid, with `fixed` settings changed, too.

    Raises ValueError, with the point's values, where a study refuses them.
    """
    return tuple(_point(cls, preset, settings, fixed) for settings in combinations(axes))


def _point(cls: type[AbstractStudy], preset: str, settings: Mapping[str, Any], fixed: Mapping[str, Any]) -> Point:
    try:
        study = cls.preset(preset, **fixed, **settings)
        return Point(settings, PlannedStudy(study, study.placed(), in_words(settings)))
    except ValueError as error:
        raise ValueError(f"{cls.name()} refuses {in_words({**fixed, **settings})}: {error}") from error
