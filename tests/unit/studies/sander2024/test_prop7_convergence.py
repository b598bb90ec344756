"""Descent on position weights: the numbers that claims are about, from laws set by hand; and the cell's own."""

import numpy as np
import pytest

from mesascope.studies.sander2024.prop7_convergence.cells import Descents, RowDescentCell
from mesascope.studies.sander2024.prop7_convergence.readings import from_one_rate, num_learned, readings
from mesascope.study.cell import Workspace

CELL = RowDescentCell((1.0, 10.0, 100.0), 8, 0.1, 40, 20, 2, 0)


def test_readings_of_laws_set_by_hand():
    steps_to = np.array([[5.0, 6, 50, 8, 9, 10], [4, 6, 50, 8, 9, 700], [2, 6, 50, 8, 9, 900]])
    spectrum = np.array([np.ones(8), [0.11] * 3 + [0.01] * 5, [0.2] + [0.01] * 7])
    deviation = np.array([[1e-9, 2e-9, 0], [0, 3e-9, 0], [0, 0, 4e-9]])
    law = 0.8 ** (2.0 * np.arange(21))
    early = np.stack([law * 1.001, 2 * law, 3 * law])
    found = readings(Descents(None, None, early, None, None, deviation, spectrum, steps_to), CELL, num_uniform=1)
    np.testing.assert_array_equal(found["exact"], [1e-9, 3e-9, 4e-9])
    assert found["identity"] == pytest.approx(0.001)
    assert found["sooner"] == 0.5
    assert found["later"] == 90
    assert found["directions"] == max(3 / (32 / 10 + 3), 1 / (32 / 100 + 3))  # 2 rate l k = 10 l > 1 for l > 0.1
    np.testing.assert_array_equal(found["steps to a loss of 1e-06, by mu"], [10, 700, 900])


def test_losses_too_small_to_tell_are_not_held_against_the_one_rate():
    law = 0.8 ** (2.0 * np.arange(101))
    assert from_one_rate(np.where(law > 1e-9, law, 0.0)[None], CELL) == pytest.approx(0, abs=1e-12)


def test_directions_of_a_law_that_is_lost_are_not_counted():
    learned = num_learned(np.array([[1.0, 0.001], [np.nan, 1.0]]), np.array([10.0, 10.0]), 0.1)
    np.testing.assert_array_equal(learned, [1, np.nan])


def test_descent_step_by_step_is_its_law():
    """And with a law of its own for every mu: uniform phases lose (1 - 2 rate)^(2k)."""
    found = Descents(**CELL.compute(Workspace()))
    np.testing.assert_allclose(found.early_losses[0], 0.8 ** (2.0 * np.arange(21)), rtol=1e-10)
    assert found.deviation.shape == (3, 3)
    assert found.deviation.max() < 1e-8
    np.testing.assert_allclose(found.law[:, -1], found.losses[:, -1], rtol=1e-8)
    assert found.losses[2, 5] < found.losses[1, 5] < found.losses[0, 5]
