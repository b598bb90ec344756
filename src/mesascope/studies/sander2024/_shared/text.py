"""What layers on windows of text are compared with: the best gradient step, ridge regression, one matrix for all."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.validation import check_count

PENALTIES = np.geomspace(0.1, 1000.0, 13)  # in units of a state's mean squared norm


@jax.jit
def rivals(tuning: Sequence, held_out: Sequence) -> tuple[dict[str, Float[Array, "n t d"]], dict[str, Array]]:
    """What rivals predict of held-out windows from the third state on, tuned on others, and their losses.

    `step`: c sum_t s_{t+1} <s_t, s_T> with the best `coefficient` c, in closed form. `ridge`: with the best `penalty`
    of a grid. `common`: one matrix for all windows, by least squares, which learns nothing in context.
    """
    step = DescentAlongSequence(1.0)
    target, unscaled = targets(tuning), forecasts_of(tuning, step)
    coefficient = jnp.sum(unscaled * target) / jnp.sum(unscaled**2)
    grid = jnp.asarray(PENALTIES, target.dtype)
    losses = jax.lax.map(lambda penalty: relative_loss(forecasts_of(tuning, RidgeAlongSequence(penalty)), tuning), grid)
    penalty = grid[jnp.argmin(losses)]
    forecasts = {
        "step": coefficient * forecasts_of(held_out, step),
        "ridge": forecasts_of(held_out, RidgeAlongSequence(penalty)),
        "common": held_out.states[:, 1:-1] @ common_matrix(tuning).T,
    }
    found = {name: relative_loss(each, held_out) for name, each in forecasts.items()}
    return forecasts, {**found, "coefficient": coefficient, "penalty": penalty}


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


LONGEST, LARGEST = 1024, 50  # tokens of a window, so that hundreds are left; entries of a vector


def check_num_states(num_states: int) -> None:
    """Raise ValueError unless windows of so many tokens have a third state and leave hundreds of windows."""
    check_count("num_states", num_states, minimum=4)
    if num_states > LONGEST:
        raise ValueError(f"`num_states` must be at most {LONGEST}, for hundreds of windows; got {num_states}.")
