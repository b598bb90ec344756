"""What layers on text are compared with, by hand; and the windows that a text can serve."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.along_sequence import RidgeAlongSequence
from mesascope.prompt import Sequence
from mesascope.studies import find_study
from mesascope.studies.sander2024._shared.text import (
    PenaltyGrid,
    check_windows,
    common_matrix,
    forecasts_of,
    relative_loss,
    rivals,
)

EPS = np.finfo(np.float64).eps


@pytest.fixture(scope="module")
def windows():
    """To tune on, and held out: 30 of six states each."""
    states = np.random.default_rng(0).normal(size=(2, 30, 6, 2))
    return tuple(jax.vmap(Sequence)(jnp.asarray(each)) for each in states)


def step_of(states):
    """sum_{t < T} s_{t+1} <s_t, s_T> from the second state on."""
    return np.array(
        [sum(states[t + 1] * (states[t] @ states[now]) for t in range(now)) for now in range(1, len(states) - 1)]
    )


def test_rivals_are_the_best_step_and_ridge_and_one_matrix_by_hand(windows):
    tuning, held_out = windows
    forecasts, losses, tuned = rivals(tuning, held_out, PenaltyGrid())
    states = np.asarray(tuning.states)
    steps, targets = np.array([step_of(each) for each in states]), states[:, 2:]
    coefficient = np.sum(steps * targets) / np.sum(steps**2)
    assert float(tuned.coefficient) == pytest.approx(coefficient, rel=1e5 * EPS)
    held = np.asarray(held_out.states)
    np.testing.assert_allclose(forecasts.step, coefficient * np.array([step_of(each) for each in held]))
    expected = np.sum((np.asarray(forecasts.step) - held[:, 2:]) ** 2) / np.sum(held[:, 2:] ** 2)
    assert float(losses.step) == pytest.approx(expected, rel=1e4 * EPS)
    ridge = eqx.filter_jit(forecasts_of)(held_out, RidgeAlongSequence(tuned.penalty))
    np.testing.assert_allclose(forecasts.ridge, ridge, rtol=1e5 * EPS)
    matrix = np.asarray(jax.jit(common_matrix)(tuning))
    np.testing.assert_allclose(forecasts.common, held[:, 1:-1] @ matrix.T, rtol=1e5 * EPS)


def test_the_common_matrix_is_least_squares(windows):
    states = np.asarray(windows[0].states)
    before, after = (each.reshape(-1, 2) for each in (states[:, :-1], states[:, 1:]))
    matrix = np.linalg.lstsq(before, after, rcond=None)[0].T
    np.testing.assert_allclose(jax.jit(common_matrix)(windows[0]), matrix, rtol=1e5 * EPS)


def test_ridge_has_the_best_penalty_of_the_grid_on_the_windows_to_tune_on(windows):
    grid = PenaltyGrid(0.1, 10.0, 3)
    np.testing.assert_allclose(grid.values(), [0.1, 1.0, 10.0])
    loss = jax.jit(lambda p: relative_loss(forecasts_of(windows[0], RidgeAlongSequence(p)), windows[0]))
    values = np.asarray(grid.values())
    best = values[np.argmin([loss(p) for p in values])]
    assert float(rivals(*windows, grid)[2].penalty) == pytest.approx(best)


def test_windows_have_a_third_state_and_hundreds_are_left():
    check_windows(4, 50)
    check_windows(1024)
    for num_states in (3, 1025):
        with pytest.raises(ValueError, match="`num_states` must be"):
            check_windows(num_states)
    with pytest.raises(ValueError, match="`dim` must be at most 50"):
        check_windows(4, 8, 51)


@pytest.mark.parametrize(
    ("study", "settings", "message"),
    [
        ("sander2024-fig4-text", {"dims": (51,)}, "`dim` must be at most 50"),
        ("sander2024-fig4-text", {"dims": (8, 8)}, "`dims` must be different numbers"),
        ("sander2024-fig4-text", {"num_states": 2000}, "`num_states` must be at most 1024"),
        ("sander2024-text-mechanism", {"num_states": 2000}, "`num_states` must be at most 1024"),
        ("sander2024-text-mechanism", {"dim": 51}, "`dim` must be at most 50"),
    ],
)
def test_settings_that_the_text_cannot_serve_are_refused(study, settings, message):
    with pytest.raises(ValueError, match=message):
        find_study(study).preset("smoke", **settings)
