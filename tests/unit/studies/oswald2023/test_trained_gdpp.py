"""GD++ as the authors train it: where it starts, what is trained, and what becomes of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.random import seed_key
from mesascope.studies._shared.measure import compiled_errors_of, errors_of_each, validation
from mesascope.studies.oswald2023._shared.stacks import stack_of, stack_training
from mesascope.studies.oswald2023._shared.trained_gdpp import TrainableGDPP, gdpp_training, trained_gdpp
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression

TASK = LinearRegression(num_examples=6, dim_x=3)
SCAN = {"task": TASK, "scan": (0.001, 25.0, 0.1), "num_spectra": 2000}


def start(num_layers=1, num_repeats=1, token_bound=None):
    return TrainableGDPP.start(num_layers, num_repeats, token_bound, **SCAN, key=jax.random.key(0))


@pytest.mark.parametrize(("shape", "num_rates"), [((2, 1), (2,)), ((1, 2), ())])
def test_the_start_is_the_authors(shape, num_rates):
    """P = diag(-eta / N^2, eta / N) and W_V = diag(1, -1): curvature eta / N^2, in every layer."""
    algorithm = start(*shape).algorithm()
    assert algorithm.num_steps == 2
    assert jnp.shape(algorithm.learning_rate) == jnp.shape(algorithm.curvature) == num_rates
    np.testing.assert_allclose(algorithm.curvature, algorithm.learning_rate / 6**2, rtol=1e-12)


def test_the_start_has_the_best_rate_of_the_scan():
    """On prompts that the scan does not know no other rate of a coarse grid is better by more than their noise."""
    prompts = validation(TASK, 20_000)

    def loss(rate):
        return float(compiled_errors_of(GDPlusPlus(rate, rate / 6**2, 2), prompts).mean())

    best = float(start(1, 2).algorithm().learning_rate)
    assert best % 0.1 == pytest.approx(0.001)
    losses = [loss(jnp.asarray(best + off)) for off in (-2.0, 0.0, 2.0)]
    assert np.argmin(losses) == 1


def test_its_layers_make_the_steps_and_cut_tokens_off():
    prompts = validation(TASK, 500)
    rates = jnp.array([3.0, 5.0]), jnp.array([0.2, 0.4])
    outputs = jnp.stack([rates[1] / 2, rates[0] / 6 / 4], axis=-1)
    model = TrainableGDPP(outputs, jnp.array([[2.0, 4.0]] * 2), TASK, 1, None)
    ours, theirs = (np.asarray(compiled_errors_of(each, prompts)) for each in (model, GDPlusPlus(*rates, 2)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    clipped = TrainableGDPP(outputs, model.values, TASK, 1, 0.25)
    stack = eqx.filter_jit(stack_of)(GDPlusPlus(*rates, 2), TASK, 0.25)
    ours, cut = (np.asarray(compiled_errors_of(each, prompts)) for each in (clipped, stack))
    np.testing.assert_allclose(ours, cut, rtol=1e-9, atol=1e-12)
    assert np.abs(cut - theirs).max() > 1e-3


@pytest.mark.parametrize(
    ("shape", "rate", "clip", "bound"),
    [((1, 2), 1e-3, 1e-3, None), ((3, 1), 1e-3, 10.0, None), ((5, 1), 5e-4, 10.0, 10.0), ((1, 10), 5e-4, 10.0, 10.0)],
)
def test_it_is_trained_by_the_authors_settings(shape, rate, clip, bound):
    """Those of the stack that is held against it, but for Adam's b2 and the number of prompts."""
    training = gdpp_training(*shape, task=TASK, num_steps=7)
    config, stack = training.config, stack_training(*shape, task=TASK, num_steps=7, seeds=1)
    assert (config.num_steps, config.batch_size, config.b1, config.b2) == (7, 512, 0.9, 0.999)
    assert (config.learning_rate, config.clip_norm) == (rate, clip)
    assert (config.learning_rate, config.clip_norm) == (stack.config.learning_rate, stack.config.clip_norm)
    model = training.make_model(key=seed_key(0))
    assert (len(model.outputs), model.num_repeats, model.token_bound) == (*shape, bound)
    assert training.seeds == 1


def test_training_moves_the_rates_and_nothing_else():
    with jax.numpy_dtype_promotion("standard"):
        training = gdpp_training(1, 2, task=TASK, num_steps=300, batch_size=64)
        trained = training.trained(Workspace())
        algorithm = trained_gdpp(training, Workspace())
    assert [leaf.shape for leaf in jax.tree.leaves(eqx.filter(trained.model, eqx.is_array))] == [(1, 1, 2), (1, 1, 2)]
    first, *_, last = errors_of_each(trained.snapshots, validation(TASK, 2000), 2).mean(axis=-1)[0]
    assert last < 0.9 * first
    outputs, values = (np.asarray(each)[0, 0] for each in (trained.model.outputs, trained.model.values))
    found = float(algorithm.curvature), float(algorithm.learning_rate) / 6
    np.testing.assert_allclose(found, outputs * values, rtol=1e-5)
