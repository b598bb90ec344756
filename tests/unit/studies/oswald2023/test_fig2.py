"""The measurements of the one-layer study, on layers whose every measure is known: the construction, twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.studies._shared.measure import mean_error, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig2.cells import best_learning_rate
from mesascope.studies.oswald2023.fig2.readings import largest_change
from mesascope.studies.oswald2023.fig2.study import Figure2
from mesascope.study.cell import Workspace

SIZES = {"num_examples": 4, "dim_x": 3}
STUDY = Figure2(seeds=2, num_steps=40, batch_size=8, num_validation=200, num_rollout=6, **SIZES)


@pytest.fixture(scope="module")
def prompts():
    return validation(STUDY.training(4, 3).task, STUDY.num_validation)


@pytest.fixture(scope="module")
def loss(prompts):
    compiled = jax.jit(lambda r: mean_error(GradientDescentConstruction(r, **SIZES).build(), prompts))
    return lambda rate: float(compiled(jnp.asarray(rate)))


@pytest.fixture(scope="module")
def rate(prompts):
    return float(best_learning_rate(prompts))


@pytest.fixture(scope="module")
def summary(rate):
    """All that is measured of a training that ends with the construction, for the second seed at twice its rate."""
    build = jax.jit(jax.vmap(lambda r: GradientDescentConstruction(r, **SIZES).build()))
    leaves = jax.tree.leaves(build(np.array([rate, 2 * rate])))
    trained = {
        "losses": np.where(np.arange(40) < 25, 1.0, 0.0) * np.ones((2, 1)),
        "snapshot_steps": np.array([0]),
        **{f"weights_{i:03d}": np.asarray(both)[:, None] for i, both in enumerate(leaves)},
    }
    workspace = Workspace(need=lambda training: trained)
    configs = [cell.config for cell in STUDY.cells()]
    return STUDY.summarise([trained if isinstance(each, Training) else each.compute(workspace) for each in configs])


@pytest.fixture(scope="module")
def readings(summary):
    return STUDY.readings(summary)


def test_the_best_rate_is_where_the_loss_is_least(rate, loss):
    at, below, above = (loss(rate * factor) for factor in (1.0, 0.999, 1.001))
    assert at < min(below, above)


def test_of_the_construction_every_gap_is_zero_and_of_a_step_twice_as_long_none(readings):
    tolerance = 1e3 * np.finfo(float).eps * 50  # losses are small differences of numbers of order one
    names = {claim.id for claim in STUDY.claims} - {"cosine", "step-size", "rollout-falls"}
    for name in names:
        exact, doubled = readings[name]
        np.testing.assert_allclose(exact, 0.0, atol=tolerance, rtol=0, err_msg=name)
        assert doubled > 1e-3, name
    np.testing.assert_allclose(readings["cosine"], 1.0, rtol=1e-10)  # parallel still


def test_the_step_size_is_the_construction_s(summary, readings, rate):
    np.testing.assert_allclose(readings["learned learning rate"], [rate, 2 * rate], rtol=1e-10)
    np.testing.assert_allclose(
        readings["step-size"], np.abs(np.array([1, 2]) * rate / STUDY.optimum().learning_rate - 1)
    )


def test_halfway_between_one_step_and_two_the_step_is_one_and_a_half(summary, loss, rate):
    """In the gauge |W_KQ| = 1 the output carries the rate, so weights average as rates do."""
    np.testing.assert_allclose(summary.sizes[0].halfway, [loss(rate), loss(1.5 * rate)], rtol=1e-10)


def test_the_rollout_of_the_construction_is_dampened_gradient_descent(summary):
    rollout = summary.rollout
    assert rollout.trained.shape == (2, STUDY.num_rollout)
    np.testing.assert_allclose(rollout.trained[0], rollout.gradient_descent, rtol=1e-9)
    np.testing.assert_allclose(rollout.silenced, rollout.trained, rtol=1e-9)
    assert rollout.exploded[0] == 0 < rollout.exploded[1]


def test_the_largest_change_is_negative_only_where_the_loss_always_falls():
    falls, rises = largest_change(np.array([[4.0, 2.0, 1.0], [4.0, 2.0, 3.0]]))
    assert (falls, rises) == (-0.5, 0.5)
