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
    np.testing.assert_allclose(learner.trajectory(prompt), trajectory, rtol=0, atol=tolerance(*trajectory))
    np.testing.assert_allclose(learner(prompt), trajectory[-1], rtol=0, atol=tolerance(*trajectory))


def test_ridge_on_features_is_kernel_ridge():
    """W m(x) = y^T (K + penalty I)^{-1} k(x): the dual form, solved with the other matrix."""
    prompt, penalty = make_prompt(), 0.4
    rows = np.array([features_of(x) for x in np.asarray(prompt.xs)])
    dual = np.linalg.solve(rows @ rows.T + penalty * np.eye(N), rows @ features_of(prompt.query))
    expected = np.asarray(prompt.ys).T @ dual
    answer = OnFeatures(Ridge(penalty), Waves())(prompt)
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
    np.testing.assert_allclose(KernelSmoother(kernel, 1.5)(prompt), smoothed, rtol=0, atol=tolerance(smoothed))
    np.testing.assert_allclose(NadarayaWatson(kernel)(prompt), averaged, rtol=0, atol=tolerance(averaged))


def test_a_kernel_may_be_any_function_and_without_features_it_is_the_inner_product():
    prompt = make_prompt()
    expected = KernelSmoother(FeatureKernel())(prompt)
    np.testing.assert_array_equal(KernelSmoother(lambda first, second: jnp.sum(first * second))(prompt), expected)
    np.testing.assert_allclose(expected, GradientDescent(1.0)(prompt), rtol=0, atol=tolerance(expected))


def test_one_step_from_zero_is_the_kernel_smoother_and_two_are_not():
    prompt, smoother = make_prompt(), KernelSmoother(FeatureKernel(Waves()), 0.9)
    one, two = OnFeatures(GradientDescent(0.9, 2), Waves()).trajectory(prompt)
    np.testing.assert_allclose(smoother(prompt), one, rtol=0, atol=tolerance(one))
    assert np.abs(np.asarray(smoother(prompt) - two)).max() > 1e-3


def test_the_nadaraya_watson_smoother_stays_between_the_examples():
    prompt = make_prompt()
    for scale in (0.0, 1.0, 1e5):
        answer = NadarayaWatson(FeatureKernel(Waves(), scale))(prompt)
        assert (answer >= prompt.ys.min(axis=0) - 1e3 * EPS).all()
        assert (answer <= prompt.ys.max(axis=0) + 1e3 * EPS).all()
    np.testing.assert_allclose(NadarayaWatson(FeatureKernel(scale=0.0))(prompt), prompt.ys.mean(axis=0), rtol=1e3 * EPS)


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
    return MLP.initialise(DX, 5, init_scale=1.0, key=jax.random.key(0))


def test_the_perceptron_acts_once_and_each_step_has_its_rate():
    """A chain with two rates is two gradient steps with these rates on features made once."""
    construction = DeepFeatureConstruction(small_mlp(), jnp.array([0.9, 0.3]), 2, N, DY)
    prompt = make_prompt()
    rows, query = (jax.vmap(construction.features)(each) for each in (prompt.xs, prompt.query[None]))
    assert np.abs(np.asarray(rows - prompt.xs)).max() > 0.1  # the perceptron does something
    weights, expected = np.zeros((DY, DX)), []
    for rate in (0.9, 0.3):
        weights = weights - rate / N * (rows @ weights.T - prompt.ys).T @ rows
        expected.append(weights @ query[0])
    answer = eqx.filter_jit(construction.build().trajectory)(prompt)
    np.testing.assert_allclose(answer, np.array(expected), rtol=0, atol=tolerance(*expected))
