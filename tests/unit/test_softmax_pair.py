"""The pair of softmax heads: its order of convergence to centred gradient descent, and where that breaks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.softmax_pair import SoftmaxPair
from mesascope.prompt import Prompt

TEMPERATURES = 2.0 ** -np.arange(3, 8)
EPS = np.finfo(np.float64).eps


@eqx.filter_jit
def errors(pair, prompts):
    """Distances between model and limit after each step [prompts, steps, dim_y]."""
    return jax.vmap(lambda prompt: pair.build().trajectory(prompt) - pair.limit().trajectory(prompt))(prompts)


@eqx.filter_jit
def predict(predictors, prompts):
    """Predictions of each [prompts, dim_y]."""
    return [jax.vmap(predictor)(prompts) for predictor in predictors]


build = eqx.filter_jit(lambda pair: pair.build())


def draw(seed, num_examples=5, dim_y=1, size=20):
    """Prompts of linear regression: 3 inputs uniform on [-1/2, 1/2], standard normal weights."""
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(-0.5, 0.5, (size, num_examples + 1, 3))
    outputs = inputs @ rng.normal(size=(size, 3, dim_y))
    return jax.vmap(Prompt)(*jax.device_put([inputs[:, :-1], outputs[:, :-1], inputs[:, -1], outputs[:, -1]]))


def one_step(inverse_temperature):
    return SoftmaxPair(0.8, jnp.asarray(inverse_temperature), 1, 3)


def test_the_error_is_of_second_order_after_every_step():
    """Halving b divides the error by 4, up to the next even power: the slope is 2 + O(b^2), b at most 1/8."""
    prompts = draw(3, dim_y=2)
    found = [errors(SoftmaxPair(0.8, jnp.asarray(b), 4, 3, 2), prompts) for b in TEMPERATURES]
    found = np.abs(found).max(axis=(1, 3))
    slopes = np.diff(np.log(found), axis=0) / np.diff(np.log(TEMPERATURES))[:, None]
    assert slopes.shape == (4, 4)
    assert found[-1].min() > 1e6 * EPS / TEMPERATURES[-1]  # above rounding
    np.testing.assert_allclose(slopes, 2, rtol=0, atol=TEMPERATURES[0] ** 2)


def test_the_leading_error_is_the_third_cumulant():
    """n/(2b) (softmax(bz) - softmax(-bz)) = z - m1 + b^2 (u^3/6 - u m2/2 - m3/6) + O(b^4), u = z - m1, m_k of u."""
    prompts, b = draw(1), 1e-2
    xs, ys, query, _ = map(np.asarray, jax.tree.leaves(prompts))
    scores = np.einsum("bni,bi->bn", xs, query)
    u = scores - scores.mean(1, keepdims=True)
    second, third = ((u**power).mean(1, keepdims=True) for power in (2, 3))
    weights = u**3 / 6 - u * second / 2 - third / 6
    expected = 0.8 * (ys[:, :, 0] * weights).mean(1)
    found = np.asarray(errors(one_step(b), prompts))[:, 0, 0]
    atol = b**2 * np.abs(expected).max() + 1e3 * EPS / b**3  # the next order, and rounding
    np.testing.assert_allclose(found / b**2, expected, rtol=0, atol=atol)
    assert np.abs(expected).max() > 10 * atol


def test_it_is_the_centred_step_that_is_met_and_not_the_plain_one():
    prompts, pair = draw(2), one_step(1e-4)
    model, centred, plain = predict((build(pair), pair.limit(), GradientDescent(0.8)), prompts)
    assert np.abs(model - centred).max() < 1e-7
    assert np.abs(model - plain).max() > 1e-2


def test_it_holds_for_any_number_of_examples():
    """One pair of weights, prompts of several lengths: 1/n is the softmax's own."""
    for num_examples in (1, 5):
        assert np.abs(errors(one_step(1e-3), draw(num_examples, num_examples))).max() < 1e-5


def test_one_head_alone_leaves_an_offset():
    """Half of the pair predicts rate / (2b) ybar plus half the step, up to O(b): the offset grows as b falls."""
    prompts, pair = draw(4), one_step(1e-3)
    without_second = np.array([1.0, 0.0])[:, None, None]
    alone = eqx.tree_at(lambda m: m.layers[0].output, build(pair), replace_fn=lambda w: np.asarray(w) * without_second)
    offset = 0.8 / (2 * 1e-3) * np.asarray(prompts.ys).mean(1)
    prediction, limit, _ = predict((alone, pair.limit(), GradientDescent(0.8)), prompts)
    rest = prediction - offset
    np.testing.assert_allclose(rest, limit / 2, rtol=0, atol=1e-3)
    assert np.abs(rest).max() > 1e-2
    assert np.abs(offset).max() > 10


@pytest.mark.parametrize("name", ["dim_x", "dim_y", "num_steps"])
def test_sizes_are_counts(name):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1"):
        SoftmaxPair(**{name: 0})


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_the_inverse_temperature_is_positive(value):
    with pytest.raises(ValueError, match="`inverse_temperature` must be positive and finite"):
        SoftmaxPair(inverse_temperature=value)
