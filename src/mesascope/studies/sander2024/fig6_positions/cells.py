"""Rows of position weights learned on concentrated phases (Sander et al. 2024, figure 6)."""

import bisect
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.models.position_weights import visible_keys
from mesascope.random import data_key
from mesascope.studies._shared.training import seed_keys
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.theory.position_only import descent, loss, spectrum


class Rows(NamedTuple):
    """P where exact descent stopped, after `stop` steps (inf for never), and at the end; the Hessian's spectrum.

    `stopped` and `ended` [rows t] have a row for each length T = 2, 3, ..., zero ahead of it. `spectrum` [t] is that of
    the last row's Hessian, as decimal logarithms.
    """

    stop: np.ndarray
    stopped: np.ndarray
    ended: np.ndarray
    spectrum: np.ndarray


class RowsCell(AbstractConfig):
    """Exact descent of P on one concentration of phases, until the mean loss over rows is below `tolerance`.

    As the loss is a mean over rows, each has a rate of learning_rate / (num_states - 1).
    """

    mu: float
    num_states: int
    learning_rate: float
    num_steps: int
    tolerance: float

    def compute(self, workspace: Workspace) -> Arrays:
        """`Rows`."""
        first = bisect.bisect_left(range(self.num_steps), True, key=self.arrived)  # the loss falls with every step
        stop = float(first) if self.arrived(first) else np.inf
        workspace.report(1, 1, f"stopped after {stop:.0f} steps")
        found = Rows(np.array(stop), self.rows(first), self.rows(self.num_steps), spectrum(self.num_states, self.mu))
        return found._asdict()

    def arrived(self, num_steps: int) -> bool:
        """Whether the mean loss over rows is below the tolerance."""
        losses = [loss(row[:length], self.mu) for length, row in enumerate(self.rows(num_steps), start=2)]
        return bool(np.mean(losses) < self.tolerance)

    def rows(self, num_steps: int) -> np.ndarray:
        """P after so many steps [rows t]."""
        rate, steps = self.learning_rate / (self.num_states - 1), np.array([num_steps])
        rows = (descent(length, self.mu, rate, steps)[0] for length in range(2, self.num_states + 1))
        return np.stack([np.pad(row, (0, self.num_states - len(row))) for row in rows])


class SampledRows(NamedTuple):
    """P where descent on samples stopped [seeds rows t], and after how many steps [seeds]; inf for never."""

    stop: np.ndarray
    stopped: np.ndarray


class DescentSettings(NamedTuple):
    """What the descent on samples takes beside a law; `learning_rate` as `RowsCell` has it."""

    num_states: int
    learning_rate: float
    num_steps: int
    tolerance: float
    batch_size: int


class SampledRowsCell(AbstractConfig):
    """The same descent on fresh phases, `batch_size` of them a step, until a batch's loss is below the tolerance."""

    rows: RowsCell
    batch_size: int
    seeds: int
    first_seed: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`SampledRows`, in float64."""
        of = self.rows
        with jax.enable_x64(True):
            settings = DescentSettings(of.num_states, of.learning_rate, of.num_steps, of.tolerance, self.batch_size)
            keys = seed_keys(self.first_seed, self.seeds)
            steps, weights, losses = map(np.asarray, _descend(keys, jnp.array(of.mu), settings))
        stop = np.where(losses < of.tolerance, steps, np.inf)
        workspace.report(1, 1, f"stopped after {stop.mean():.0f} steps")
        return SampledRows(stop, weights)._asdict()


@eqx.filter_jit  # with mu for an argument: one program for all laws
def _descend(keys: Key[Array, " seeds"], mu: Float[Array, ""], of: DescentSettings) -> tuple[Array, Array, Array]:
    """Steps p <- p - 2 rate (H p - h), H the moments of a new batch, until p's loss on the batch is small."""
    lags = np.abs(np.arange(of.num_states)[:, None] - np.arange(of.num_states)[None, :])
    seen, rate = visible_keys(of.num_states)[:-1], of.learning_rate / (of.num_states - 1)

    def step(state):
        done, key, _, weights, _ = state
        key, batch_key = jax.random.split(key)
        phases = jax.random.uniform(batch_key, (of.batch_size,), maxval=2 * jnp.pi) / mu
        moments = jnp.cos(2 * phases[:, None] * jnp.arange(float(of.num_states))[None, :]).mean(axis=0)[lags]
        pulls = weights @ moments
        loss = jnp.mean(jnp.sum((pulls - 2 * moments[1:]) * weights, axis=1) + 1)
        return done + 1, key, weights, weights - 2 * rate * jnp.where(seen, pulls - moments[1:], 0.0), loss

    def unfinished(state):
        return (state[0] <= of.num_steps) & (state[-1] >= of.tolerance)

    def of_seed(key: Key[Array, ""]) -> tuple[Array, Array, Array]:
        none = jnp.zeros((of.num_states - 1, of.num_states))
        start = (jnp.array(0), data_key(key), none, none, jnp.array(jnp.inf))
        done, _, weights, _, loss = jax.lax.while_loop(unfinished, step, start)
        return done - 1, weights, loss

    return jax.vmap(of_seed)(keys)
