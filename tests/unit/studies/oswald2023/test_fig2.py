"""The measurements of the one-layer study, on layers whose every measure is known: the construction, twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.studies._shared.measure import mean_error, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_multiple import best_learning_rate
from mesascope.studies.oswald2023.fig2.cells import LayerLosses
from mesascope.studies.oswald2023.fig2.readings import gap_at
from mesascope.studies.oswald2023.fig2.study import Figure2
from mesascope.study.cell import Workspace

SIZES = {"num_examples": 4, "dim_x": 3}
STUDY = Figure2(seeds=2, num_steps=40, batch_size=8, num_validation=200, num_rollout=6, other_sizes=(), **SIZES)


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
    names = {claim.id for claim in STUDY.claims} - {
        "cosine",
        "rollout-falls",
        "interpolation-2",
        "interpolation-others",
    }
    for name in names:
        exact, doubled = readings[name]
        np.testing.assert_allclose(exact, 0.0, atol=tolerance, rtol=0, err_msg=name)
        assert doubled > 1e-3, name
    np.testing.assert_allclose(readings["cosine"], 1.0, rtol=1e-10)  # parallel still


def test_the_step_size_is_the_construction_s(readings, rate):
    np.testing.assert_allclose(readings["learned learning rate"], [rate, 2 * rate], rtol=1e-10)


def test_halfway_between_one_step_and_two_the_step_is_one_and_a_half(summary, loss, rate):
    """In the gauge |W_KQ| = 1 the output carries the rate, so weights average as rates do."""
    np.testing.assert_allclose(summary.main.halfway, [loss(rate), loss(1.5 * rate)], rtol=1e-10)


def test_the_repeated_construction_is_dampened_gradient_descent_of_the_rate_tuned_on_prompts(summary, readings):
    repeated = summary.repeated
    assert repeated.trained.shape == (2, 1, STUDY.num_rollout)
    np.testing.assert_allclose(repeated.trained[0], repeated.gradient_descent, rtol=1e-9)
    np.testing.assert_allclose(repeated.writes_x, repeated.trained, rtol=1e-9)
    assert repeated.trained_exploded[0, 0] == 0 < repeated.trained_exploded[1, 0]
    descent = repeated.gradient_descent[0]
    np.testing.assert_allclose(readings["rollout-falls"][0], (descent[1:] / descent[:-1] - 1).max(), rtol=1e-9)


def test_the_worse_of_trained_and_halfway_is_read_at_every_other_size(summary):
    """Gradient descent's loss is 2: halfway is half too large for the second seed at N = 5, trained by 1 at N = 15."""
    zero, ones = np.array(1.0), np.ones(2)
    five = LayerLosses(zero, 2 * ones, 2 * ones, np.array([2.0, 3.0]), ones)
    fifteen = LayerLosses(zero, np.array([4.0, 2.0]), 2 * ones, np.array([1.5, 2.0]), ones)
    both = summary._replace(others={5: five, 15: fifteen})
    assert gap_at(both, (5, 15)).tolist() == [1.0, 0.5]
    assert gap_at(both, (5,)).tolist() == [0.0, 0.5]
    assert gap_at(both, (2,)).mask.tolist() == [True, True]
    found = STUDY.readings(both)
    assert found["interpolation-others"].tolist() == [1.0, 0.5]
    assert found["interpolation-2"].mask.all()
    assert found["loss / best gradient step's, model halfway, N = dim_x = 15"].tolist() == [0.75, 1.0]


def test_the_claim_on_input_scales_reads_those_near_the_training_s(summary):
    """Scales 0.5, 0.75, 1, 1.25, 1.5, 2."""
    away = summary.away._replace(
        trained=np.array([[1.0, 1.0, 1.0, 1.5, 9.0, 9.0], [1.0, 0.2, 1.0, 1.0, 1.0, 1.0]]), gradient_descent=np.ones(6)
    )
    np.testing.assert_allclose(STUDY.readings(summary._replace(away=away))["input-scale"], [0.5, 0.8])
