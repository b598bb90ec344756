"""The measurements of the one-layer study, on a layer whose every measure is known: the construction itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.studies._shared.measure import mean_error, validation
from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
from mesascope.studies.oswald2023.fig2 import away as away
from mesascope.studies.oswald2023.fig2 import cells as layer
from mesascope.studies.oswald2023.fig2 import readings as read
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum
from mesascope.training.config import FitConfig
from mesascope.training.fit import Trained

SIZES = {"num_examples": 4, "dim_x": 3}
CELL = layer.OneLayerCell(
    task=LinearRegression(**SIZES),
    training=FitConfig(num_steps=40, batch_size=8),
    init_scale=0.002,
    first_seed=0,
    num_seeds=2,
    num_validation=200,
    input_scales=read.INPUT_SCALES,
    weight_scales=read.WEIGHT_SCALES,
    num_corrupted=(0, 2, 4),
    num_rollout=6,
    dampening=0.75,
)


@pytest.fixture(scope="module")
def rate():
    return layer.best_learning_rate(validation(CELL.task, CELL.num_validation))


def measured(rate):
    """Everything the study measures of a "trained" layer that is the construction at this learning rate, twice."""
    model = GradientDescentConstruction(rate, **SIZES).build()
    twice = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]) if hasattr(leaf, "shape") else leaf, model)
    snapshots = jax.tree.map(lambda leaf: leaf[:, None] if hasattr(leaf, "shape") else leaf, twice)
    falling = np.concatenate([np.full((2, 30), 1.0), np.zeros((2, 10))], axis=1)
    trained = Trained(twice, falling, snapshots, np.array([0]))
    losses = layer.measure_loss(CELL, trained)
    reference = losses["learning_rate"]
    arrays = losses | layer.measure_training(CELL, trained, reference)
    return arrays | away.measure_generalisation(CELL, trained, reference)


@pytest.fixture(scope="module")
def exact(rate):
    return measured(rate)


@pytest.fixture(scope="module")
def doubled(rate):
    return measured(2 * rate)


def test_the_best_rate_is_where_the_loss_is_least(rate):
    prompts = validation(CELL.task, CELL.num_validation)
    loss = jax.jit(lambda r: mean_error(GradientDescentConstruction(r, **SIZES).build(), prompts))
    at, below, above = (float(loss(rate * factor)) for factor in (1.0, 0.999, 1.001))
    assert at < below
    assert at < above


def test_of_the_construction_every_gap_is_zero(exact):
    readings = read.per_seed(exact, float(exact["learning_rate"]))
    assert set(readings) == {
        *("loss", "cosine", "prediction", "sensitivity", "step-size", "interpolation", "input-scale"),
        *("input-scale-far", "weight-scale", "input-law", "corrupted", "rollout", "rollout-falls"),
    }
    tolerance = 1e3 * np.finfo(float).eps * 50  # losses are small differences of numbers of order one
    for name, values in readings.items():
        assert values.shape == (2,)
        expected = 1.0 if name == "cosine" else 0.0
        if name != "rollout-falls":
            np.testing.assert_allclose(values, expected, atol=tolerance, rtol=0, err_msg=name)


def test_a_step_twice_as_long_shows_in_every_reading(doubled, exact):
    readings = read.per_seed(doubled, float(exact["learning_rate"]))
    np.testing.assert_allclose(readings["step-size"], 1.0, rtol=1e-10)
    np.testing.assert_allclose(readings["cosine"], 1.0, rtol=1e-10)  # parallel still
    for name in set(readings) - {"step-size", "cosine", "rollout-falls"}:
        assert (readings[name] > 1e-3).all(), name


def test_halfway_between_one_step_and_two_the_step_is_one_and_a_half(doubled, rate):
    """In the gauge |W_KQ| = 1 the output carries the rate, so weights average as rates do."""
    prompts = validation(CELL.task, CELL.num_validation)
    halfway = GradientDescentConstruction(1.5 * rate, **SIZES).build()
    np.testing.assert_allclose(doubled["loss_interpolated"], float(mean_error(halfway, prompts)), rtol=1e-10)


def test_the_rollout_of_the_construction_is_dampened_gradient_descent(exact):
    assert exact["rollout_trained"].shape == (2, CELL.num_rollout)
    np.testing.assert_allclose(exact["rollout_trained"], exact["rollout_gradient_descent"], rtol=1e-9)
    np.testing.assert_allclose(exact["rollout_silenced"], exact["rollout_trained"], rtol=1e-9)
    assert exact["rollout_exploded"].tolist() == [0, 0]


def test_a_plateau_ends_where_the_training_loss_falls():
    steps = np.arange(200)
    losses = np.stack([np.where(steps < end, 1.0, 0.0) for end in (50, 120, 10**6)])
    arrays = {"training_loss": losses, "validation_loss": np.ones((3, 1)), "loss_gradient_descent": np.zeros(3)}
    ends = plateau_ends(arrays)
    assert abs(ends[0] - 50) <= 1
    assert abs(ends[1] - 120) <= 1
    assert ends[2] == -1


def test_the_largest_change_is_negative_only_where_the_loss_always_falls():
    falls, rises = read.largest_change(np.array([[4.0, 2.0, 1.0], [4.0, 2.0, 3.0]]))
    assert (falls, rises) == (-0.5, 0.5)


def test_remarks_name_the_seeds_that_explode(exact):
    exploding = exact | {"rollout_exploded": np.array([0, 7])}
    remarks = read.remarks(exploding, one_step_optimum(4, 3, 0.5), 0.125)
    assert any("0, 7 validation prompts explode" in remark for remark in remarks)
    assert "1 of 2 seeds" in read.stragglers(
        3, {"loss_trained": np.array([1.0, 1.1]), "loss_gradient_descent": np.ones(2)}
    )
