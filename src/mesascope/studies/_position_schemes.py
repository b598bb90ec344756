"""Schemes of position weights, trained with diagonal heads on exact losses."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import (
    AbstractPositionWeights,
    EqualWeights,
    LearnedWeights,
    LinearBiasWeights,
    RotaryWeights,
    SinusoidalWeights,
    SoftmaxWeights,
    ToeplitzWeights,
    visible_keys,
)
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._exact_heads import LOSSES
from mesascope.studies._training import seed_keys
from mesascope.theory.position_only import moment_matrix
from mesascope.training.exact import AbstractOptimiser, fit_exact

DIM_CODES = 16  # of sinusoidal encodings
NUM_FREQUENCIES = 8  # of rotary ones


def _normal(key: Key[Array, ""], *shape: int) -> Array:
    return 0.1 * jax.random.normal(key, shape)


# How each scheme starts, given a key and the number of positions.
SCHEMES: dict[str, Callable[[Any, int], AbstractPositionWeights]] = {
    "learned": lambda key, size: LearnedWeights(_normal(key, size, size)),
    "Toeplitz": lambda key, size: ToeplitzWeights(_normal(key, size + 1)),
    "softmax": lambda key, size: SoftmaxWeights(_normal(key, size, size)),
    "sinusoidal": lambda key, size: SinusoidalWeights(_normal(key, DIM_CODES, DIM_CODES)),
    "linear bias": lambda key, size: LinearBiasWeights(jnp.exp(_normal(key))),
    "rotary": lambda key, size: RotaryWeights(jax.random.uniform(key, (NUM_FREQUENCIES,), maxval=jnp.pi)),
    "none": lambda key, size: EqualWeights(),
}


class SchemeCell(NamedTuple):
    """One scheme on one law: diagonal heads on "unitary" or "orthogonal" W, or C = c I on "concentrated" phases."""

    scheme: str
    law: str
    mu: float
    dim: int
    num_heads: int
    num_states: int
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int


def train_scheme(cell: SchemeCell, workspace: Workspace) -> Arrays:
    """Losses a position and coordinate of every seed on the way, and the last row of P at the end, in float64."""
    loss_fn = concentrated_loss(cell) if cell.law == "concentrated" else heads_loss(cell)
    with jax.enable_x64(True):
        trained = fit_exact(
            loss_fn,
            lambda key: initialise(cell, key),
            cell.optimiser,
            keys=seed_keys(cell.first_seed, cell.seeds),
            num_steps=cell.num_steps,
        )
        rows = jax.vmap(lambda model: model.positions.matrix(cell.num_states)[-2])(trained.params)
        workspace.report(1, 1, f"loss {float(jnp.min(trained.losses[:, -1])):.4g}")
        return {"losses": np.asarray(trained.losses), "last_row": np.asarray(rows), "steps": trained.steps}


def initialise(cell: SchemeCell, key: Key[Array, ""]) -> DiagonalHeads:
    """Diagonal heads with the scheme's weights of positions; every seed's heads are the same in all schemes."""
    heads_key, positions_key = jax.random.split(key)
    heads = DiagonalHeads.initialise(cell.dim, cell.num_heads, cell.num_states, key=heads_key)
    positions = SCHEMES[cell.scheme](positions_key, cell.num_states)
    return DiagonalHeads(heads.key_query, heads.output_value, positions)


def heads_loss(cell: SchemeCell) -> Callable[[DiagonalHeads], Array]:
    """The mean over positions and coordinates of the loss of heads and positions together."""

    def loss_fn(model: DiagonalHeads) -> Array:
        weights = model.positions.matrix(cell.num_states)[:-1]
        return LOSSES[cell.law](model.mixing, weights).mean() / cell.dim

    return loss_fn


def concentrated_loss(cell: SchemeCell) -> Callable[[DiagonalHeads], Array]:
    """The mean over rows of p^T H p - 2 h^T p + 1, where heads give all positions one scale, the mean of C_ii."""
    size = cell.num_states
    moments = moment_matrix(size, cell.mu)
    seen = visible_keys(size)[:-1]
    newest = np.stack([moments[length - 1] for length in range(2, size + 1)])

    def loss_fn(model: DiagonalHeads) -> Array:
        scale = jnp.trace(model.mixing) / cell.dim
        rows = scale * jnp.where(seen, model.positions.matrix(size)[:-1], 0.0)
        squares = jnp.einsum("qt,tu,qu->q", rows, moments, rows)
        return jnp.mean(squares - 2 * jnp.sum(newest * rows, axis=1) + 1)

    return loss_fn
