"""Orthogonal dynamics that commute: rotations of the same planes, in complex coordinates or in real ones."""

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from mesascope.contraction import matmul
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.initial_state import Sphere
from mesascope.tasks.unitary import phases
from mesascope.validation import check_positive, check_real_array, check_shape


class AbstractRotationProcess(AbstractLinearProcess):
    """d / 2 independent angles theta / mu, theta uniform on [0, 2 pi]."""

    mu: float | Array = 1.0

    def __check_init__(self):
        check_positive("mu", self.mu)
        if self.dim % 2:
            raise ValueError(f"`dim` must be even, for rotations of planes; got {self.dim}.")

    def sample_dynamics(self, key: Key[Array, ""]) -> Float[Array, " pairs"]:
        return jax.random.uniform(key, (self.dim // 2,), maxval=2 * jnp.pi) / self.mu


class ConjugatePairProcess(AbstractRotationProcess):
    """W = diag(e^{i theta_1}, e^{-i theta_1}, e^{i theta_2}, ...): rotations in their common complex basis.

    The orthogonal model of Sander et al. 2024, section 4.2.
    """

    is_complex = True

    def advance(self, dynamics: Float[Array, " pairs"], state: Complex[Array, " d"]) -> Complex[Array, " d"]:
        return phases(jnp.stack([dynamics, -dynamics], axis=1).ravel()) * state

    @classmethod
    def examples(cls) -> "tuple[ConjugatePairProcess, ...]":
        return cls(5, 4), cls(4, 2, mu=10.0)


class RotationProcess(AbstractRotationProcess):
    """W = Q R Q^T with R the rotations of the planes (1, 2), (3, 4), ...; Q = `basis` is the same for all W."""

    basis: Float[Array, "d d"] | None = None

    def __check_init__(self):
        basis = self.basis
        if basis is None:
            return
        check_real_array("basis", basis)
        check_shape("basis", basis, (self.dim, self.dim))
        if isinstance(basis, jax.core.Tracer):
            return  # it has no number yet
        distance = np.abs(np.asarray(basis).T @ np.asarray(basis) - np.eye(self.dim)).max()
        if not distance <= 1e3 * self.dim * np.finfo(basis.dtype).eps:
            raise ValueError(f"`basis` must be orthogonal; its product with its transpose is {distance:.2g} off I.")

    def advance(self, dynamics: Float[Array, " pairs"], state: Float[Array, " d"]) -> Float[Array, " d"]:
        if self.basis is None:
            return rotate(dynamics, state)
        basis = nearer_orthogonal(self.basis)  # what is rounded off it would add up over the states
        return basis @ rotate(dynamics, basis.T @ state)

    @classmethod
    def examples(cls) -> "tuple[RotationProcess, ...]":
        turned = jnp.array([[0.6, -0.8], [0.8, 0.6]])
        return cls(5, 4), cls(4, 2, Sphere(), noise_std=0.1, basis=turned)


def nearer_orthogonal(matrix: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """Q (3 I - Q^T Q) / 2: Newton's step to the nearest orthogonal matrix, squaring the distance Q^T Q - I."""
    identity = jnp.eye(len(matrix), dtype=matrix.dtype)
    return matmul(matrix, 1.5 * identity - 0.5 * matmul(matrix.T, matrix))


def rotate(angles: Float[Array, " pairs"], state: Float[Array, " d"]) -> Float[Array, " d"]:
    """Each pair of entries turned by its angle."""
    first, second = state[0::2], state[1::2]
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    return jnp.stack([cos * first - sin * second, sin * first + cos * second], axis=1).ravel()
