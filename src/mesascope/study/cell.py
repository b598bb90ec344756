"""A cell, the piece of computation a study is made of: what its result depends on, and what it may use as it runs."""

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from mesascope.configuration import describe, fingerprint
from mesascope.version import __version__

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
