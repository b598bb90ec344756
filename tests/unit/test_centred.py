"""Centred gradient descent against its closed forms and against numpy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.centred_gradient_descent import CentredGradientDescent
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.prompt import Prompt
from mesascope.tasks.linear_regression import LinearRegression

EPS = np.finfo(np.float64).eps
TASK = LinearRegression(num_examples=6, dim_x=3, dim_y=2, input_scale=1.0, noise_std=0.5)


@pytest.fixture
def prompt(key):
    sampled = TASK.sample(key)
    return Prompt(sampled.xs + 1.0, sampled.ys - 2.0, sampled.query, sampled.target)  # means far from zero


def weights(learner, prompt):
    return np.asarray(eqx.filter_jit(lambda p: learner.weight_trajectory(p))(prompt))


def test_one_step_is_the_sum_over_examples(prompt):
    """rate / n sum_i y_i (x_i^T x - mean_j x_j^T x), written out as loops."""
    xs, ys, query = (np.asarray(part) for part in (prompt.xs, prompt.ys, prompt.query))
    scores = [float(x @ query) for x in xs]
    centre = sum(scores) / len(scores)
    expected = 0.7 / len(xs) * sum(y * (score - centre) for y, score in zip(ys, scores, strict=True))
    prediction = CentredGradientDescent(0.7)(prompt)
    np.testing.assert_allclose(prediction, expected, rtol=0, atol=1e3 * EPS * np.abs(ys).max() * np.abs(scores).max())


def test_steps_descend_the_centred_loss(prompt):
    """Independent descent in numpy, by finite differences of 1/(2n) sum |W (x - xbar) - (y - ybar)|^2."""
    xs, ys = (np.asarray(part) - np.asarray(part).mean(axis=0) for part in (prompt.xs, prompt.ys))
    rates = np.array([0.3, 0.1, 0.2])

    def loss(matrix):
        return np.sum((xs @ matrix.T - ys) ** 2) / (2 * len(xs))

    def gradient(matrix, size=1e-4):  # central differences are exact for a parabola, up to rounding eps / size
        steps = size * np.eye(matrix.size).reshape(-1, *matrix.shape)
        slopes = [(loss(matrix + step) - loss(matrix - step)) / (2 * size) for step in steps]
        return np.reshape(slopes, matrix.shape)

    matrix, expected = np.zeros((2, 3)), []
    for rate in rates:
        matrix = matrix - rate * gradient(matrix)
        expected.append(matrix)
    ours = weights(CentredGradientDescent(jnp.asarray(rates), 3), prompt)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e3 * EPS / 1e-4 * loss(np.zeros((2, 3))))


def test_it_ends_at_the_slope_of_regression_with_an_intercept(prompt):
    """Rates one over each eigenvalue of the centred second moments: then the residual polynomial is zero."""
    xs, ys = (np.asarray(part) for part in (prompt.xs, prompt.ys))
    design = np.concatenate([xs, np.ones((len(xs), 1))], axis=1)
    slope = np.linalg.lstsq(design, ys, rcond=None)[0][:3].T
    spectrum = np.linalg.eigvalsh(np.cov(xs.T, bias=True))
    ours = weights(CentredGradientDescent(jnp.asarray(1 / spectrum[::-1]), 3), prompt)[-1]
    condition = (spectrum[-1] / spectrum[0]) ** 2
    np.testing.assert_allclose(ours, slope, rtol=0, atol=1e3 * EPS * condition * np.abs(slope).max())


def test_shifting_inputs_or_labels_changes_nothing(prompt):
    """Where plain gradient descent does change."""
    moved = Prompt(prompt.xs + 3.0, prompt.ys - 5.0, prompt.query, prompt.target)
    for kind, same in ((CentredGradientDescent, True), (GradientDescent, False)):
        first, second = (weights(kind(0.1, 4), each) for each in (prompt, moved))
        assert np.allclose(first, second, rtol=0, atol=1e3 * EPS * 25) is same


def test_on_centred_examples_it_is_gradient_descent(prompt):
    centred = Prompt(
        prompt.xs - prompt.xs.mean(0)[None], prompt.ys - prompt.ys.mean(0)[None], prompt.query, prompt.target
    )
    ours, theirs = (weights(kind(0.2, 3), centred) for kind in (CentredGradientDescent, GradientDescent))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e3 * EPS)
    assert np.abs(theirs).max() > 0.01


@pytest.mark.parametrize("num_examples", [0, 1])
def test_from_one_example_or_none_nothing_is_learned(num_examples, prompt):
    assert (weights(CentredGradientDescent(0.5, 2), prompt.prefix(num_examples)) == 0).all()


def test_complex_examples_are_conjugated(key):
    """One step on complex examples: rate / n sum (y - ybar) (x - xbar)^*."""
    parts = np.asarray(jax.random.normal(key, (2, 4, 3)))
    xs, ys = parts[0] + 1j * parts[1], (parts[1] - 2j * parts[0])[:, :1]
    prompt = Prompt(jnp.asarray(xs), jnp.asarray(ys), jnp.ones(3, complex), jnp.zeros(1, complex))
    expected = 0.4 / 4 * (ys - ys.mean(0)).T @ np.conj(xs - xs.mean(0))
    np.testing.assert_allclose(weights(CentredGradientDescent(0.4), prompt)[0], expected, rtol=0, atol=1e3 * EPS)


@pytest.mark.parametrize("make", [lambda: CentredGradientDescent(float("nan")), lambda: CentredGradientDescent(0.1, 0)])
def test_impossible_rates_and_steps_are_refused(make):
    with pytest.raises(ValueError, match="must be"):
        make()
