"""One-step forecasts within windows of text, in order and shuffled, by AR(1) and by simpler means."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.ridge import Ridge
from mesascope.data.orders import AbstractOrder, AsWritten, ShuffledInWindows, ShuffledThroughout
from mesascope.data.sources import AbstractSource
from mesascope.prompt import Sequence
from mesascope.stats import bootstrap_interval
from mesascope.studies.sander2024._shared.text import PENALTIES, common_matrix
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.text import TextWindows

ORDERS = ("as written", "shuffled in windows", "shuffled throughout")
FORECASTS = ("AR(1)", "mean", "last value", "zero", "common AR(1)")


class ForecastCell(NamedTuple):
    """Windows of one length and size of state, as many to tune on as to measure on, shuffled anew for every seed."""

    source: AbstractSource
    num_states: int
    dim: int
    num_windows: int
    seeds: int
    first_seed: int


def measure_forecasts(cell: ForecastCell, workspace: Workspace) -> Arrays:
    """Errors [windows, orders, forecasts] on the second halves of held-out windows, averaged over shuffles.

    The unit is the mean squared norm of a state. AR(1) is ridge regression on a window's first half, its penalty the
    best of a grid on other windows, for each order by itself. `mean` is that of the first half. The common AR(1) is one
    matrix, fitted to those other windows. `penalty` [seeds, orders] are the penalties; `explained` the share of the
    variance that the coordinates keep.
    """
    seeds = range(cell.first_seed, cell.first_seed + cell.seeds)
    shuffles = (
        [AsWritten()],
        [ShuffledInWindows(seed) for seed in seeds],
        [ShuffledThroughout(seed) for seed in seeds],
    )
    by_order, penalties = [], []
    for i, orders in enumerate(shuffles):
        found = [_errors(cell, order) for order in orders]
        by_order.append(np.mean([errors for errors, _ in found], axis=0))
        penalties.append(np.resize([penalty for _, penalty in found], cell.seeds))
        workspace.report(i + 1, len(shuffles), f"d = {cell.dim}")
    explained = TextWindows(cell.num_states, cell.dim, source=cell.source).pool().components.share_explained
    return {
        "errors": np.stack(by_order, axis=1),
        "penalty": np.stack(penalties, axis=1),
        "explained": np.asarray(explained),
    }


def _errors(cell: ForecastCell, order: AbstractOrder) -> tuple[np.ndarray, float]:
    windows = TextWindows(cell.num_states, cell.dim, order, cell.source)
    tuning, held_out = windows.training(cell.num_windows), windows.held_out(cell.num_windows)
    grid = jnp.asarray(PENALTIES, tuning.states.dtype)
    penalty = grid[jnp.argmin(_ridge_errors(tuning, grid))]
    return np.asarray(_all_errors(tuning, held_out, penalty)), float(penalty)


@jax.jit
def _ridge_errors(windows: Sequence, grid: Float[Array, " k"]) -> Float[Array, " k"]:
    """The mean error of AR(1) at each penalty."""
    return jax.lax.map(lambda penalty: jax.vmap(lambda each: ar_error(each, penalty))(windows).mean(), grid)


@jax.jit
def _all_errors(tuning: Sequence, held_out: Sequence, penalty: Float[Array, ""]) -> Float[Array, "n forecasts"]:
    common = common_matrix(tuning)

    def of_window(window: Sequence) -> Float[Array, " forecasts"]:
        first, inputs, targets = halves(window)
        forecasts = (first.mean(axis=0)[None], inputs, jnp.zeros_like(inputs), inputs @ common.T)
        return jnp.stack([ar_error(window, penalty), *(_error(forecast, targets) for forecast in forecasts)])

    return jax.vmap(of_window)(held_out)


def ar_error(window: Sequence, penalty: Float[Array, ""]) -> Float[Array, ""]:
    """The mean of |s_{t+1} - W s_t|^2 over the second half of a window, W ridge regression's on the first."""
    _, inputs, targets = halves(window)
    weights = Ridge(penalty).weights(window.prompt(window.num_states // 2))
    return _error(inputs @ weights.T, targets)


def halves(window: Sequence) -> tuple[Float[Array, "f d"], Float[Array, "s d"], Float[Array, "s d"]]:
    """The first half; the states of the second; and before these, what each of them is forecast from."""
    half = window.num_states // 2
    return window.states[:half], window.states[half - 1 : -1], window.states[half:]


def _error(forecast: Float[Array, "#s d"], targets: Float[Array, "s d"]) -> Float[Array, ""]:
    return jnp.mean(jnp.sum((forecast - targets) ** 2, axis=-1))


def gains(results: list[Arrays]) -> Arrays:
    """What claims are about, the worst or the best over sizes of states: estimate, low, high of a bootstrap."""
    errors = np.stack([result["errors"] for result in results], axis=1)  # windows, sizes, orders, forecasts
    written, within, throughout = range(3)
    ar, mean, last = range(3)
    statistics = {
        "order": lambda e: (1 - e[:, written, ar] / e[:, within, ar]).min(),
        "text": lambda e: (1 - e[:, written, ar] / e[:, throughout, ar]).min(),
        "small": lambda e: (1 - e[:, written, None, ar] / e[:, within:, ar]).max(),
        "last": lambda e: (e[:, written, ar] / e[:, written, last]).max(),
        "mean": lambda e: (e[:, written, ar] / e[:, written, mean]).max(),
    }
    return {
        name: np.array(bootstrap_interval(errors, lambda drawn, of=of: of(drawn.mean(axis=0))))
        for name, of in statistics.items()
    }


def in_words(dim: int, of: Arrays) -> str:
    """Mean errors of one size of states, a sentence."""
    means = of["errors"].mean(axis=0)
    listed = "; ".join(
        f"{order}: " + ", ".join(f"{name} {error:.4f}" for name, error in zip(FORECASTS, row, strict=True))
        for order, row in zip(ORDERS, means, strict=True)
    )
    penalties = ", ".join(f"{penalty:.3g}" for penalty in np.median(of["penalty"], axis=0))
    return (
        f"d = {dim} ({float(of['explained']):.0%} of the variance), {len(of['errors'])} windows, errors / mean squared "
        f"norm. {listed}. Penalties {penalties}."
    )
