"""Forecasts from the last states: exact where W commutes, and where they are not."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.along_sequence import GradientDescentAlongSequence, RidgeAlongSequence
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.last_step import LastPhases, TrigonometricRecursion
from mesascope.algorithms.last_value import LastValue
from mesascope.algorithms.ridge import Ridge
from mesascope.prompt import Sequence
from mesascope.random import FAST
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Gaussian
from mesascope.tasks.orthogonal import ConjugatePairProcess, RotationProcess
from mesascope.tasks.unitary import UnitaryProcess

EPS = np.finfo(np.float64).eps


@cache
def sequences_of(process):
    """Fifty, from the generator that training data is drawn with."""
    return jax.jit(lambda: process.sample_batch(jax.random.key(20240, impl=FAST), 50))()


def largest_error(forecaster, process, length=4):
    @jax.jit
    def errors(sequences):
        prompts = jax.vmap(lambda sequence: sequence.prompt(length))(sequences)
        return jax.vmap(forecaster)(prompts) - prompts.target

    return np.abs(errors(sequences_of(process))).max()


@pytest.mark.parametrize(("forecaster", "process"), [
    (LastPhases(), UnitaryProcess(6, 3, Gaussian())),
    (LastPhases(), ConjugatePairProcess(6, 4)),
    (TrigonometricRecursion(), ConjugatePairProcess(6, 4)),
    (TrigonometricRecursion(), RotationProcess(6, 4, Gaussian())),
    (LastValue(), RotationProcess(6, 4, mu=1e15)),
])  # fmt: skip
def test_a_forecast_is_exact_where_it_should_be(forecaster, process):
    assert largest_error(forecaster, process) <= 1e5 * EPS  # a Gaussian state may be small


@pytest.mark.parametrize("forecaster", [LastPhases(), TrigonometricRecursion(), LastValue()])
def test_no_forecast_from_two_states_knows_dynamics_that_do_not_commute(forecaster):
    assert largest_error(forecaster, HaarProcess(6, 4)) > 0.1


def test_the_in_context_map_of_the_last_phases_is_w(key):
    process = UnitaryProcess(6, 3)

    @jax.jit
    def both(key):
        draws = process.draw(key)
        return LastPhases().weights(process.sequence(draws).prompt(4)), process.matrix(draws[0])

    found, w = both(key)
    np.testing.assert_allclose(found, w, atol=1e3 * EPS)


def test_what_is_not_known_yet():
    """From one state alone, or from a state that is zero, there is no step to repeat."""

    @jax.jit
    def forecasts(sequence):
        prompt = sequence.prompt(sequence.num_states - 1)
        return [forecaster(prompt) for forecaster in (LastPhases(), TrigonometricRecursion(), LastValue())]

    one = Sequence(jnp.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(forecasts(one), [[0.0, 0.0], [1.0, 2.0], [1.0, 2.0]])
    zero = Sequence(jnp.array([[0.0, 0.0], [3.0, 4.0], [5.0, 6.0]]))
    np.testing.assert_array_equal(forecasts(zero), [[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]])


def test_pairs_need_an_even_number_of_entries(key):
    with pytest.raises(ValueError, match="`prompt` must have states of even size, for pairs of entries; got 3"):
        jax.jit(lambda key: TrigonometricRecursion()(UnitaryProcess(4, 3).sample(key).prompt(2)))(key)


@pytest.mark.parametrize("dtype", [float, complex])
def test_learners_along_a_sequence_are_the_learners_of_its_prompts(dtype):
    rates, (real, imaginary) = jnp.array([0.1, 0.3, 0.2]), np.random.default_rng(0).normal(size=(2, 7, 3))
    states = jax.device_put(real + 1j * imaginary if dtype is complex else real)

    @jax.jit
    def trajectories(states):
        sequence, found = Sequence(states), []
        learners = GradientDescentAlongSequence(rates, 3), RidgeAlongSequence(0.1)
        along = [learner.trajectory(sequence) for learner in learners]
        for length in (1, 2, 6):
            alone = GradientDescent(rates * (length - 1), 3), Ridge(0.1)
            for whole, learner in zip(along, alone, strict=True):
                found.append((length, whole[:, length - 1], learner.trajectory(sequence.prompt(length))))
        return found

    for length, ours, theirs in trajectories(states):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e3 * EPS)
        assert (np.abs(theirs).max() > 1e-3) == (length > 1)


def test_impossible_learners_are_refused():
    with pytest.raises(ValueError, match="`num_steps` must be an integer of at least 1; got 0"):
        GradientDescentAlongSequence(0.1, 0)
    with pytest.raises(ValueError, match="`coefficient` must be one number or 3 of them, one a step; got shape"):
        GradientDescentAlongSequence(jnp.ones(2), 3)
    with pytest.raises(ValueError, match="`coefficient`"):
        GradientDescentAlongSequence(float("nan"))
    with pytest.raises(ValueError, match="`penalty`"):
        RidgeAlongSequence(0.0)
