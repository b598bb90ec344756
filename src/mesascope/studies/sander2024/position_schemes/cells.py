"""Schemes of position weights, trained with diagonal heads on exact losses."""

from collections.abc import Callable
from functools import partial
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
from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024._shared.exact_heads import LOSSES
from mesascope.study.base import Arrays, Workspace
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


class SchemesCell(NamedTuple):
    """All schemes on one law: diagonal heads on "unitary" or "orthogonal" W, or C = c I on "concentrated" phases."""

    law: str
    mu: float
    dim: int
    num_heads: int
    num_states: int
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int


def train_schemes(cell: SchemesCell, workspace: Workspace) -> Arrays:
    """Losses a position and coordinate [seeds records schemes], and last rows of P [seeds schemes t], in float64.

    No scheme's parameters are another's: all are trained by one program, each as if it were alone. The rows are those
    at the end, times the mean of C_ii, so that the scale that heads and positions share is undone.
    """
    with jax.enable_x64(True):
        trained = fit_exact(
            concentrated_losses(cell) if cell.law == "concentrated" else heads_losses(cell),
            lambda key: initialise(cell, key),
            cell.optimiser,
            keys=seed_keys(cell.first_seed, cell.seeds),
            num_steps=cell.num_steps,
        )
        rows = last_rows(trained.params, cell.num_states)
        workspace.report(1, 1, f"least loss {float(jnp.min(trained.losses[:, -1])):.4g}")
        return {"losses": np.asarray(trained.losses), "last_rows": np.asarray(rows), "steps": trained.steps}


def initialise(cell: SchemesCell, key: Key[Array, ""]) -> tuple[DiagonalHeads, ...]:
    """The same diagonal heads for each scheme, with the scheme's own weights of positions."""
    heads_key, positions_key = jax.random.split(key)
    heads = DiagonalHeads.initialise(cell.dim, cell.num_heads, cell.num_states, key=heads_key)
    keys = jax.random.split(positions_key, len(SCHEMES))
    return tuple(
        DiagonalHeads(heads.key_query, heads.output_value, start(each, cell.num_states))
        for start, each in zip(SCHEMES.values(), keys, strict=True)
    )


def heads_losses(cell: SchemesCell) -> Callable[[tuple[DiagonalHeads, ...]], Array]:
    """For each scheme the mean over positions and coordinates of the loss of heads and positions together."""

    def losses_fn(models: tuple[DiagonalHeads, ...]) -> Array:
        mixing, weights = mixings_and_weights(models, cell.num_states)
        return jax.vmap(LOSSES[cell.law])(mixing, weights).mean(axis=1) / cell.dim

    return losses_fn


def concentrated_losses(cell: SchemesCell) -> Callable[[tuple[DiagonalHeads, ...]], Array]:
    """For each scheme that loss; heads give all positions one scale, the mean of C_ii."""
    loss = concentrated_loss(cell.num_states, cell.mu)

    def losses_fn(models: tuple[DiagonalHeads, ...]) -> Array:
        mixing, weights = mixings_and_weights(models, cell.num_states)
        scales = jnp.trace(mixing, axis1=1, axis2=2) / cell.dim
        return jax.vmap(loss)(scales[:, None, None] * weights)

    return losses_fn


def concentrated_loss(num_states: int, mu: float) -> Callable[[Array], Array]:
    """Of rows of P [t-1 t] the mean of p^T H p - 2 h^T p + 1 over rows, keys ahead not looked at."""
    moments = moment_matrix(num_states, mu)
    seen = visible_keys(num_states)[:-1]
    newest = moments[1:]

    def loss_fn(weights: Array) -> Array:
        rows = jnp.where(seen, weights, 0.0)
        squares = jnp.einsum("qt,tu,qu->q", rows, moments, rows)
        return jnp.mean(squares - 2 * jnp.einsum("qt,qt->q", newest, rows) + 1)

    return loss_fn


def mixings_and_weights(models: tuple[DiagonalHeads, ...], num_states: int) -> tuple[Array, Array]:
    """C = B^T A [schemes d d] and all rows of P but the last, which has no next state [schemes t-1 t]."""
    outputs, scores = (jnp.stack([getattr(each, name) for each in models]) for name in ("output_value", "key_query"))
    weights = jnp.stack([each.positions.matrix(num_states)[:-1] for each in models])
    return jnp.einsum("shi,shj->sij", outputs, scores), weights


@partial(jax.jit, static_argnums=1)
@partial(jax.vmap, in_axes=(0, None))
def last_rows(models: tuple[DiagonalHeads, ...], num_states: int) -> Array:
    """The weights of positions of the longest sequences, times the mean of C_ii [seeds schemes t]."""
    mixing, weights = mixings_and_weights(models, num_states)
    return jnp.trace(mixing, axis1=1, axis2=2)[:, None] / mixing.shape[1] * weights[:, -1]
