"""GD++ and its attention layers against a token by token transcription of the update; what its studies measure."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.prompt import Prompt
from mesascope.studies.oswald2023.fig13_curvature.cells import condition_numbers

EPS = np.finfo(np.float64).eps


def random_prompt(num_examples, dim_x, dim_y, seed=0, imaginary=0.0):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        values = rng.uniform(-1, 1, shape)
        return values + imaginary * 1j * rng.uniform(-1, 1, shape) if imaginary else values

    shapes = ((num_examples, dim_x), (num_examples, dim_y), (dim_x,), (dim_y,))
    return Prompt(*jax.device_put([draw(*shape) for shape in shapes]))


def transcription(prompt, learning_rates, curvatures, start):
    """(x_j, y_j) <- (x_j - curvature X X^T x_j, y_j - dW x_j) for one token after the other, the query last."""
    context = [(x, y) for x, y in zip(np.asarray(prompt.xs), np.asarray(prompt.ys), strict=True)]
    query = np.asarray(prompt.query), -start @ np.asarray(prompt.query)
    predictions, contexts = [], []
    for learning_rate, curvature in zip(learning_rates, curvatures, strict=True):
        second = sum(np.outer(x, x.conj()) for x, _ in context)
        change = -learning_rate / len(context) * sum(np.outer(start @ x - y, x.conj()) for x, y in context)
        *context, query = [(x - curvature * second @ x, y - change @ x) for x, y in (*context, query)]
        predictions.append(-query[1])
        contexts.append([np.concatenate(token) for token in context])
    return np.array(predictions), np.array(contexts)


walk = eqx.filter_jit(lambda learner, prompt: (learner.trajectory(prompt), learner.weight_trajectory(prompt)))


CASES = [
    # num_examples, dim_x, dim_y, learning rates, curvatures as an algorithm takes them, steps, whether from zero
    (5, 3, 1, 0.7, 0.1, 4, False),
    (2, 4, 3, jnp.array([0.3, 1.2, 0.5]), 0.2, 3, False),
    (2, 4, 3, jnp.array([0.3, 1.2, 0.5]), 0.2, 3, True),
    (6, 2, 2, 0.9, jnp.array([0.1, -0.3, 0.2]), 3, False),
    (1, 1, 1, jnp.array([0.5, 2.0]), jnp.array([1.5, 7.0]), 2, False),
]


@pytest.mark.parametrize(("num_examples", "dim_x", "dim_y", "rate", "curvature", "num_steps", "from_zero"), CASES)
def test_steps_are_those_of_the_tokens(num_examples, dim_x, dim_y, rate, curvature, num_steps, from_zero):
    prompt = random_prompt(num_examples, dim_x, dim_y)
    start = np.zeros((dim_y, dim_x)) if from_zero else np.random.default_rng(1).normal(size=(dim_y, dim_x))
    rates = [np.broadcast_to(np.asarray(each), num_steps) for each in (rate, curvature)]
    predictions, contexts = transcription(prompt, *rates, start)
    initial = None if from_zero else jax.device_put(start)
    learner = GDPlusPlus(rate, curvature, num_steps, initial)
    atol = 1e3 * EPS * max(1.0, np.abs(predictions).max())
    sizes = {"num_examples": num_examples, "dim_x": dim_x, "dim_y": dim_y}
    construction = GDPlusPlusConstruction(rate, curvature, num_steps, **sizes, initial_weights=initial)
    (trajectory, weights), found = jax.jit(lambda: (walk(learner, prompt), construction.emulated_context(prompt)))()
    np.testing.assert_allclose(trajectory, predictions, rtol=0, atol=atol)
    np.testing.assert_allclose(np.asarray(weights) @ np.asarray(prompt.query), predictions, rtol=0, atol=atol)
    np.testing.assert_allclose(found, contexts, rtol=0, atol=1e3 * EPS)


def test_complex_examples_are_conjugated():
    prompt = random_prompt(4, 3, 2, imaginary=1.0)
    rates = np.array([0.4, 0.8]), np.array([0.1, 0.2])
    expected, _ = transcription(prompt, *rates, np.zeros((2, 3)))
    found, _ = walk(GDPlusPlus(*jax.device_put(rates), num_steps=2), prompt)
    assert found.dtype == jnp.complex128
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS)


def test_without_curvature_it_is_gradient_descent():
    prompt, rates, none = random_prompt(5, 3, 2), jnp.array([0.5, 1.0, 0.3]), jnp.asarray(0.0)
    learners = GDPlusPlus(0.7, none, 3), GradientDescent(0.7, 3), GDPlusPlus(rates, none, 3), GradientDescent(rates, 3)
    bent = GDPlusPlus(rates, jnp.asarray(0.3), 3)
    weights = jax.jit(lambda prompt: [each.weight_trajectory(prompt) for each in (*learners, bent)])(prompt)
    for ours, theirs in (weights[:2], weights[2:4]):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e3 * EPS)
    bent, straight = map(np.asarray, (weights[4], weights[2]))
    np.testing.assert_allclose(bent[0], straight[0], rtol=0, atol=1e3 * EPS)
    assert np.abs(bent[1:] - straight[1:]).max() > 0.01


def test_the_last_curvature_changes_nothing():
    prompt = random_prompt(5, 3, 2)
    ours, theirs = (walk(GDPlusPlus(0.7, jnp.array([0.2, last]), 2), prompt)[0] for last in (0.0, 50.0))
    np.testing.assert_array_equal(ours, theirs)


def test_a_prompt_without_examples_teaches_nothing():
    weights = jax.jit(lambda prompt: GDPlusPlus(0.7, 0.2, 2).weights(prompt.prefix(0)))(random_prompt(3, 2, 1))
    np.testing.assert_array_equal(weights, np.zeros((1, 2)))


def test_shared_rates_repeat_a_layer_and_others_stack_them():
    def shape(rate, curvature):
        model = eqx.filter_eval_shape(GDPlusPlusConstruction(rate, curvature, 3).build)
        return len(model.layers), model.num_repeats

    rates = jnp.array([0.1, 0.2, 0.3])
    assert shape(0.1, 0.2) == (1, 3)
    assert shape(rates, 0.2) == shape(0.1, rates) == shape(rates, rates) == (3, 1)


def test_the_weights_are_the_appendix_s():
    start = jnp.array([[0.5, -1.0]])
    construction = GDPlusPlusConstruction(0.6, 0.2, num_examples=3, dim_x=2, initial_weights=start)
    key_query, output_value = jax.jit(lambda: [products[0, 0] for products in construction.build().products()])()
    np.testing.assert_allclose(key_query, np.diag([1, 1, 0]))
    expected = np.diag([-0.2, -0.2, 0.2]) @ [[1, 0, 0], [0, 1, 0], [0.5, -1.0, -1]]
    np.testing.assert_allclose(output_value, expected, rtol=0, atol=1e3 * EPS)


@pytest.mark.parametrize("make", [GDPlusPlus, GDPlusPlusConstruction])
@pytest.mark.parametrize("name", ["learning_rate", "curvature"])
def test_rates_that_are_none_are_refused(make, name):
    with pytest.raises(ValueError, match=f"`{name}` must be finite"):
        make(**{name: float("nan")})
    with pytest.raises(ValueError, match=f"`{name}` must be real"):
        make(**{name: jnp.asarray(0.1 + 0j)})
    with pytest.raises(ValueError, match=rf"`{name}` must be one number or 2 of them, .*; got shape \(3,\)"):
        make(**{name: jnp.array([1.0, 1.0, 1.0])}, num_steps=2)


@pytest.mark.parametrize("name", ["num_steps", "num_examples", "dim_x", "dim_y"])
def test_sizes_that_are_none_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1"):
        GDPlusPlusConstruction(**{name: 0})


def test_initial_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="`initial_weights` must have shape"):
        GDPlusPlusConstruction(initial_weights=jnp.ones((2, 3)))


def test_rates_can_be_learned():
    """The prediction's derivative by each rate, against central differences."""
    prompt = random_prompt(5, 3, 1)

    @jax.jit
    @jax.value_and_grad
    def prediction(rates):
        return GDPlusPlus(rates[:2], rates[2:], 2)(prompt)[0]

    at, step = np.array([0.4, 0.9, 0.1, 0.2]), 1e-5
    above, below = ([float(prediction(at + shift)[0]) for shift in sign * step * np.eye(4)] for sign in (1, -1))
    differences = np.subtract(above, below) / (2 * step)
    # Central differences err by rounding, eps / step, and by step^2 times a third derivative of order ten.
    np.testing.assert_allclose(prediction(at)[1], differences, rtol=0, atol=100 * step**2 + EPS / step)


def test_condition_numbers_by_hand():
    """At curvature 1/8 eigenvalues 1, 4 and 2 become 49/64, 1 and 18/16."""
    spectra = np.array([[1.0, 4.0], [2.0, 2.0], [1.0, 1.0]])
    np.testing.assert_allclose(condition_numbers(spectra), [4, 1, 1])
