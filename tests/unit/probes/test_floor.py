"""The floor of exact, rounding, noisy and batch-dependent subjects."""

import numpy as np
import pytest

from mesascope.probes.averaged import Averaged, AveragedSequence
from mesascope.probes.floor import subject_floor, tolerance
from mesascope.probes.questions import Questions
from mesascope.subject import AbstractSequenceSubject, AbstractSubject


def first_coordinates(xs, ys, queries):
    return queries[..., :1]


def test_an_exact_subject_feels_the_jitter_alone(drawn, learner):
    """x -> x (1 + 2^-20 u): half the mean of u^2 x^2 over that of x^2, that is 2^-20 / sqrt(6)."""
    found = subject_floor(learner(first_coordinates), drawn(5000, 2, 3))
    np.testing.assert_allclose(found.jitter, 2**-20 / np.sqrt(6), rtol=5 / np.sqrt(5000))
    assert (found.repeat, found.batch, found.value) == (0.0, 0.0, found.jitter)
    assert (found.dtype, found.finite, found.stochastic, found.depends_on_batch) == ("float64", True, False, False)


def test_jitter_is_in_the_precision_of_the_question(drawn, learner):
    """One that depends on the last digits of its inputs is at the floor that its digits leave: all of it."""
    asked, seen = Questions(*(np.float32(each) for each in drawn(200, 2, 3))), set()

    def erratic(xs, ys, queries):
        seen.update(each.dtype.name for each in (xs, ys, queries))
        return np.sin(1e9 * queries[..., :1])

    found = subject_floor(learner(erratic), asked)
    assert seen == {"float32"}
    assert (found.dtype, found.repeat) == ("float32", 0.0)
    assert found.jitter > 0.3


class Noisy(AbstractSubject):
    """Answers one, with noise drawn anew at each call."""

    def __init__(self, std):
        self.std, self.rng = std, np.random.default_rng(0)

    def predictions(self, xs, ys, queries):
        return 1 + self.std * self.rng.normal(size=(*queries.shape[:2], 1))

    def layers(self, xs, ys, queries):
        return np.stack([self.predictions(xs, ys, queries)])

    def untrained(self, seed):
        return Noisy(self.std * seed)


def test_noise_is_told_and_averaging_divides_its_variance(drawn):
    asked = drawn(5000, 1, 2, 2)
    share = 0.04 / 1.04
    single, mean = subject_floor(Noisy(0.2), asked), subject_floor(Averaged(Noisy(0.2), 4), asked)
    np.testing.assert_allclose(single.repeat**2, share, rtol=5 * np.sqrt(2 / 10000))
    np.testing.assert_allclose(mean.repeat**2, 0.01 / 1.01, rtol=5 * np.sqrt(2 / 10000))
    np.testing.assert_allclose(single.noise_share(4), single.repeat**2 / 4)
    assert (single.stochastic, mean.stochastic) == (True, True)
    assert not single.depends_on_batch
    spread = Averaged(Noisy(0.2), 4).layers(*asked)
    np.testing.assert_allclose(spread.var(), 0.01, rtol=5 * np.sqrt(2 / 10000))
    assert Averaged(Noisy(0.2)).jacobian(*asked) is None
    bounded = Noisy(0.2)
    bounded.max_examples = 7
    assert Averaged(bounded).max_examples == 7
    assert Averaged(Noisy(0.2), 3).untrained(2).subject.std == 0.4


@pytest.mark.parametrize(
    "answer",
    [
        lambda xs, ys, queries: queries[..., :1] - queries[..., :1].mean(),
        lambda xs, ys, queries: queries[..., :1] * np.arange(1.0, len(xs) + 1)[:, None, None],
        lambda xs, ys, queries: queries[..., :1] + (len(xs) == 1),
        lambda xs, ys, queries: queries[..., :1] + (1 < len(xs) < 15),
        lambda xs, ys, queries: queries[..., :1] + (np.arange(len(xs)) > 10)[:, None, None],
    ],
    ids=["normalised over the batch", "by place", "alone or not", "small batches", "late places"],
)
def test_dependence_on_the_batch_is_told(drawn, learner, answer):
    assert subject_floor(learner(answer), drawn(20, 2, 3)).depends_on_batch


def test_what_is_not_finite_has_an_infinite_floor(drawn, learner):
    found = subject_floor(learner(lambda xs, ys, queries: queries[..., :1] * np.inf), drawn(3, 2, 3))
    assert (found.finite, found.value) == (False, np.inf)
    assert (tolerance(0.0), tolerance(0.1)) == (0.01, pytest.approx(0.3))


def test_sequences_have_a_floor_too(forecaster):
    class Drifting(AbstractSequenceSubject):
        calls = 0.0

        def next_states(self, states):
            self.calls += 1
            return np.full_like(states, self.calls)

    states = np.ones((3, 4, 2))
    assert subject_floor(forecaster(lambda states: 2 * states), states).repeat == 0.0
    np.testing.assert_allclose(subject_floor(Drifting(), states).repeat, np.sqrt(0.5))
    np.testing.assert_array_equal(AveragedSequence(Drifting(), 3).next_states(states), np.full_like(states, 2.0))
    assert AveragedSequence(Drifting()).layers(states) is None
