"""The pair of softmax heads: its order of convergence to centred gradient descent, and where that breaks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.softmax_pair import SoftmaxPair
from mesascope.tasks.linear_regression import LinearRegression

TEMPERATURES = 2.0 ** -np.arange(3, 8)
EPS = np.finfo(np.float64).eps


@eqx.filter_jit
def errors(pair, prompts):
    """Distances between model and limit after each step [prompts, steps, dim_y]."""
    return jax.vmap(lambda prompt: pair.build().trajectory(prompt) - pair.limit().trajectory(prompt))(prompts)


def predict(predictors, prompts):
    """Predictions of each [prompts, dim_y], from one compiled program."""
    together = eqx.filter_jit(lambda all_of_them, batch: [jax.vmap(each)(batch) for each in all_of_them])
    return [np.asarray(values) for values in together(predictors, prompts)]


def draw(task, seed, size=20):
    return jax.jit(lambda: task.sample_batch(jax.random.key(seed), size))()


def largest_errors(num_steps, task, rate=0.8):
    """The largest error after each step [temperatures, steps]."""
    prompts, found = draw(task, 3), []
    for b in TEMPERATURES:
        pair = SoftmaxPair(rate, jnp.asarray(b), num_steps, task.dim_x, task.dim_y)
        found.append(np.abs(np.asarray(errors(pair, prompts))).max(axis=(0, 2)))
    return np.array(found)


@pytest.mark.parametrize("num_steps", [1, 4])
def test_the_error_is_of_second_order_after_every_step(num_steps):
    """Halving b divides the error by 4, up to the next even power: the slope is 2 + O(b^2), b at most 1/8."""
    found = largest_errors(num_steps, LinearRegression(num_examples=5, dim_x=3, dim_y=2))
    slopes = np.diff(np.log(found), axis=0) / np.diff(np.log(TEMPERATURES))[:, None]
    assert found[-1].min() > 1e6 * EPS / TEMPERATURES[-1]  # above rounding
    np.testing.assert_allclose(slopes, 2, rtol=0, atol=TEMPERATURES[0] ** 2)


def test_the_leading_error_is_the_third_cumulant():
    """n/(2b) (softmax(bz) - softmax(-bz)) = z - m1 + b^2 (u^3/6 - u m2/2 - m3/6) + O(b^4), u = z - m1, m_k of u."""
    task = LinearRegression(num_examples=5, dim_x=3)
    prompts = jax.tree.map(np.asarray, draw(task, 1))
    b, rate = 1e-2, 0.8
    scores = np.einsum("bni,bi->bn", prompts.xs, prompts.query)
    u = scores - scores.mean(1, keepdims=True)
    second, third = ((u**power).mean(1, keepdims=True) for power in (2, 3))
    weights = u**3 / 6 - u * second / 2 - third / 6
    expected = rate * (prompts.ys[:, :, 0] * weights).mean(1)
    found = np.asarray(errors(SoftmaxPair(rate, b, 1, 3), prompts))[:, 0, 0]
    atol = b**2 * np.abs(expected).max() + 1e3 * EPS / b**3  # the next order, and rounding
    np.testing.assert_allclose(found / b**2, expected, rtol=0, atol=atol)
    assert np.abs(expected).max() > 10 * atol


def test_it_is_the_centred_step_that_is_met_and_not_the_plain_one():
    task = LinearRegression(num_examples=5, dim_x=3)
    prompts = draw(task, 2)
    pair = SoftmaxPair(0.8, 1e-4, 1, 3)
    model, centred, plain = predict((eqx.filter_jit(pair.build)(), pair.limit(), GradientDescent(0.8)), prompts)
    assert np.abs(model - centred).max() < 1e-7
    assert np.abs(model - plain).max() > 1e-2


def test_it_holds_for_any_number_of_examples():
    """One pair of weights, prompts of several lengths: 1/n is the softmax's own."""
    pair = SoftmaxPair(0.8, 1e-3, 1, 3)
    for num_examples in (1, 7):
        prompts = draw(LinearRegression(num_examples, 3), num_examples, 5)
        assert np.abs(np.asarray(errors(pair, prompts))).max() < 1e-5


def test_one_head_alone_leaves_an_offset():
    """Half of the pair predicts rate / (2b) ybar plus half the step, up to O(b): the offset grows as b falls."""
    task = LinearRegression(num_examples=5, dim_x=3)
    prompts = draw(task, 4)
    pair = SoftmaxPair(0.8, 1e-3, 1, 3)
    alone = eqx.filter_jit(
        lambda: eqx.tree_at(lambda m: m.layers[0].output, pair.build(), replace_fn=lambda output: output.at[1].set(0.0))
    )()
    offset = 0.8 / (2 * 1e-3) * np.asarray(prompts.ys).mean(1)
    prediction, limit = predict((alone, pair.limit()), prompts)
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
