"""What schemes of position weights can hold, whether or not training finds it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.models.position_weights import (
    AbstractPositionWeights,
    EqualWeights,
    LearnedWeights,
    LinearBiasWeights,
    RotaryWeights,
    SoftmaxWeights,
    ToeplitzWeights,
)
from mesascope.studies._shared.measure import jit_once
from mesascope.studies.sander2024.position_schemes.cells import concentrated_loss
from mesascope.studies.sander2024.position_schemes.digits import bilinear_digits
from mesascope.studies.sander2024.position_schemes.schemes import Starts
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses


class Held(NamedTuple):
    """What weights set by hand lose, and the least that none can do better than, a position and coordinate.

    `newest` [schemes]: five schemes with all weight on the newest state, on unitary dynamics with A = B = I. `least`
    [laws]: equal weights with d heads, on unitary, orthogonal and concentrated dynamics. `digits`: `bilinear_digits`.
    """

    newest: np.ndarray
    least: np.ndarray
    digits: np.ndarray


class HeldCell(AbstractConfig):
    """Weights set by hand, in float64.

    Of a softmax's scores, and as a slope, exp(-margin) is below the rounding of float64.
    """

    dim: int
    num_states: int
    mu: float
    margin: float = 40.0
    starts: Starts = Starts()

    def compute(self, workspace: Workspace) -> Arrays:
        """`Held`."""
        with jax.enable_x64(True):
            newest, expansions = jit_once(lambda: (self.newest_losses(), self.without_positions()))()
        least = [least_of_quadratic(*map(np.asarray, each)) for each in expansions]
        digits = bilinear_digits(self.starts.dim_codes, self.num_states)
        workspace.report(1, 1, "set by hand")
        return Held(np.asarray(newest), np.array(least), np.array(digits))._asdict()

    def newest_only(self) -> dict[str, AbstractPositionWeights]:
        """Weights on the newest state alone, by scheme."""
        newest = jnp.eye(self.num_states, k=1)
        return {
            "learned": LearnedWeights(newest),
            "Toeplitz": ToeplitzWeights(jnp.zeros(self.num_states + 1).at[0].set(1.0)),
            "softmax": SoftmaxWeights(self.margin * newest),
            "linear bias": LinearBiasWeights(self.margin),
            "rotary": RotaryWeights(spread(self.starts.num_frequencies)),
        }

    def newest_losses(self) -> Float[Array, " schemes"]:
        """What these lose."""
        rows = jnp.stack([held.matrix(self.num_states)[:-1] for held in self.newest_only().values()])
        return jax.vmap(lambda rows: unitary_losses(jnp.eye(self.dim), rows).mean())(rows) / self.dim

    def without_positions(self) -> list[tuple[Array, Array, Array]]:
        """Value, gradient and Hessian at zero of losses with equal weights, which are quadratic.

        In the entries of C, which d heads leave free; on concentrated phases in its scale.
        """
        rows, size = EqualWeights().matrix(self.num_states)[:-1], (self.dim, self.dim)
        concentrated = concentrated_loss(self.num_states, self.mu)
        return [
            expansion(lambda mixing: unitary_losses(mixing.reshape(size), rows).mean() / self.dim, self.dim**2),
            expansion(lambda mixing: orthogonal_losses(mixing.reshape(size), rows).mean() / self.dim, self.dim**2),
            expansion(lambda scale: concentrated(scale[0] * rows), 1),
        ]


def spread(num_frequencies: int) -> Float[Array, " f"]:
    """Frequencies whose cosines cancel at every lag from 1 to 2 num_frequencies - 1."""
    return jnp.pi * (jnp.arange(float(num_frequencies)) + 0.5) / num_frequencies


def expansion(loss_fn: Callable[[Array], Array], size: int) -> tuple[Array, Array, Array]:
    """Value, gradient and Hessian at zero."""
    zero = jnp.zeros(size)
    return loss_fn(zero), jax.grad(loss_fn)(zero), jax.hessian(loss_fn)(zero)


def least_of_quadratic(value: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> float:
    """The least value, at x = -H^+ g."""
    return float(value + gradient @ np.linalg.lstsq(hessian, -gradient, rcond=None)[0] / 2)
