"""Positional encodings: where in the stream a token stands, as a vector."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.validation import check_count


class AbstractPositions(eqx.Module):
    """The vectors of positions 0, 1, 2, ...: constants, computed from the size and never trained."""

    dim: eqx.AbstractVar[int]

    @abstractmethod
    def encode(self, num_positions: int) -> Float[Array, "t d"]:
        """The vectors of the first `num_positions` positions."""


class SinusoidalPositions(AbstractPositions):
    """Entries 2k and 2k + 1 of position t are sin(t w_k) and cos(t w_k), with w_k = 10000^(-2k / dim).

    Vaswani et al. 2017, section 3.5, positions counted from 0 as in the code of von Oswald et al. 2023. The next
    position is the same rotation away from every position, sum_k cos((s - t) w_k) the scalar product of two; the
    slow frequencies tell neighbours hardly apart. An odd `dim` ends with a sine.
    """

    dim: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        check_count("dim", self.dim)

    def encode(self, num_positions: int) -> Float[Array, "t d"]:
        columns = np.arange(self.dim)
        frequencies = 10_000.0 ** (-2 * (columns // 2) / self.dim)
        angles = np.arange(num_positions)[:, None] * frequencies[None, :]
        return jnp.asarray(np.where(columns % 2 == 0, np.sin(angles), np.cos(angles)), float)


class UnitPositions(AbstractPositions):
    """Position t is the unit vector of entry t (von Oswald et al. 2023, proposition 3).

    There are no more than `dim` of them: `encode` raises ValueError when asked for more.
    """

    dim: int = eqx.field(static=True)

    def __check_init__(self):
        check_count("dim", self.dim)

    def encode(self, num_positions: int) -> Float[Array, "t d"]:
        if num_positions > self.dim:
            raise ValueError(f"`dim` must be at least {num_positions}, one entry a position; got {self.dim}.")
        return jnp.eye(num_positions, self.dim)
