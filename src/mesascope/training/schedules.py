"""Rates that change along a training."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from mesascope.validation import check_count, check_positive


class AbstractSchedule(eqx.Module):
    """A rate for each step of a training."""

    @abstractmethod
    def __call__(self, step: ArrayLike) -> Float[Array, ""]:
        """The rate of the step that comes after `step` others."""


class CosineDecay(AbstractSchedule):
    """end + (start - end) (1 + cos(pi step / num_steps)) / 2, and `end` from step `num_steps` on."""

    start: float = 1e-2
    end: float = 1e-3
    num_steps: int = eqx.field(static=True, default=5000)

    def __check_init__(self):
        check_positive("start", self.start)
        check_positive("end", self.end)
        check_count("num_steps", self.num_steps)

    def __call__(self, step: ArrayLike) -> Float[Array, ""]:
        share = jnp.minimum(jnp.asarray(step, float) / self.num_steps, 1.0)
        return self.end + (self.start - self.end) * (1 + jnp.cos(jnp.pi * share)) / 2
