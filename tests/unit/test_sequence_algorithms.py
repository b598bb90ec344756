"""Forecasts from a whole sequence, each against numpy after every prefix, and where they are exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.along_sequence import RidgeAlongSequence
from mesascope.algorithms.autoregression import CoordinateAutoregression, VectorAutoregression
from mesascope.algorithms.exponential_smoothing import ExponentialSmoothing
from mesascope.algorithms.harmonic_recursion import HarmonicRecursion
from mesascope.algorithms.induction import Induction, SoftInduction
from mesascope.algorithms.kernel_smoother import FeatureKernel, NadarayaWatson
from mesascope.algorithms.linear_extrapolation import LinearExtrapolation
from mesascope.prompt import Sequence

EPS = np.finfo(float).eps


def states(length=9, dim=3, is_complex=False, seed=0):
    real, imaginary = np.random.default_rng(seed).normal(size=(2, length, dim))
    return real + 1j * imaginary if is_complex else real


def forecasts(forecasters, of):
    """After every prefix of an array of states, of all forecasters by one program."""
    answer = jax.jit(lambda sequence: [each.next_states(sequence) for each in forecasters])
    return [np.asarray(each) for each in answer(Sequence(jnp.asarray(of)))]


def test_a_straight_line_is_extrapolated_exactly():
    start, change = states(2, 3, is_complex=True)
    line = start + np.arange(6)[:, None] * change
    (found,) = forecasts([LinearExtrapolation()], line)
    np.testing.assert_allclose(found[1:], start + np.arange(2, 7)[:, None] * change, rtol=0, atol=1e3 * EPS)
    np.testing.assert_array_equal(found[0], line[0])


def test_the_error_of_extrapolation_is_the_second_derivative_times_the_step_squared():
    """Up to h^4 / 12 of the fourth derivative, which is at most one."""
    for h in (2.0**-2, 2.0**-4, 2.0**-6):
        times = h * np.arange(8)
        (found,) = forecasts([LinearExtrapolation()], np.cos(times)[:, None])
        errors = np.cos(times[1:] + h) - found[1:, 0]
        assert np.abs(errors + h**2 * np.cos(times[1:])).max() <= h**4 / 12 + 10 * EPS
        assert np.abs(errors).max() > h**2 / 2


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_exponential_smoothing_weighs_states_by_their_age(weight):
    """All of the weight that is left goes to the first state."""
    of = states(is_complex=True)
    weights = [[weight * (1 - weight) ** (t - j) for j in range(t + 1)] + [0.0] * (8 - t) for t in range(9)]
    weights = np.array(weights) + (np.arange(9) == 0) * ((1 - weight) * (1 - weight) ** np.arange(9))[:, None]
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    (found,) = forecasts([ExponentialSmoothing(weight)], of)
    np.testing.assert_allclose(found, weights @ of, rtol=0, atol=1e3 * EPS)
    if weight in (0.0, 1.0):
        np.testing.assert_allclose(found, of if weight else np.broadcast_to(of[0], of.shape), atol=10 * EPS)


def test_one_frequency_is_recognised_from_three_states_on():
    """Amplitudes and phases differ; the denominator may be small, by which rounding is divided."""
    amplitudes = states(1, 4, is_complex=True)
    for angle in (0.3, 2.5):
        phases = angle * np.arange(9)[:, None] + np.arange(4)
        for of in (np.abs(amplitudes) * np.cos(phases), amplitudes * np.cos(phases)):
            (found,) = forecasts([HarmonicRecursion()], of)
            np.testing.assert_allclose(found[2:-1], of[3:], rtol=0, atol=1e3 * EPS)
            np.testing.assert_array_equal(found[:2], of[:2])


@pytest.mark.parametrize("is_complex", [False, True])
def test_the_frequency_is_that_of_least_squares(is_complex):
    of = states(is_complex=is_complex)
    (found,) = forecasts([HarmonicRecursion()], of)
    for t in range(3, 10):
        middle, rest = of[1 : t - 1].ravel(), (of[2:t] + of[: t - 2]).ravel()
        stacked = [np.concatenate([each.real, each.imag]) for each in (middle, rest)]
        cosine = np.linalg.lstsq(stacked[0][:, None], stacked[1])[0][0]
        np.testing.assert_allclose(found[t - 1], cosine * of[t - 1] - of[t - 2], rtol=0, atol=1e3 * EPS)


def test_without_a_state_to_learn_a_frequency_from_the_last_is_kept():
    of = np.array([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0], [5.0, 6.0]])
    (found,) = forecasts([HarmonicRecursion()], of)
    np.testing.assert_array_equal(found[:3], of[:3])
    np.testing.assert_allclose(found[3], 39 / 25 * of[3] - of[2], rtol=1e3 * EPS)
    for length in (1, 2):
        np.testing.assert_array_equal(forecasts([HarmonicRecursion()], of[:length])[0], of[:length])


def by_least_squares(of, order, penalty):
    """Predictions after every prefix: rows of lags, and below them the root of the penalty."""
    dim, found = of.shape[1], []
    for t in range(1, len(of) + 1):
        lags = [np.concatenate([of[j - k] for k in range(order)]) for j in range(order - 1, t)]
        if t <= order:
            found.append(np.zeros(dim))
            continue
        rows = np.concatenate([lags[:-1], np.sqrt(penalty) * np.eye(order * dim)])
        right = np.concatenate([of[order:t], np.zeros((order * dim, dim))])
        found.append(lags[-1] @ np.linalg.lstsq(rows, right)[0])
    return np.array(found)


@pytest.mark.parametrize("is_complex", [False, True])
def test_autoregressions_are_ridge_regressions_on_the_states_before(is_complex):
    of, penalty, orders = states(is_complex=is_complex), 0.1, (1, 3, 9)
    learners = [cls(penalty, order) for order in orders for cls in (VectorAutoregression, CoordinateAutoregression)]
    *found, ridge = forecasts([*learners, RidgeAlongSequence(penalty)], of)
    for order, vector, coordinates in zip(orders, found[::2], found[1::2], strict=True):
        np.testing.assert_allclose(vector, by_least_squares(of, order, penalty), rtol=0, atol=1e4 * EPS)
        alone = [by_least_squares(of[:, [i]], order, penalty) for i in range(3)]
        np.testing.assert_allclose(coordinates, np.concatenate(alone, axis=1), rtol=0, atol=1e4 * EPS)
        assert (vector[:order] == 0).all()
        assert order == 9 or np.abs(vector[order:]).min(axis=1).max() > 1e-3
    np.testing.assert_allclose(found[0], ridge, rtol=0, atol=1e3 * EPS)


def process(coefficients, start, length):
    """s_{t+1} = sum_k W_k s_{t+1-k}, without noise."""
    of = list(start)
    while len(of) < length:
        of.append(sum(w @ of[-k] for k, w in enumerate(coefficients, start=1)))
    return np.array(of)


def assert_exact(found, of, order, num_needed):
    """From as many states on; how far rounding and a penalty of 1e-18 reach, the lags' singular values say."""
    for t in range(num_needed, len(of)):
        lags = np.array([of[j - order + 1 : j + 1].ravel() for j in range(order - 1, t - 1)])
        values = np.linalg.svd(lags, compute_uv=False)
        tolerance = 1e3 * EPS * values[0] / values[-1] + 1e-18 / values[-1] ** 2
        assert tolerance < 1e-6
        np.testing.assert_allclose(found[t - 1], of[t], rtol=0, atol=tolerance * np.abs(of).max())


