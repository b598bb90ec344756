"""Means over many prompts, and what one prompt does to them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.studies._shared.measure import mean_error
from mesascope.studies.oswald2023._shared.best_rates import Rivals
from mesascope.studies.oswald2023._shared.stacks import stack_of, stack_training
from mesascope.studies.oswald2023.fig3_deep import rare_prompts as rare
from mesascope.study.base import Workspace
from mesascope.tasks.linear_regression import LinearRegression

TASK = LinearRegression(num_examples=3, dim_x=2)
NUM_PROMPTS = 400


@pytest.fixture
def found(monkeypatch):
    """Stacks that are algorithms of two rates themselves, beside a rival that explodes unless it is clipped."""
    rival = GDPlusPlus(jnp.array([1.0, 300.0]), jnp.array([0.1, 40.0]), 2)
    good = GDPlusPlus(jnp.array([1.0, 2.0]), jnp.array([0.1, 0.2]), 2)
    models = [stack_of(each, TASK, 10.0) for each in (good, rival)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)
    descent = GradientDescent(jnp.array(1.0))
    monkeypatch.setattr(rare, "best_rivals", lambda task, depth: Rivals(descent, descent, good, rival))
    training = stack_training(2, num_steps=1, seeds=2, task=TASK)
    monkeypatch.setattr(type(training), "trained", lambda self, workspace: type("Trained", (), {"model": stacked}))
    workspace = Workspace(None, lambda *call: None, lambda computation: {})
    return rare.measure_rare(rare.RareCell(training, NUM_PROMPTS), workspace), good, rival


def test_every_mean_is_over_the_same_prompts_none_of_them_for_validation(found):
    arrays, good, rival = found
    prompts = TASK.sample_batch(jax.random.key(rare.VALIDATION_SEED - 1), NUM_PROMPTS)
    for name, expected in (("gdpp", rival), ("clipped", stack_of(rival, TASK, 10.0))):
        mean = float(eqx.filter_jit(mean_error)(expected, prompts))
        np.testing.assert_allclose(arrays[f"mean_{name}"], [mean, mean], rtol=1e-10)
    np.testing.assert_allclose(arrays["mean_trained"][0], eqx.filter_jit(mean_error)(good, prompts), rtol=1e-10)
    np.testing.assert_allclose(arrays["mean_trained"][1], arrays["mean_clipped"][1], rtol=1e-10)


def test_clipping_bounds_what_a_rare_prompt_can_do(found):
    arrays, _, _ = found
    assert arrays["largest_gdpp"][0] > 1e3 > arrays["largest_clipped"][0] > arrays["mean_clipped"][0]
    assert f"on {NUM_PROMPTS} other prompts" in rare.remark(arrays)
