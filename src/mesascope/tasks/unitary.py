"""Unitary dynamics that commute: independent phases in a common basis."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Key

from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.initial_state import Gaussian
from mesascope.validation import check_positive


class UnitaryProcess(AbstractLinearProcess):
    """W = diag(exp(i theta / mu)) with independent theta uniform on [0, 2 pi].

    At mu = 1 the phases are uniform on the circle (Sander et al. 2024, section 4.1); the larger mu, the more they are
    concentrated near 1 (section 4.3).
    """

    mu: float | Array = 1.0

    is_complex = True

    def __check_init__(self):
        check_positive("mu", self.mu)

    def sample_dynamics(self, key: Key[Array, ""]) -> Float[Array, " d"]:
        return jax.random.uniform(key, (self.dim,), maxval=2 * jnp.pi) / self.mu

    def advance(self, dynamics: Float[Array, " d"], state: Complex[Array, " d"]) -> Complex[Array, " d"]:
        return phases(dynamics) * state

    @classmethod
    def examples(cls) -> "tuple[UnitaryProcess, ...]":
        return cls(5, 3), cls(4, 2, Gaussian(), noise_std=0.1, mu=50.0)


def phases(angles: Float[Array, " d"]) -> Complex[Array, " d"]:
    """exp(i angle) of each angle."""
    return lax.complex(jnp.cos(angles), jnp.sin(angles))
