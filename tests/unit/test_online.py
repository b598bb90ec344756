"""Rules that learn from one example after the other, against the loops of their textbooks."""

import jax
import numpy as np
import pytest

from mesascope.algorithms.delta_rule import DeltaRule
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.kalman_regression import KalmanRegression
from mesascope.algorithms.normalised_delta_rule import NormalisedDeltaRule
from mesascope.algorithms.recursive_least_squares import RecursiveLeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
N, DX, DY = 9, 3, 2


def prompt_of(kind=float, num_examples=N):
    rng = np.random.default_rng(3)

    def draw(*shape):
        return rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0)

    return Prompt(*jax.device_put([draw(num_examples, DX), draw(num_examples, DY), draw(DX), draw(DY)]))


def walked(prompt, step, state):
    """The first part of the state after step(state, x, y) for each example."""
    for x, y in zip(np.asarray(prompt.xs), np.asarray(prompt.ys), strict=True):
        state = step(state, x, y)
    return state[0]


def recursion(penalty, forgetting):
    """Recursive least squares with its matrix P."""

    def step(state, x, y):
        weights, p = state
        gain = p @ x / (forgetting + x.conj() @ p @ x)
        return weights + np.outer(y - weights @ x, gain.conj()), (p - np.outer(gain, x.conj() @ p)) / forgetting

    return step, np.eye(DX) / penalty


@pytest.mark.parametrize("kind", [float, complex])
def test_rules_are_their_loops(kind):
    prompt, start = prompt_of(kind), np.zeros((DY, DX), kind)
    delta = lambda state, x, y: (0.9 * state[0] + 0.2 * np.outer(y - state[0] @ x, x.conj()),)  # noqa: E731
    normalised = lambda state, x, y: (  # noqa: E731
        state[0] + 0.7 * np.outer(y - state[0] @ x, x.conj()) / np.linalg.norm(x) ** 2,
    )
    forgetting, p = recursion(0.5, 0.8)
    expected = [
        walked(prompt, delta, (start,)),
        walked(prompt, normalised, (start,)),
        walked(prompt, forgetting, (start, p)),
    ]
    learners = DeltaRule(0.2, 0.9), NormalisedDeltaRule(0.7), RecursiveLeastSquares(0.5, 0.8)
    found = jax.jit(lambda prompt: [each.weights(prompt) for each in learners])(prompt)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e5 * EPS)


def joint_posterior_mean(prompt, drift, noise):
    """Of W_n given all labels, by the joint covariance of labels and weights, with no recursion at all."""
    xs, ys = np.asarray(prompt.xs), np.asarray(prompt.ys)
    shared = 1 + drift * np.minimum.outer(np.arange(len(xs)), np.arange(len(xs)))
    labels = shared * (xs @ xs.conj().T) + noise * np.eye(len(xs))
    with_last = (1 + drift * np.arange(len(xs)))[:, None] * xs
    return (with_last.conj().T @ np.linalg.solve(labels, ys)).T


@pytest.mark.parametrize("kind", [float, complex])
def test_the_kalman_filter_is_the_posterior_mean_of_drifting_weights(kind):
    prompt = prompt_of(kind)
    found = jax.jit(lambda prompt: KalmanRegression(0.3, 0.5).weights(prompt))(prompt)
    np.testing.assert_allclose(found, joint_posterior_mean(prompt, 0.3, 0.5), rtol=0, atol=1e5 * EPS)


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("num_examples", [2, N])
def test_without_forgetting_and_without_drift_it_is_ridge_regression(kind, num_examples):
    learners = Ridge(0.3), RecursiveLeastSquares(0.3, 1.0), KalmanRegression(0.0, 0.3)
    prompt = prompt_of(kind, num_examples)
    ridge, forgetting, kalman = jax.jit(lambda prompt: [each.weights(prompt) for each in learners])(prompt)
    np.testing.assert_array_equal(forgetting, ridge)
    np.testing.assert_allclose(kalman, ridge, rtol=0, atol=1e5 * EPS)


def test_of_one_example_the_rules_are_one_step():
    """The delta rule is gradient descent's; the normalised one of rate 1 fits the last example of any number."""
    one, many = prompt_of(num_examples=1), prompt_of()
    learners = DeltaRule(0.3), GradientDescent(0.3)
    (ours, theirs), last = jax.jit(
        lambda one, many: ([each.weights(one) for each in learners], NormalisedDeltaRule().weights(many))
    )(one, many)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e3 * EPS)
    np.testing.assert_allclose(np.asarray(last) @ np.asarray(many.xs)[-1], np.asarray(many.ys)[-1], rtol=1e3 * EPS)


def test_the_order_decides_and_zeros_are_passed_over():
    prompt = prompt_of()
    backwards = Prompt(prompt.xs[::-1], prompt.ys[::-1], prompt.query, prompt.target)
    nothing = Prompt(prompt.xs * 0, prompt.ys, prompt.query, prompt.target)
    learners = DeltaRule(0.2), NormalisedDeltaRule(), RecursiveLeastSquares(), KalmanRegression()
    for learner in learners:
        of_all = jax.jit(lambda *prompts, each=learner: [each.weights(prompt) for prompt in prompts])
        forth, back, none = map(np.asarray, of_all(prompt, backwards, nothing))
        assert np.abs(forth - back).max() > 0.01
        np.testing.assert_array_equal(none, np.zeros((DY, DX)))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: DeltaRule(float("nan")), "`learning_rate` must be finite"),
    (lambda: DeltaRule(0.1, float("inf")), "`decay` must be finite"),
    (lambda: NormalisedDeltaRule(float("nan")), "`learning_rate` must be finite"),
    (lambda: RecursiveLeastSquares(0.0), "`penalty` must be positive"),
    (lambda: RecursiveLeastSquares(1.0, 0.0), "`forgetting` must be positive"),
    (lambda: KalmanRegression(-0.1), "`drift` must be zero or positive"),
    (lambda: KalmanRegression(0.1, 0.0), "`noise` must be positive"),
])  # fmt: skip
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
