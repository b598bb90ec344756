"""One-step forecasts within windows of text, in order and shuffled, by AR(1) and by simpler means."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.ridge import Ridge
from mesascope.data.orders import AbstractOrder, AsWritten, ShuffledInWindows, ShuffledThroughout
from mesascope.data.sources import AbstractSource
from mesascope.prompt import Sequence
from mesascope.random import RUNS_ONCE
from mesascope.studies.sander2024._shared.text import PenaltyGrid, common_matrix
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.text import TextWindows

ORDERS = ("as written", "shuffled in windows", "shuffled throughout")
FORECASTS = ("ridge AR(1)", "mean", "zero", "one W for all")


class ForecastErrors(NamedTuple):
    """Errors [windows orders forecasts] on the second halves of held-out windows, averaged over shuffles.

    The unit is the mean squared norm of a state. `penalty` [seeds orders] are AR(1)'s penalties; `explained` is the
    share of the variance that the coordinates keep.
    """

    errors: np.ndarray
    penalty: np.ndarray
    explained: np.ndarray

    def of(self, order: str, forecast: str) -> np.ndarray:
        """Errors of one forecast in one order [windows]."""
        return self.errors[:, ORDERS.index(order), FORECASTS.index(forecast)]


class ForecastCell(AbstractConfig):
    """Windows of one length and size of state, as many to tune on as to measure on, shuffled anew for every seed.

    Ridge AR(1) is fitted to a window's first half, its penalty the best of a grid on other windows, for each order by
    itself. `mean` is that of the first half. One W for all is fitted to those other windows.
    """

    source: AbstractSource
    num_states: int
    dim: int
    num_windows: int
    seeds: int
    first_seed: int
    penalties: PenaltyGrid = PenaltyGrid()

    def compute(self, workspace: Workspace) -> Arrays:
        """`ForecastErrors`."""
        by_order, penalties = [], []
        for i, orders in enumerate(self.orders()):
            found = [self.errors(order) for order in orders]
            by_order.append(np.mean([errors for errors, _ in found], axis=0))
            penalties.append(np.resize([penalty for _, penalty in found], self.seeds))
            workspace.report(i + 1, len(ORDERS), f"d = {self.dim}")
        explained = self.windows(AsWritten()).pool().components.share_explained
        return ForecastErrors(np.stack(by_order, axis=1), np.stack(penalties, axis=1), np.asarray(explained))._asdict()

    def orders(self) -> tuple[list[AbstractOrder], ...]:
        """Of every order the text itself, or a shuffle a seed."""
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        return [AsWritten()], [ShuffledInWindows(seed) for seed in seeds], [ShuffledThroughout(seed) for seed in seeds]

    def windows(self, order: AbstractOrder) -> TextWindows:
        """The text's windows in an order."""
        return TextWindows(self.num_states, self.dim, order, self.source)

    def errors(self, order: AbstractOrder) -> tuple[np.ndarray, float]:
        """Errors [windows forecasts] in one order, and AR(1)'s penalty."""
        windows = self.windows(order)
        errors, penalty = measure(
            windows.training(self.num_windows), windows.held_out(self.num_windows), self.penalties.values()
        )
        return np.asarray(errors), float(penalty)


@partial(jax.jit, compiler_options=RUNS_ONCE)
def measure(
    tuning: Sequence, held_out: Sequence, grid: Float[Array, " k"]
) -> tuple[Float[Array, "n forecasts"], Float[Array, ""]]:
    """Errors of all forecasts of every window, and AR(1)'s penalty, the best of the grid on windows to tune on."""
    on_tuning = jax.lax.map(lambda penalty: jax.vmap(lambda each: ar_error(each, penalty))(tuning).mean(), grid)
    common, penalty = common_matrix(tuning), grid[jnp.argmin(on_tuning)]

    def of_window(window: Sequence) -> Float[Array, " forecasts"]:
        first, inputs, targets = halves(window)
        forecasts = (first.mean(axis=0)[None], jnp.zeros_like(inputs), inputs @ common.T)
        return jnp.stack([ar_error(window, penalty), *(_error(forecast, targets) for forecast in forecasts)])

    return jax.vmap(of_window)(held_out), penalty


def ar_error(window: Sequence, penalty: Float[Array, ""]) -> Float[Array, ""]:
    """The mean of |s_{t+1} - W s_t|^2 over the second half of a window, W ridge regression's on the first."""
    _, inputs, targets = halves(window)
    weights = Ridge(penalty).weights(window.prompt(len(window.states) // 2))
    return _error(inputs @ weights.T, targets)


def halves(window: Sequence) -> tuple[Float[Array, "f d"], Float[Array, "s d"], Float[Array, "s d"]]:
    """The first half; what each state of the second is forecast from, the state before it; and the second half."""
    half = window.num_states // 2
    return window.states[:half], window.states[half - 1 : -1], window.states[half:]


def _error(forecast: Float[Array, "#s d"], targets: Float[Array, "s d"]) -> Float[Array, ""]:
    return jnp.mean(jnp.sum((forecast - targets) ** 2, axis=-1))