def test_a_vector_autoregression_is_found_from_p_d_plus_p_states_on():
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    coefficients = turn @ np.diag([1.2, -0.7]) @ np.linalg.inv(turn) + 0.1 * rng.normal(size=(2, 2)), -turn
    coefficients = [w / 2 for w in coefficients]
    of = process(coefficients, rng.normal(size=(2, 2)), 10)
    found, alone = forecasts([VectorAutoregression(1e-18), CoordinateAutoregression(1e-18, 2)], of)
    assert_exact(found, of, 2, 6)
    assert np.abs(alone[5:-1] - of[6:]).max() > 1e-2


def test_autoregressions_of_coordinates_are_found_from_2_p_states_on():
    rng = np.random.default_rng(2)
    coefficients = np.diag([1.1, -0.5, 0.9]), np.diag([-0.9, 0.4, -0.7])
    of = process(coefficients, rng.normal(size=(2, 3)), 9)
    (found,) = forecasts([CoordinateAutoregression(1e-18, 2)], of)
    for i in range(3):
        assert_exact(found[:, [i]], of[:, [i]], 2, 4)


def test_induction_is_exact_from_the_second_round_of_a_period_on():
    period = states(4, 2, is_complex=True)
    of = np.concatenate([period] * 3)
    hard, soft = forecasts([Induction(), SoftInduction(1e4)], of)
    np.testing.assert_array_equal(hard[4:-1], of[5:])
    gap = min(np.sum(np.abs(a - b) ** 2) for i, a in enumerate(period) for b in period[:i])
    assert len(of) * np.exp(-1e4 * gap) < EPS
    np.testing.assert_allclose(soft[4:-1], of[5:], rtol=0, atol=1e2 * EPS)


