"""The settings that stored results of a study were asked for with."""

from collections.abc import Iterable, Iterator
from typing import Any

from mesascope.configuration import describe
from mesascope.studies import find_study
from mesascope.study.base import AbstractStudy


def settled(name: str, settings: Iterable[Any]) -> Iterator[AbstractStudy]:
    """The study at every preset, and with every other `settings`, as provenance tells them, that this version has."""
    cls, seen = find_study(name), []
    studies = [*map(cls.preset, cls.presets), *(_with(cls, each) for each in settings)]
    for study in studies:
        if study is not None and (described := describe(study)) not in seen:
            seen.append(described)
            yield study


def _with(cls: type[AbstractStudy], settings: Any) -> AbstractStudy | None:
    """The study that a description is of; None where this version has no such study."""
    if not isinstance(settings, dict):
        return None
    try:
        study = cls(**{name: _tuples(value) for name, value in settings.items() if name != "class"})
        return study if describe(study) == settings else None
    except (TypeError, ValueError, AttributeError):
        return None


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
