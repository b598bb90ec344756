"""A declared sweep: a question about many settings, with the grid that answers it."""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx

from mesascope.study.cell import AbstractShared
from mesascope.validation import check_known


class AbstractSweep(eqx.Module):
    """A training at every point of a grid, and which algorithm is identified there.

    A field that is a tuple is an axis: it lists the values of a setting of its name. Other fields are the same at every
    point. The docstring is the sweep's page. `candidates` are who may be named, baselines beside; all where there are
    none.
    """

    title: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    candidates: ClassVar[tuple[str, ...]] = ()

    seeds: eqx.AbstractVar[int]

    @abstractmethod
    def at(self, settings: Mapping[str, Any]) -> AbstractShared:
        """The training at a point, a value for each axis; ValueError for settings that cannot be."""

    @classmethod
    def name(cls) -> str:
        """Its file's, with dashes."""
        return cls.__module__.split(".")[-1].replace("_", "-")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "AbstractSweep":
        """The sweep at a preset, with fields changed."""
        check_known("preset", name, cls.presets)
        return cls(**{**cls.presets[name], **changes})

    def axes(self) -> dict[str, tuple[Any, ...]]:
        """The settings that vary, and their values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, tuple)}
