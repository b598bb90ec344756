"""Laws of the first state of a process."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact, Key

from mesascope.random import normal
from mesascope.validation import check_positive


class AbstractInitialState(eqx.Module):
    """A law of s_1."""

    @abstractmethod
    def sample(self, key: Key[Array, ""], dim: int, is_complex: bool) -> Inexact[Array, " d"]:
        """Draw one first state."""


class Ones(AbstractInitialState):
    """The vector of ones, always, divided by sqrt(d) when `unit`.

    The analysis of Sander et al. 2024 takes the ones themselves, of squared norm d; their code divides.
    """

    unit: bool = eqx.field(static=True, default=False)

    def sample(self, key: Key[Array, ""], dim: int, is_complex: bool) -> Inexact[Array, " d"]:
        ones = jnp.ones(dim, jnp.result_type(complex if is_complex else float))
        return ones / dim**0.5 if self.unit else ones


class Gaussian(AbstractInitialState):
    """Independent normal entries of standard deviation `scale`; of a complex entry, both parts together."""

    scale: float | Array = 1.0

    def __check_init__(self):
        check_positive("scale", self.scale)

    def sample(self, key: Key[Array, ""], dim: int, is_complex: bool) -> Inexact[Array, " d"]:
        return self.scale * _normal(key, dim, is_complex)


class Sphere(AbstractInitialState):
    """Uniform on the sphere of radius `radius`: with it, Haar dynamics are the same in every basis."""

    radius: float | Array = 1.0

    def __check_init__(self):
        check_positive("radius", self.radius)

    def sample(self, key: Key[Array, ""], dim: int, is_complex: bool) -> Inexact[Array, " d"]:
        direction = _normal(key, dim, is_complex)
        return direction * (self.radius / jnp.linalg.norm(direction)).astype(direction.dtype)


def _normal(key: Key[Array, ""], dim: int, is_complex: bool) -> Inexact[Array, " d"]:
    if not is_complex:
        return normal(key, (dim,))
    real, imaginary = normal(key, (2, dim)) * 0.5**0.5
    return lax.complex(real, imaginary)
