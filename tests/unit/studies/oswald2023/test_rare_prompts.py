"""Means over many prompts, and what one prompt does to them."""

from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.studies._shared.measure import mean_error
from mesascope.studies.oswald2023._shared.stack_measure import prompts_at
from mesascope.studies.oswald2023._shared.stacks import stack_of, stack_training
from mesascope.studies.oswald2023.fig3_deep import rare_prompts as rare
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression

TASK = LinearRegression(num_examples=3, dim_x=2)
NUM_PROMPTS = 400


@pytest.fixture(scope="module")
def found():
    """Stacks that are algorithms of two rates themselves, one of them a rival that explodes unless it is clipped."""
    rival = GDPlusPlus(jnp.array([1.0, 300.0]), jnp.array([0.1, 40.0]), 2)
    good = GDPlusPlus(jnp.array([1.0, 2.0]), jnp.array([0.1, 0.2]), 2)
    models = [eqx.filter_jit(stack_of)(each, TASK, 10.0) for each in (good, rival)]
    stacked = jax.tree.map(lambda *leaves: jax.device_put(np.stack(leaves)), *models)
    training = stack_training(2, num_steps=1, seeds=2, task=TASK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rare, "best_algorithm", lambda family, task, depth: rival)
        patch.setattr(type(training), "trained", lambda *_: SimpleNamespace(model=stacked))
        losses = rare.RareLosses(**rare.RareCell(training, NUM_PROMPTS).compute(Workspace()))
    return losses, good, rival, models[1]


def test_every_mean_is_over_the_same_prompts_none_of_them_for_validation(found):
    losses, good, rival, clipped = found
    keys = jax.random.split(jax.random.key(rare.VALIDATION_SEED - 1), (10, NUM_PROMPTS // 10))
    prompts = prompts_at(TASK, keys.ravel())
    for measured, model in ((losses.gdpp, rival), (losses.clipped, clipped)):
        np.testing.assert_allclose(measured, eqx.filter_jit(mean_error)(model, prompts), rtol=1e-10)
    np.testing.assert_allclose(losses.trained[0], eqx.filter_jit(mean_error)(good, prompts), rtol=1e-10)
    np.testing.assert_allclose(losses.trained[1], losses.clipped, rtol=1e-10)


def test_clipping_bounds_what_a_rare_prompt_can_do(found):
    losses, *_ = found
    assert losses.largest_gdpp > 1e3 > losses.largest_clipped > losses.clipped
