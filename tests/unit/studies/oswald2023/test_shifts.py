"""Losses on shifted tasks, and gaps between them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.studies._shared.measure import compiled_errors_of, validation
from mesascope.studies.oswald2023._shared.shifts import (
    Shifts,
    capped,
    gaps,
    losses_of,
    losses_of_models,
    relative_gap,
    shifted_prompts,
)
from mesascope.tasks.linear_regression import LinearRegression

TASK = LinearRegression(num_examples=6, dim_x=3)
SHIFTS = Shifts((1.0, 2.0), (1.0, 3.0), (0.5, 1.0), (0, 6))
ALGORITHM = GDPlusPlus(jnp.array([2.0, 3.0]), jnp.array([0.05, 0.0]), 2)


@pytest.fixture(scope="module")
def prompts():
    return shifted_prompts(TASK, SHIFTS, 200)


def test_the_unshifted_task_gives_the_validation_loss_and_teachers_scale_the_loss(prompts):
    """GD++ is linear in the targets: a teacher three times as large makes its loss nine times as large."""
    found = SHIFTS.by_kind(losses_of(ALGORITHM, prompts))
    expected = float(compiled_errors_of(ALGORITHM, validation(TASK, 200)).mean())
    np.testing.assert_allclose(found.input_scale[0], expected, rtol=1e-10)
    np.testing.assert_allclose(found.weight_scale, [expected, 9 * expected], rtol=1e-10)


def test_every_kind_of_shift_is_found_where_it_is_drawn(prompts):
    """Inputs twice as large; inputs of a law have norm 1 a prompt times their scale; all targets noise or none."""
    squares = np.sum(np.asarray(prompts.xs) ** 2, axis=(-2, -1))
    xs, ys = (SHIFTS.by_kind(each.T) for each in (squares, np.asarray(prompts.ys)[..., 0, 0]))
    np.testing.assert_allclose(xs.input_scale[..., 1], 4 * xs.input_scale[..., 0], rtol=1e-12)
    np.testing.assert_allclose(xs.law, np.broadcast_to([0.25, 1.0], (200, 3, 2)), rtol=1e-12)
    np.testing.assert_array_equal(xs.corrupted[:, 0], xs.corrupted[:, 1])
    assert abs(ys.corrupted[:, 1].std() - 1) < 5 / np.sqrt(2 * 200)  # of 200 standard normals, z = 5
    assert ys.corrupted[:, 0].std() < 0.75  # the variance of a target is 3/12


def test_a_stack_of_models_has_a_row_for_each(prompts):
    rates = jnp.array([1.0, 2.0])
    models = jax.vmap(GradientDescent)(rates)
    for row, rate in zip(losses_of_models(models, prompts), rates, strict=True):
        np.testing.assert_allclose(row, losses_of(GradientDescent(rate), prompts), rtol=1e-10)


def test_gaps_are_relative_and_a_rival_beyond_the_range_of_floats_is_its_end():
    losses, rival = (Shifts((1.0, 2.0)).by_kind(np.array(each)) for each in ([[1.5, 1.0]], [1.0, np.inf]))
    np.testing.assert_allclose(gaps(losses, rival).input_scale, [[0.5, 1.0]])
    assert np.isnan(relative_gap(np.array([np.nan]), np.array([1.0]))).all()
    assert np.isfinite(capped(np.array([np.inf, np.nan]))).all()
    assert capped(np.array([3.0])) == 3.0
