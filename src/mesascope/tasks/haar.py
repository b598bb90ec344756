"""Orthogonal dynamics that do not commute: Haar's law, and a path to it from rotations of the same planes."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from mesascope.contraction import matmul, matvec
from mesascope.random import normal
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.initial_state import Sphere
from mesascope.tasks.orthogonal import AbstractRotationProcess, nearer_orthogonal, rotate
from mesascope.validation import check_count, check_non_negative

NUM_SQUARINGS, TAYLOR_ORDER, LARGEST_NORM = 7, 10, 50  # scaled, 50 is .4, where the series is exact to 1e-12


class HaarProcess(AbstractLinearProcess):
    """W uniform on the orthogonal group: Q of the decomposition of a normal matrix, R's diagonal positive.

    The law of the experiments of Sander et al. 2024, section 5.
    """

    def sample_dynamics(self, key: Key[Array, ""]) -> Float[Array, "d d"]:
        return orthonormal(normal(key, (self.dim, self.dim)))

    def advance(self, dynamics: Float[Array, "d d"], state: Float[Array, " d"]) -> Float[Array, " d"]:
        return matvec(dynamics, state)

    @classmethod
    def examples(cls) -> "tuple[HaarProcess, ...]":
        return cls(5, 3), cls(4, 2, Sphere(2.0), noise_std=0.1)


class TurnedRotationProcess(AbstractRotationProcess):
    """W = Q R Q^T, R rotations of fixed planes, Q = exp(turning K) drawn anew.

    K = (G - G^T) / 2, G with standard normal entries. At `turning` 0 all W commute; the larger it is, the less they do.
    """

    turning: float | Array = 0.3

    def __check_init__(self):
        check_non_negative("turning", self.turning)
        check_count("dim", self.dim)
        largest = LARGEST_NORM / 2 / (2 * self.dim) ** 0.5  # (2 d)^(1/2) is about the norm of K; twice that is rare
        if isinstance(self.turning, (int, float)) and self.turning > largest:
            raise ValueError(f"`turning` must be at most {largest:.3g} for this size; got {self.turning}.")

    def sample_dynamics(self, key: Key[Array, ""]) -> tuple[Float[Array, " pairs"], Float[Array, "d d"]]:
        angles_key, basis_key = jax.random.split(key)
        generator = normal(basis_key, (self.dim, self.dim))
        return super().sample_dynamics(angles_key), rotation_of(self.turning / 2 * (generator - generator.T))

    def advance(
        self, dynamics: tuple[Float[Array, " pairs"], Float[Array, "d d"]], state: Float[Array, " d"]
    ) -> Float[Array, " d"]:
        angles, basis = dynamics
        return matvec(basis, rotate(angles, matvec(basis.T, state)))

    @classmethod
    def examples(cls) -> "tuple[TurnedRotationProcess, ...]":
        return cls(5, 4), cls(4, 2, Sphere(), turning=1.0)


def orthonormal(matrix: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """Q of the decomposition QR whose R has a positive diagonal: Gram-Schmidt, every projection taken away twice.

    Products only: for many small matrices LAPACK takes longer, and see `rotation_of`.
    """

    def add(rows, new):
        unit, row = new
        for _ in range(2):
            row = row - matvec(rows.T, matvec(rows, row))
        return rows + jnp.outer(unit, row / jnp.sqrt(jnp.sum(row**2))), None

    rows, _ = lax.scan(add, 0 * matrix, (jnp.eye(len(matrix), dtype=matrix.dtype), matrix.T))
    return rows.T


def rotation_of(generator: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """exp(K) of an antisymmetric K of norm at most 50: the Taylor series of K / 2^7, squared seven times.

    Every squaring doubles the rounding error, 128-fold in all; the part that changes lengths is taken away at the end.
    Products only: two batches of `eigh` in one program have been seen to wait for each other for ever.
    """
    scaled = generator / 2.0**NUM_SQUARINGS
    term = rotation = jnp.eye(len(generator), dtype=generator.dtype)
    for order in range(1, TAYLOR_ORDER + 1):
        term = matmul(term, scaled) / order
        rotation = rotation + term
    for _ in range(NUM_SQUARINGS):
        rotation = matmul(rotation, rotation)
    return nearer_orthogonal(rotation)
