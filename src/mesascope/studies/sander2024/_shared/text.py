"""What layers on windows of text are compared with: the best gradient step, ridge regression, one matrix for all."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.along_sequence import GradientDescentAlongSequence, RidgeAlongSequence
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.random import RUNS_ONCE
from mesascope.validation import check_count


class PenaltyGrid(eqx.Module):
    """Penalties of ridge regression to choose from, evenly spread over their logarithms.

    They are in units of a state's mean squared norm.
    """

    lowest: float = 0.1
    highest: float = 1000.0
    size: int = 13

    def values(self) -> Float[Array, " k"]:
        """The penalties, in JAX's precision."""
        return jnp.asarray(np.geomspace(self.lowest, self.highest, self.size), float)


class Rivals(NamedTuple):
    """Something of each rival: the best gradient step, ridge regression, and one matrix for all windows."""

    step: Any
    ridge: Any
    common: Any


class Tuned(NamedTuple):
    """What rivals are tuned to: c of the step c sum_t s_{t+1} <s_t, s_T>, and ridge regression's penalty."""

    coefficient: Any
    penalty: Any


def rivals(tuning: Sequence, held_out: Sequence, penalties: PenaltyGrid) -> tuple[Rivals, Rivals, Tuned]:
    """What rivals predict of held-out windows from the third state on [n t d], their losses, what they are tuned to.

    The step's coefficient is the best on the windows to tune on, in closed form, and the penalty the best of the grid.
    The common matrix is fitted to these windows by least squares: it learns nothing in context.
    """
    return _rivals(tuning, held_out, best_penalty(tuning, penalties))


def best_penalty(windows: Sequence, penalties: PenaltyGrid) -> Float[Array, ""]:
    """The penalty with which ridge regression forecasts windows best."""
    return _best_of(windows, penalties.values())


@partial(jax.jit, compiler_options=RUNS_ONCE)
def _best_of(windows: Sequence, grid: Float[Array, " k"]) -> Float[Array, ""]:
    losses = jax.lax.map(
        lambda penalty: relative_loss(forecasts_of(windows, RidgeAlongSequence(penalty)), windows), grid
    )
    return grid[jnp.argmin(losses)]


@partial(jax.jit, compiler_options=RUNS_ONCE)
def _rivals(tuning: Sequence, held_out: Sequence, penalty: Float[Array, ""]) -> tuple[Rivals, Rivals, Tuned]:
    step = GradientDescentAlongSequence(1.0)
    target, unscaled = targets(tuning), forecasts_of(tuning, step)
    coefficient = jnp.sum(unscaled * target) / jnp.sum(unscaled**2)
    forecasts = Rivals(
        coefficient * forecasts_of(held_out, step),
        forecasts_of(held_out, RidgeAlongSequence(penalty)),
        held_out.states[:, 1:-1] @ common_matrix(tuning).T,
    )
    losses = Rivals(*(relative_loss(each, held_out) for each in forecasts))
    return forecasts, losses, Tuned(coefficient, penalty)


def common_matrix(windows: Sequence) -> Float[Array, "d d"]:
    """One W for all windows, by least squares: s_{t+1} = W s_t."""
    moment, cross = (jnp.sum(each, axis=0) for each in moments(windows.states))
    return jnp.linalg.solve(moment, cross.T).T


def targets(windows: Sequence) -> Float[Array, "n t d"]:
    """The states from the third on."""
    return windows.states[:, 2:]


def forecasts_of(windows: Sequence, predictor: AbstractSequencePredictor) -> Float[Array, "n t d"]:
    """What a predictor says of them."""
    return jax.vmap(predictor.next_states)(windows)[:, 1:-1]


def relative_loss(forecasts: Float[Array, "n t d"], windows: Sequence) -> Float[Array, ""]:
    """|error|^2 / |s|^2 over them."""
    target = targets(windows)
    return jnp.sum((forecasts - target) ** 2) / jnp.sum(target**2)


def moments(states: Any) -> tuple[Any, Any]:
    """sum_t s_t s_t^T and sum_t s_{t+1} s_t^T of every window [n d d], of states [n t d] of JAX or numpy."""
    before, after = states[:, :-1], states[:, 1:]
    return before.swapaxes(1, 2) @ before, after.swapaxes(1, 2) @ before


def check_windows(num_states: int, *dims: int, longest: int = 1024, largest: int = 50) -> None:
    """Raise ValueError unless the text serves windows of so many tokens and states of these sizes.

    Windows need a third state, and hundreds of them must be left; a word's vector has 50 entries.
    """
    check_count("num_states", num_states, minimum=4)
    if num_states > longest:
        raise ValueError(f"`num_states` must be at most {longest}, for hundreds of windows; got {num_states}.")
    for dim in dims:
        check_count("dim", dim)
        if dim > largest:
            raise ValueError(f"`dim` must be at most {largest}, the entries of a word's vector; got {dim}.")
