"""A cell, the piece of computation a study is made of: its configuration computes itself."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from mesascope.configuration import describe, fingerprint
from mesascope.random import VALIDATION_SEED, generators
from mesascope.version import __version__

Arrays = dict[str, np.ndarray]
Report = Callable[[int, int, str], None]  # steps done, steps in all, what to say


class Workspace(NamedTuple):
    """What a running cell may use: a file to keep partial work in, a way to tell how far it is, and shared results."""

    checkpoint: Path | None = None
    report: Report = lambda done, total, text: None
    need: "Callable[[AbstractShared], Arrays]" = lambda shared: shared.compute(Workspace())


class AbstractConfig(eqx.Module):
    """What a cell computes. Its fields are every number and choice that the result depends on."""

    @abstractmethod
    def compute(self, workspace: Workspace) -> Arrays:
        """Named arrays, nothing else."""

    def program(self) -> Any:
        """What the compiled program of a training depends on, as data: others of the same share it. None for others."""
        return None


class AbstractShared(AbstractConfig):
    """What several studies may need, such as one training: computed once, whichever asks first, and stored for all.

    It may be a cell's configuration, and any cell gets its result from `workspace.need(shared)`.
    """

    @property
    @abstractmethod
    def seeds(self) -> int:
        """How many seeds it is over."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is, for people."""


class Cell(NamedTuple):
    """One piece of a study's computation: a label for people, and everything its result depends on."""

    label: str
    config: AbstractConfig


class PlacedCell(NamedTuple):
    """A cell and where its result lies: whose it is, and the hash of its whole configuration.

    `seeds` and `settings` are told beside a result: those of the study that asked, or of what is shared.
    """

    label: str
    config: AbstractConfig
    owner: str
    key: str
    seeds: int
    settings: Any

    def compute(self, workspace: Workspace) -> Arrays:
        """The result, computed now."""
        return {name: np.asarray(array) for name, array in self.config.compute(workspace).items()}


def place(cell: Cell, study: str, seeds: int, settings: Any) -> PlacedCell:
    """The cell with the name its result is stored under.

    The package's version, JAX's precision, what random numbers depend on and the seed of validation prompts are part of
    the name: a result of another release, or of single precision, is never taken for one of this. The number of devices
    is not: it changes the last bits alone, and a result's provenance says how many there were. Between releases, run
    with `force` after editing what a cell computes.
    """
    if isinstance(cell.config, AbstractShared):
        study, seeds, settings = "shared", cell.config.seeds, describe(cell.config)
    environment = {
        "version": __version__,
        "precision": str(jnp.result_type(float)),
        "generators": generators(),
        "validation_seed": VALIDATION_SEED,
    }
    key = fingerprint({**environment, "study": study, "config": describe(cell.config)})
    return PlacedCell(cell.label, cell.config, study, key, seeds, settings)


def place_shared(shared: AbstractShared) -> PlacedCell:
    """What several studies need, with the name its result is stored under."""
    return place(Cell(shared.label, shared), "shared", shared.seeds, None)


def shared_within(value: Any) -> Iterator[AbstractShared]:
    """Everything shared that a configuration holds in its fields, each before what holds it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            yield from shared_within(inner)
            if isinstance(inner, AbstractShared):
                yield inner
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from shared_within(inner)
            if isinstance(inner, AbstractShared):
                yield inner
