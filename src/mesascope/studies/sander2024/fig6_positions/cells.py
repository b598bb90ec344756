"""Rows of position weights learned on concentrated phases (Sander et al. 2024, figure 6)."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.models.position_weights import visible_keys
from mesascope.random import data_key
from mesascope.studies._shared.training import seed_keys
from mesascope.study.base import Arrays
from mesascope.theory.position_only import descent, loss, smoothest, spectrum


class RowsCell(NamedTuple):
    """One concentration of phases, and the exact descent of P on it."""

    mu: float
    num_states: int
    learning_rate: float
    num_steps: int
    tolerance: float


def descend(cell: RowsCell) -> Arrays:
    """The step at which the mean loss over rows falls below the tolerance (inf for never), P then and at the end.

    A row is a length T = 2, ..., num_states, and zero ahead of it; the loss is a mean over rows, so that each row has a
    rate of learning_rate / (num_states - 1). The spectrum is that of the last row's Hessian, as logarithms.
    """
    lengths, rate = range(2, cell.num_states + 1), cell.learning_rate / (cell.num_states - 1)

    def mean_loss(num_steps: np.ndarray) -> np.ndarray:
        return np.mean([loss(descent(each, cell.mu, rate, num_steps), cell.mu) for each in lengths], axis=0)

    low, high = 0, cell.num_steps  # the loss falls with every step: halve
    reached = mean_loss(np.array([high]))[0] < cell.tolerance
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if mean_loss(np.array([middle]))[0] < cell.tolerance else (middle, high)

    def rows(num_steps: int) -> np.ndarray:
        matrix = np.zeros((cell.num_states - 1, cell.num_states))
        for row, each in enumerate(lengths):
            matrix[row, :each] = descent(each, cell.mu, rate, np.array([num_steps]))[0]
        return matrix

    return {
        "stop": np.array(float(high) if reached else np.inf),
        "stopped": rows(high),
        "ended": rows(cell.num_steps),
        "spectrum": spectrum(cell.num_states, cell.mu, digits=400),
    }


class SampledCell(NamedTuple):
    """The same descent on fresh phases, `batch_size` of them a step, for every seed."""

    rows: RowsCell
    batch_size: int
    seeds: int
    first_seed: int


def descend_on_samples(cell: SampledCell) -> Arrays:
    """By seed the step at which the mean loss of a batch first fell below the tolerance (inf for never), and P then."""
    with jax.enable_x64(True):
        steps, weights, losses = jax.jit(jax.vmap(partial(_until_stopped, cell)))(
            seed_keys(cell.first_seed, cell.seeds)
        )
        reached = np.asarray(losses) < cell.rows.tolerance
        return {"stop": np.where(reached, np.asarray(steps, float), np.inf), "stopped": np.asarray(weights)}


def _until_stopped(cell: SampledCell, key: Key[Array, ""]) -> tuple[Array, Array, Array]:
    """Steps p <- p - 2 rate (H p - h), H the moments of a new batch, until p's loss on the batch is small."""
    of, size = cell.rows, cell.rows.num_states
    lags = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    seen, rate = visible_keys(size)[:-1], of.learning_rate / (size - 1)

    def step(state):
        done, key, _, weights, _ = state
        key, batch_key = jax.random.split(key)
        phases = jax.random.uniform(batch_key, (cell.batch_size,), maxval=2 * jnp.pi) / of.mu
        moments = jnp.cos(2 * phases[:, None] * jnp.arange(float(size))[None, :]).mean(axis=0)[lags]
        pulls = weights @ moments
        loss = jnp.mean(jnp.sum((pulls - 2 * moments[1:]) * weights, axis=1) + 1)
        return done + 1, key, weights, weights - 2 * rate * jnp.where(seen, pulls - moments[1:], 0.0), loss

    def unfinished(state):
        return (state[0] <= of.num_steps) & (state[-1] >= of.tolerance)

    none = jnp.zeros((size - 1, size))
    start = (jnp.array(0), data_key(key), none, none, jnp.array(jnp.inf))
    done, _, weights, _, loss = jax.lax.while_loop(unfinished, step, start)
    return done - 1, weights, loss


def nearest_least_norm(row: np.ndarray) -> tuple[float, float]:
    """How many moments the nearest row of least norm has learned, and the distance to it in units of its norm.

    Both are nan where the row is not finite.
    """
    if not np.isfinite(row).all():
        return np.nan, np.nan
    most = np.array([smoothest(len(row), num_moments) for num_moments in range(1, len(row) + 1)])
    distances = np.linalg.norm(most - row, axis=1) / np.linalg.norm(most, axis=1)
    return float(np.argmin(distances)) + 1, float(np.min(distances))
