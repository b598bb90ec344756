"""What the studies of propositions share: a comparison of one shape, their settings, and how exact they must be."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.random import seed_key
from mesascope.studies._shared.measure import jit_once
from mesascope.study.base import AbstractStudy
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.study.claim import Claim
from mesascope.validation import check_count, check_seed

ERROR = "largest error of a prediction in float64"


def exactly(name: str, statement: str, quantity: str, restates: str = "") -> Claim:
    """The claim that the largest of absolute errors is rounding: in float64, of numbers of order 1.

    The paper's where it restates something, otherwise found here.
    """
    kind = "paper" if restates else "found here"
    return Claim(name, statement, quantity, "at most", 1e-12, over="one number", kind=kind, restates=restates)


class AbstractComparison(AbstractConfig):
    """A model of explicit weights against an algorithm, on prompts of one shape that every seed draws for itself."""

    dim_x: int = 10
    dim_y: int = 1
    num_examples: int = 10
    num_steps: int = 8
    num_prompts: int = 1000
    seeds: int = 5
    precision: str = "float64"
    first_key: int = 0

    def __check_init__(self):
        check_seed("first_key", self.first_key)

    @abstractmethod
    def errors(self, key: Key[Array, ""]) -> dict[str, Array]:
        """The largest absolute errors of one seed, by what is compared."""

    @property
    def label(self) -> str:
        """The comparison, for people."""
        return f"{shape_label((self.dim_x, self.dim_y, self.num_examples))}, {self.precision}"

    def compute(self, workspace: Workspace) -> Arrays:
        """What `errors` gives, on a leading axis over seeds."""
        with jax.enable_x64(self.precision == "float64"):
            keys = jax.random.split(seed_key(self.first_key), self.seeds)
            found = jit_once(lambda keys: jax.lax.map(self.errors, keys))(keys)
        workspace.report(1, 1, "compared")
        return jax.tree.map(np.asarray, found)


class AbstractProposition(AbstractStudy):
    """A model of explicit weights equals an algorithm, for several shapes."""

    shapes: eqx.AbstractVar[tuple[tuple[int, ...], ...]]

    seeds: int = 3
    """Draws of prompts and of weights, each from a key of its own."""
    num_steps: int = 3
    """Layers, and steps of the algorithm."""
    num_prompts: int = 100
    """Prompts a seed."""

    def __check_init__(self):
        for name in ("seeds", "num_steps", "num_prompts"):
            check_count(name, getattr(self, name))
        for size in (size for shape in self.shapes for size in shape):
            check_count("shapes", size)
        if not self.shapes:
            raise ValueError("`shapes` must hold at least one shape; got none.")


def largest_by_step(errors: Float[Array, "prompts steps *of"]) -> Float[Array, " steps"]:
    """The largest absolute error after each step."""
    by_step = jnp.moveaxis(jnp.abs(errors), 1, 0)
    return by_step.reshape(len(by_step), -1).max(axis=1)


def visible(errors: np.ndarray) -> np.ndarray:
    """Errors for a logarithmic axis: an exact zero just below the precision of float64."""
    return np.maximum(errors, np.finfo(float).eps / 10)


def shape_label(shape: tuple[int, ...]) -> str:
    """Dimensions of inputs and outputs, and number of examples, for people."""
    return f"dim_x {shape[0]}, dim_y {shape[1]}, N {shape[2]}"
