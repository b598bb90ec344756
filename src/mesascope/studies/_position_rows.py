"""Rows of position weights learned on concentrated phases, and how they are drawn (Sander et al. 2024, figure 6)."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.models.position_weights import visible_keys
from mesascope.random import data_key
from mesascope.studies._base import Arrays
from mesascope.studies._panels import REFERENCE
from mesascope.studies._training import seed_keys
from mesascope.theory.position_only import descent, loss, smoothest, spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def three_rows(mus: tuple[float, ...], laws: list[Arrays], samples: list[Arrays], num_steps: int) -> "Figure":
    """For each law, P where descent stopped, its last row beside the rows of least norm, and the Hessian's spectrum."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(mus), 9), layout="constrained")
    maps, rows, spectra = figure.subplots(3, len(mus))
    for column, (mu, arrays) in enumerate(zip(mus, laws, strict=True)):
        size = arrays["stopped"].shape[1]
        seen = np.ma.masked_array(arrays["stopped"], ~visible_keys(size)[:-1])
        image = maps[column].imshow(seen, cmap="viridis", extent=(0.5, size + 0.5, size + 0.5, 1.5))
        figure.colorbar(image, ax=maps[column], shrink=0.8)
        maps[column].set(title=f"mu = {mu:g}", xlabel="key t", ylabel="length T" if column == 0 else "")
        maps[column].grid(False)
        times = np.arange(1, size + 1)
        rows[column].plot(times, arrays["stopped"][-1], "o-", markersize=3, label="stopped")
        rows[column].plot(times, arrays["ended"][-1], label=f"after {num_steps} steps")
        lines = rows[column].plot(times, samples[column]["stopped"][:, -1].T, color="C2", linewidth=0.8)
        lines[0].set_label("stopped, on samples")
        for num_moments, style in ((2, "--"), (3, ":")):
            label = f"least norm, {num_moments} moments"
            rows[column].plot(
                times, smoothest(len(times), num_moments), label=label, **{**REFERENCE, "linestyle": style}
            )
        rows[column].set(xlabel="key t", ylabel="last row of P" if column == 0 else "")
        spectra[column].plot(times, arrays["spectrum"], "o", markersize=3)
        spectra[column].axhline(arrays["spectrum"][0] - 16, **REFERENCE, label="float64")
        spectra[column].set(xlabel="eigenvalue", ylabel="log10 of it" if column == 0 else "")
    rows[0].legend(fontsize="x-small")
    spectra[0].legend()
    return figure
