"""`tune` against exact minimisers, scipy's optimiser and its own promises."""

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.probes.error import half_squared_error
from mesascope.prompt import Prompt
from mesascope.random import normal
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.tune import tune, tuning_prompts

EPS = np.finfo(np.float64).eps
TASK = LinearRegression(num_examples=5, dim_x=4, dim_y=2, input_scale=1.0, noise_std=0.5)
DESCENT = GradientDescent(jnp.array([0.5, 1.0, 2.0]), 3)
SIZES = {"num_prompts": 500, "num_held_out": 500}


class ComplexRegression(AbstractTask):
    """y = w x for complex numbers."""

    num_examples: int = eqx.field(static=True, default=3)
    dim_x: int = eqx.field(static=True, default=2)
    dim_y: int = eqx.field(static=True, default=1)

    def draw(self, key):
        real, imaginary = normal(key, (2, 5, 2))
        return jax.lax.complex(real, imaginary)

    def prompt(self, draws):
        inputs, outputs = draws[:4], draws[:4] @ draws[4:].T
        return Prompt(inputs[:3], outputs[:3], inputs[3], outputs[3])

    @classmethod
    def examples(cls):
        return (cls(),)


@eqx.filter_jit
def mean_error(algorithm, prompts):
    return jax.vmap(lambda prompt: half_squared_error(algorithm, prompt))(prompts).mean()


def total(algorithm, *parts):
    """The mean error on all prompts together."""
    sizes = [len(part.query) for part in parts]
    return sum(size * float(mean_error(algorithm, part)) for size, part in zip(sizes, parts, strict=True)) / sum(sizes)


def minimiser(algorithm, prompts):
    """The algorithm with the rates that scipy's optimiser finds from the same start."""
    rates, rest = eqx.partition(algorithm, eqx.is_inexact_array_like)
    flat, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.asarray, rates))

    @jax.jit
    def errors(flat):
        return (jax.vmap(eqx.combine(unravel(flat), rest))(prompts) - prompts.target).ravel()

    found = least_squares(lambda flat: np.asarray(errors(flat)), flat, x_scale="jac", xtol=1e-12, ftol=1e-12)
    return eqx.combine(unravel(jnp.asarray(found.x)), rest)


@pytest.mark.parametrize("task", [TASK, ComplexRegression()])
def test_one_gradient_step_gets_the_exact_minimiser(task, key):
    """The prediction is rate * p, so the best rate is Re <p, target> / <p, p>: found by the first step."""
    prompts, held_out = tuning_prompts(task, jax.random.clone(key), 500, 500)
    unit, target = np.asarray(jax.jit(jax.vmap(GradientDescent(1.0)))(prompts)), np.asarray(prompts.target)
    exact = float(np.sum((unit.conj() * target).real) / np.sum(np.abs(unit) ** 2))
    for start in (0.2 * exact, 3.0 * exact):  # worse than the minimiser on other prompts too
        tuned = tune(GradientDescent(start), task, key=jax.random.clone(key), num_steps=1, **SIZES)
        # The damping of the first step is 100 eps, relative to the distance from the start.
        np.testing.assert_allclose(tuned.algorithm.learning_rate, exact, rtol=1e3 * EPS)
        np.testing.assert_allclose(tuned.held_out_loss, mean_error(tuned.algorithm, held_out), rtol=1e3 * EPS)


@pytest.mark.parametrize(
    "algorithm",
    [
        pytest.param(DESCENT, id="gradient descent"),
        pytest.param(GDPlusPlus(jnp.array([0.5, 1.0]), jnp.array([0.1, 0.25]), 2), id="GD++"),
    ],
)
def test_several_rates_end_where_scipy_s_optimiser_does(algorithm, key):
    """The search passes the minimum and returns the best on all prompts, so no worse there than the minimum.

    It may stop a relative gain of 1e-6 above the minimum, at a distance of the order of 1e-3 in the rates.
    """
    prompts, held_out = tuning_prompts(TASK, jax.random.clone(key), 500, 500)
    tuned, least = tune(algorithm, TASK, key=key, **SIZES), minimiser(algorithm, prompts)
    assert float(tuned.loss) >= float(mean_error(least, prompts)) * (1 - 1e3 * EPS)
    assert total(tuned.algorithm, prompts, held_out) <= total(least, prompts, held_out) * (1 + 1e-3)
    assert total(tuned.algorithm, prompts, held_out) < 0.98 * total(algorithm, prompts, held_out)
    np.testing.assert_allclose(tuned.loss, mean_error(tuned.algorithm, prompts), rtol=1e3 * EPS)
    np.testing.assert_allclose(tuned.held_out_loss, mean_error(tuned.algorithm, held_out), rtol=1e3 * EPS)
    if isinstance(algorithm, GDPlusPlus):
        assert float(tuned.algorithm.curvature[-1]) == 0.25  # it has no effect and is left alone


def test_what_explodes_on_held_out_prompts_is_not_returned(key):
    """Six rates fitted to four prompts: the minimiser is far worse on others than the point returned."""
    algorithm = GradientDescent(jnp.geomspace(0.2, 2.0, 6), 6)
    prompts, held_out = tuning_prompts(TASK, jax.random.clone(key), 4, 250)
    found = [
        tune(algorithm, TASK, key=jax.random.clone(key), num_prompts=4, num_held_out=250, num_steps=num_steps)
        for num_steps in (1, 3, 10, 50)
    ]
    least = minimiser(algorithm, prompts)
    totals = [total(tuned.algorithm, prompts, held_out) for tuned in found]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] <= total(algorithm, prompts, held_out)
    assert totals[-1] < 0.5 * total(least, prompts, held_out)
    assert float(found[-1].loss) > float(mean_error(least, prompts))


def test_numbers_become_arrays_and_the_rest_stays(key):
    algorithm = eqx.filter_eval_shape(lambda key: tune(GradientDescent(0.5, 3), TASK, key=key, **SIZES), key).algorithm
    assert isinstance(algorithm, GradientDescent)
    assert (algorithm.num_steps, algorithm.initial_weights) == (3, None)
    assert isinstance(algorithm.learning_rate, jax.ShapeDtypeStruct)  # an array, had it been run
    assert algorithm.learning_rate.shape == ()


def test_a_start_that_explodes_is_given_back(key):
    tuned = tune(GradientDescent(jnp.array([0.5, 1.0, 1e200]), 3), TASK, key=key, **SIZES)
    np.testing.assert_array_equal(tuned.algorithm.learning_rate, [0.5, 1.0, 1e200])
    assert float(tuned.loss) == float(tuned.held_out_loss) == np.inf


def test_the_result_is_a_function_of_the_key(key):
    keys = jax.random.clone(key), jax.random.clone(key), jax.random.key(1)
    first, again, other = (float(tune(DESCENT, TASK, key=each, **SIZES).loss) for each in keys)
    assert first == again != other


def test_nothing_to_tune_is_refused(key):
    with pytest.raises(ValueError, match="`algorithm` must have a floating number to tune; got LeastSquares"):
        tune(LeastSquares(), TASK, key=key)


@pytest.mark.parametrize("name", ["num_prompts", "num_held_out", "num_steps"])
def test_impossible_sizes_are_refused(name, key):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1"):
        tune(GradientDescent(0.5), TASK, key=key, **{name: 0})
