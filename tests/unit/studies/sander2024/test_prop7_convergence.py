"""Descent on position weights: step by step against its law; and the numbers that claims are about, set by hand."""

import jax
import numpy as np
import pytest

from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024.prop7_convergence.cells import Descents, RowDescentCell
from mesascope.studies.sander2024.prop7_convergence.readings import num_learned, readings, steps_or_nan
from mesascope.study.cell import Workspace
from oracles.position_descent import descent_losses, steps_to

CELL = RowDescentCell((1.0, 10.0, 100.0), 8, 0.1, 60, 2, 0)


def test_readings_of_descents_set_by_hand():
    """Free phases and two laws, two starts; 1e-6 is not reached on the last law, where 60 steps are run."""
    steps = np.zeros((3, 2, 6))
    steps[:, :, 0] = [[5, 10], [4, 5], [2, 8]]
    steps[:, :, 2] = [[9, 9], [50, 50], [50, 5]]
    steps[:, :, 5] = [[10, 20], [70, 70], [60, 60]]
    spectrum = np.array([np.ones(8), [0.11] * 3 + [0.01] * 5, [0.2] + [0.01] * 7])
    found = readings(Descents(np.arange(2), np.zeros((3, 2, 2)), steps, spectrum), CELL)
    np.testing.assert_allclose(found["sooner"], [0.8, 0.8])
    np.testing.assert_allclose(found["later"], [6, 3])
    # 2 rate l k = 10 l > 1 for l > 0.1 after fifty steps, l > 1 after five
    np.testing.assert_allclose(found["directions"], [max(3 / (32 / 10 + 3), 1 / (32 / 100 + 3)), 3 / (32 / 10 + 3)])
    np.testing.assert_array_equal(found["steps to a loss of 0.001 from zero, by mu"], [9, 50, 50])
    np.testing.assert_array_equal(found["steps to a loss of 1e-06, mu = 100, by start"], [np.nan, np.nan])


def test_steps_that_are_not_enough_are_no_number():
    np.testing.assert_array_equal(steps_or_nan(np.array([3.0, 60.0, np.nan]), 60), [3, np.nan, np.nan])


def test_directions_of_a_law_that_is_lost_are_not_counted():
    learned = num_learned(np.array([[1.0, 0.001], [np.nan, 1.0]]), np.full((2, 1), 10.0), 0.1)
    np.testing.assert_array_equal(learned, [[1], [np.nan]])


@pytest.fixture(scope="module")
def found():
    return Descents(**CELL.compute(Workspace()))


def test_descent_step_by_step_is_its_law(found):
    keys = seed_keys(0, 2)
    starts = np.array([np.zeros(8), *(0.1 * jax.random.normal(key, (8,)) for key in keys)])
    assert found.losses.shape == (3, 3, len(found.steps))
    for mu, losses in zip(CELL.mus, found.losses, strict=True):
        np.testing.assert_allclose(losses, descent_losses(8, mu, 0.1, found.steps, starts), atol=1e-12)


def test_steps_are_counted_to_the_first_that_reaches_a_loss(found):
    for mu, steps in zip(CELL.mus, found.steps_to[:, 0], strict=True):
        expected = [steps_to(tolerance, 8, mu, 0.1, most=60) for tolerance in CELL.tolerances]
        np.testing.assert_array_equal(steps, expected)
