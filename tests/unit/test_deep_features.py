"""Learning on features: algorithms against loops, layers against algorithms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.deep_features import OnFeatures
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.kernel_smoother import FeatureKernel, KernelSmoother, NadarayaWatson
from mesascope.algorithms.ridge import Ridge
from mesascope.constructions.deep_features import DeepFeatureConstruction
from mesascope.models.mlp import MLP
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
N, DX, DY = 6, 3, 2


class Waves(eqx.Module):
    """m(x) = (sin x, cos x, 1): more features than inputs."""

    def __call__(self, x):
        return jnp.concatenate([jnp.sin(x), jnp.cos(x), jnp.ones(1)])


def features_of(x):
    return np.concatenate([np.sin(x), np.cos(x), [1.0]])


def make_prompt(seed=0, dim_x=DX, dim_y=DY):
    rng = np.random.default_rng(seed)
    return Prompt(*(jnp.asarray(rng.normal(size=shape)) for shape in ((N, dim_x), (N, dim_y), (dim_x,), (dim_y,))))


def tolerance(*expected):
    return 1e3 * EPS * max(1, *(np.abs(each).max() for each in expected))


def test_gradient_descent_on_features_is_the_loop():
    prompt, rate, weights, trajectory = make_prompt(), 0.3, np.zeros((DY, 2 * DX + 1)), []
    for _ in range(4):
        gradient = np.zeros_like(weights)
        for x, y in zip(np.asarray(prompt.xs), np.asarray(prompt.ys), strict=True):
            gradient += np.outer(weights @ features_of(x) - y, features_of(x)) / N
        weights = weights - rate * gradient
        trajectory.append(weights @ features_of(prompt.query))
    learner = OnFeatures(GradientDescent(rate, 4), Waves())
    along, answer = jax.jit(lambda prompt: (learner.trajectory(prompt), learner(prompt)))(prompt)
    np.testing.assert_allclose(along, trajectory, rtol=0, atol=tolerance(*trajectory))
    np.testing.assert_allclose(answer, trajectory[-1], rtol=0, atol=tolerance(*trajectory))


def test_ridge_on_features_is_kernel_ridge():
    """W m(x) = y^T (K + penalty I)^{-1} k(x): the dual form, solved with the other matrix."""
    prompt, penalty = make_prompt(), 0.4
    rows = np.array([features_of(x) for x in np.asarray(prompt.xs)])
    dual = np.linalg.solve(rows @ rows.T + penalty * np.eye(N), rows @ features_of(prompt.query))
    expected = np.asarray(prompt.ys).T @ dual
    answer = eqx.filter_jit(OnFeatures(Ridge(penalty), Waves()))(prompt)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=tolerance(expected) * np.linalg.cond(rows))


def kernel_of(x, other):
    return 0.7 * features_of(x) @ features_of(other)


def test_smoothers_are_sums_over_examples():
    prompt, kernel = make_prompt(), FeatureKernel(Waves(), 0.7)
    values = [kernel_of(x, prompt.query) for x in np.asarray(prompt.xs)]
    ys = np.asarray(prompt.ys)
    smoothed = sum(value * y for value, y in zip(values, ys, strict=True)) * 1.5 / N
    weights = np.exp(values) / np.exp(values).sum()
    averaged = sum(weight * y for weight, y in zip(weights, ys, strict=True))
    for smoother, expected in ((KernelSmoother(kernel, 1.5), smoothed), (NadarayaWatson(kernel), averaged)):
        np.testing.assert_allclose(eqx.filter_jit(smoother)(prompt), expected, rtol=0, atol=tolerance(expected))


def test_a_kernel_may_be_any_function_and_without_features_it_is_the_inner_product():
    of_function = KernelSmoother(lambda first, second: jnp.sum(first * second))
    learners = (KernelSmoother(FeatureKernel()), of_function, GradientDescent(1.0))
    answers = jax.jit(lambda prompt: [each(prompt) for each in learners])(make_prompt())
    expected, same, descended = map(np.asarray, answers)
    np.testing.assert_array_equal(same, expected)
    np.testing.assert_allclose(descended, expected, rtol=0, atol=tolerance(expected))


def test_one_step_from_zero_is_the_kernel_smoother_and_two_are_not():
    smoother, learner = KernelSmoother(FeatureKernel(Waves()), 0.9), OnFeatures(GradientDescent(0.9, 2), Waves())
    both = jax.jit(lambda prompt: (smoother(prompt), learner.trajectory(prompt)))(make_prompt())
    smoothed, (one, two) = map(np.asarray, both)
    np.testing.assert_allclose(smoothed, one, rtol=0, atol=tolerance(one))
    assert np.abs(smoothed - two).max() > 1e-3


def test_the_nadaraya_watson_smoother_stays_between_the_examples():
    prompt = make_prompt()
    ys = np.asarray(prompt.ys)
    answer_with = eqx.filter_jit(lambda kernel: NadarayaWatson(kernel)(prompt))
    for scale in (0.0, 1.0, 1e5):
        answer = np.asarray(answer_with(FeatureKernel(Waves(), jnp.asarray(scale))))
        assert (answer >= ys.min(axis=0) - 1e3 * EPS).all()
        assert (answer <= ys.max(axis=0) + 1e3 * EPS).all()
    np.testing.assert_allclose(answer_with(FeatureKernel(scale=0.0)), ys.mean(axis=0), rtol=1e3 * EPS)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("scale", lambda: FeatureKernel(scale=float("nan"))),
        ("learning_rate", lambda: KernelSmoother(FeatureKernel(), float("inf"))),
        ("learning_rate", lambda: DeepFeatureConstruction(small_mlp(), jnp.ones(3), num_steps=2)),
        ("num_steps", lambda: DeepFeatureConstruction(small_mlp(), num_steps=0)),
        ("num_examples", lambda: DeepFeatureConstruction(small_mlp(), num_examples=0)),
        ("dim_y", lambda: DeepFeatureConstruction(small_mlp(), dim_y=0)),
    ],
)
def test_impossible_settings_are_refused_by_name(name, make):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        make()


def small_mlp():
    return eqx.filter_jit(MLP.initialise)(DX, 5, init_scale=1.0, key=jax.random.key(0))


def test_the_perceptron_acts_once_and_each_step_has_its_rate():
    """A chain with two rates is two gradient steps with these rates on features made once."""
    construction = DeepFeatureConstruction(small_mlp(), jnp.array([0.9, 0.3]), 2, N, DY)
    prompt = make_prompt()
    xs, ys = np.asarray(prompt.xs), np.asarray(prompt.ys)
    features_of_each = eqx.filter_jit(lambda construction, xs: jax.vmap(construction.features)(xs))
    features = np.asarray(features_of_each(construction, np.vstack([xs, prompt.query])))
    rows, query = features[:N], features[N]
    assert np.abs(rows - xs).max() > 0.1  # the perceptron does something
    weights, expected = np.zeros((DY, DX)), []
    for rate in (0.9, 0.3):
        weights = weights - rate / N * (rows @ weights.T - ys).T @ rows
        expected.append(weights @ query)
    answer = eqx.filter_jit(lambda construction, prompt: construction.build().trajectory(prompt))(construction, prompt)
    np.testing.assert_allclose(answer, np.array(expected), rtol=0, atol=tolerance(*expected))