def test_induction_copies_what_followed_the_nearest_state_and_the_last_of_equals():
    of = states(20, 2)
    (found,) = forecasts([Induction()], of)
    assert (found[0] == 0).all()
    for t in range(1, 20):
        nearest = np.argmin(np.linalg.norm(of[:t] - of[t], axis=1))
        np.testing.assert_array_equal(found[t], of[nearest + 1])
    (found,) = forecasts([Induction()], np.array([[1.0], [2.0], [1.0], [3.0], [1.0]]))
    assert found[-1] == 3.0


def test_soft_induction_becomes_the_hard_one_as_it_sharpens():
    """The weight of all other states is at most their number times exp(-sharpness gap)."""
    of, sharpness = states(9, 2), [1.0, 10.0, 100.0, 1000.0]
    hard, *soft = forecasts([Induction(), *map(SoftInduction, sharpness)], of)
    size = 2 * np.abs(of).max()
    for t in range(2, 9):
        first, second = np.sort(np.sum((of[:t] - of[t]) ** 2, axis=1))[:2]
        for beta, each in zip(sharpness, soft, strict=True):
            bound = t * np.exp(-beta * (second - first)) * size
            assert np.abs(each[t] - hard[t]).max() <= bound + 1e2 * EPS * beta
    assert np.abs(soft[0] - hard)[2:].max() > 0.1


def test_soft_induction_is_a_smoother_of_the_pairs_of_states():
    """Nadaraya's and Watson's, of a Gaussian kernel; for states of one length of softmax attention's logits, too."""
    of = states(6, 3)
    of = of / np.linalg.norm(of, axis=1, keepdims=True)
    gaussian = NadarayaWatson(lambda first, second: -2.0 * jnp.sum((first - second) ** 2))
    prompts = [Sequence(jnp.asarray(of)).prompt(length) for length in (1, 2, 5)]
    (found,), (mean,) = forecasts([SoftInduction(2.0)], of), forecasts([SoftInduction(0.0)], of)
    for length, prompt in zip((1, 2, 5), prompts, strict=True):
        for smoother in (gaussian, NadarayaWatson(FeatureKernel(scale=4.0))):
            np.testing.assert_allclose(found[length - 1], smoother(prompt), rtol=0, atol=1e2 * EPS)
    np.testing.assert_allclose(mean[-1], of[1:].mean(axis=0), atol=1e2 * EPS)


def test_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match=r"`weight` must be from 0 to 1; got 1\.1"):
        ExponentialSmoothing(1.1)
    with pytest.raises(ValueError, match="`weight` must be from 0 to 1; got nan"):
        ExponentialSmoothing(float("nan"))
    with pytest.raises(ValueError, match="`sharpness` must be zero or positive"):
        SoftInduction(-1.0)
    for cls in (VectorAutoregression, CoordinateAutoregression):
        with pytest.raises(ValueError, match="`order` must be an integer of at least 1; got 0"):
            cls(0.1, 0)
        with pytest.raises(ValueError, match="`penalty` must be positive and finite"):
            cls(0.0)
