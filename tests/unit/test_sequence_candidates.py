"""What every algorithm of sequences offers to be tried as."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
from mesascope.algorithms.along_sequence import AbstractAlongSequence
from mesascope.candidate import Scale
from mesascope.discovery import concrete_classes
from mesascope.predictor import AbstractForecaster, AbstractSequencePredictor
from mesascope.prompt import Sequence

EPS = np.finfo(float).eps
CLASSES = concrete_classes(mesascope.algorithms, AbstractForecaster)
CANDIDATES = [candidate for cls in CLASSES if hasattr(cls, "candidates") for candidate in cls.candidates()]
STATES = np.random.default_rng(0).normal(size=(7, 4))


def scale_of(states):
    size = float(np.sqrt(np.mean(states**2)))
    return Scale(size, size, len(states) - 2)


def settings(candidate, scale):
    """The parameters at their least, in the middle and at their largest."""
    found = {}
    for parameter in candidate.parameters:
        low, high = parameter.bounds(scale)
        found[parameter.name] = low, (low + high) / 2 if parameter.linear else math.sqrt(low * high), high
    return [{name: values[i] for name, values in found.items()} for i in range(3)]


def answers(forecaster, sequence):
    """After every state but the last: by one pass, or else by a prompt for each, padded to the same length."""
    if isinstance(forecaster, AbstractSequencePredictor):
        return forecaster.next_states(sequence)[:-1]
    lengths = jnp.arange(2, len(sequence.states) + 1)
    return jax.vmap(lambda length: forecaster(sequence.shortened(length).last_prompt()))(lengths)


def test_candidates_have_names_of_their_own():
    names = [candidate.name for candidate in CANDIDATES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+(-[a-z0-9]+)*", name) for name in names)
    assert [cls.__name__ for cls in CLASSES if not hasattr(cls, "candidates")] == ["KalmanForecaster"]
    for candidate in CANDIDATES:
        assert candidate.says.format(num_steps=3).isprintable()
        assert ("{num_steps}" in candidate.says) == bool(candidate.counts)


def test_bounds_are_a_range_that_can_be_searched():
    for candidate in CANDIDATES:
        for parameter in candidate.parameters:
            low, high = parameter.bounds(Scale(0.3, 0.3, 20.0))
            assert (low if parameter.linear else 0) < high
            assert parameter.linear or low > 0


@pytest.mark.parametrize("candidate", CANDIDATES, ids=[candidate.name for candidate in CANDIDATES])
def test_a_candidate_is_built_inside_a_program_and_its_parameters_follow_the_size_of_states(candidate):
    """States ten times as large, with bounds for them, are answered by ten times the numbers."""
    counts = candidate.counts or (None,)

    @jax.jit
    def answer(states, parameters):
        every = [answers(candidate.predictor(parameters, count), Sequence(states)) for count in counts]
        return jnp.stack(every)

    found, larger = (
        [np.asarray(answer(jnp.asarray(states), setting)) for setting in settings(candidate, scale_of(states))]
        for states in (STATES, 10 * STATES)
    )
    for ours, theirs in zip(found, larger, strict=True):
        assert ours.shape == (len(counts), 6, 4)
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(theirs, 10 * ours, rtol=0, atol=1e6 * EPS * np.abs(ours).max())
    assert not candidate.parameters or np.abs(found[2] - found[0]).max() > 1e-2


def test_counts_are_rows_of_the_largest_one_s_trajectory():
    counted = [candidate for candidate in CANDIDATES if candidate.counts]
    assert [candidate.name for candidate in counted] == ["gradient-descent-along-sequence"]
    for candidate in counted:
        parameters, sequence = settings(candidate, scale_of(STATES))[1], Sequence(jnp.asarray(STATES))
        most = candidate.predictor(parameters, max(candidate.counts))
        assert isinstance(most, AbstractAlongSequence)
        steps = most.trajectory(sequence)
        assert len(steps) == max(candidate.counts)
        for count in candidate.counts:
            alone = candidate.predictor(parameters, count)
            np.testing.assert_allclose(steps[count - 1], alone.next_states(sequence), rtol=1e3 * EPS)
