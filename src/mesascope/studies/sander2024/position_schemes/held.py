"""What schemes of position weights can hold, whether or not training finds it."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from jaxtyping import Array

from mesascope.models.position_weights import (
    AbstractPositionWeights,
    EqualWeights,
    LearnedWeights,
    LinearBiasWeights,
    RotaryWeights,
    SoftmaxWeights,
    ToeplitzWeights,
)
from mesascope.studies.sander2024._shared.exact_heads import LOSSES
from mesascope.studies.sander2024.position_schemes.cells import DIM_CODES, NUM_FREQUENCIES, concentrated_loss
from mesascope.theory.diagonal_heads import unitary_losses

MARGIN = 40.0  # of a softmax's scores, and of a slope: exp(-40) is below the rounding of float64


def spread(num_frequencies: int) -> Array:
    """Frequencies whose cosines cancel at every lag from 1 to 2 num_frequencies - 1."""
    return jnp.pi * (jnp.arange(float(num_frequencies)) + 0.5) / num_frequencies


# Weights on the newest state alone, given the number of positions.
NEWEST: dict[str, Callable[[int], AbstractPositionWeights]] = {
    "learned": lambda size: LearnedWeights(jnp.eye(size, k=1)),
    "Toeplitz": lambda size: ToeplitzWeights(jnp.zeros(size + 1).at[0].set(1.0)),
    "softmax": lambda size: SoftmaxWeights(MARGIN * jnp.eye(size, k=1)),
    "linear bias": lambda size: LinearBiasWeights(MARGIN),
    "rotary": lambda size: RotaryWeights(spread(NUM_FREQUENCIES)),
}


def held_losses(dim: int, num_states: int) -> np.ndarray:
    """For each of them the exact loss a position and coordinate on unitary dynamics, A = B = I, in float64."""
    with jax.enable_x64(True):
        rows = [held(num_states).matrix(num_states)[:-1] for held in NEWEST.values()]
        return np.array([unitary_losses(jnp.eye(dim), each).mean() for each in rows]) / dim


def least_without_positions(dim: int, num_states: int, mu: float) -> np.ndarray:
    """The least loss a position and coordinate that equal weights leave to d heads, in float64.

    On unitary, orthogonal and concentrated dynamics, as they are trained on. Losses are quadratic in the entries of C,
    which d heads leave free, or in its scale: one Newton step from zero ends at the least.
    """
    with jax.enable_x64(True):
        rows = EqualWeights().matrix(num_states)[:-1]
        concentrated = concentrated_loss(num_states, mu)

        def of_heads(law: str, mixing: Array) -> Array:
            return LOSSES[law](mixing.reshape(dim, dim), rows).mean() / dim

        of_laws = [_least_of_quadratic(partial(of_heads, law), dim * dim) for law in ("unitary", "orthogonal")]
        return np.array([*of_laws, _least_of_quadratic(lambda scale: concentrated(scale[0] * rows), 1)])


def _least_of_quadratic(loss_fn: Callable[[Array], Array], size: int) -> Array:
    zero = jnp.zeros(size)
    return loss_fn(-jnp.linalg.pinv(jax.hessian(loss_fn)(zero), hermitian=True) @ jax.grad(loss_fn)(zero))


def bilinear_digits(dim_codes: int, num_positions: int) -> float:
    """log10 of the largest entry of the M of least norm whose e_q^T M e_k is one for the newest key k, else zero.

    e are sinusoidal encodings (`SinusoidalPositions`); inf where there are fewer than positions. Computed with 200
    digits: encodings of neighbours differ by so little that floats cannot tell twelve of them from eleven.
    """
    if num_positions > dim_codes:
        return float("inf")
    with mpmath.workdps(200):
        codes = mpmath.matrix(num_positions, dim_codes)
        for position in range(num_positions):
            for column in range(dim_codes):
                angle = position * mpmath.mpf(10_000) ** (-mpmath.mpf(2 * (column // 2)) / dim_codes)
                codes[position, column] = mpmath.cos(angle) if column % 2 else mpmath.sin(angle)
        newest = mpmath.matrix(np.eye(num_positions, k=1).tolist())
        inverse = codes.T * mpmath.inverse(codes * codes.T)
        bilinear = inverse * newest * inverse.T
        return float(mpmath.log10(max(abs(entry) for entry in bilinear)))


def bilinear_in_words(num_states: int) -> str:
    """What sinusoidal encodings would take to hold the newest state: a sentence."""
    return (
        f"Sinusoidal encodings of {DIM_CODES} entries hold the newest of {num_states} states with an M whose largest "
        f"entry is 10^{bilinear_digits(DIM_CODES, num_states):.1f}."
    )
