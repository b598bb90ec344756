"""The ratio of the weights of the last two states: two readings, and what tells them apart."""

import jax
import numpy as np
import pytest

from mesascope.studies.sander2024._shared.last_weights import last_two, mean_of_ratios, ratio_of_sums, ratios

# Queries s_1, s_2, s_3, whose newest keys are s_2, s_3, s_4; the row of s_4 is never read.
WEIGHTS = np.array([[1.0, 2.0, 9, 9], [9, 3.0, 4.0, 9], [9, 9, -5.0, 1.0], [9, 9, 9, 9]])


def test_the_last_two_weights_by_hand():
    before, last = last_two(WEIGHTS)
    np.testing.assert_array_equal(before, [1, 3, -5])
    np.testing.assert_array_equal(last, [2, 4, 1])
    np.testing.assert_array_equal(last_two(WEIGHTS, first=3), [[3, -5], [4, 1]])
    np.testing.assert_array_equal(jax.jit(last_two)(WEIGHTS[None])[0], [[1, 3, -5]])


def test_the_mean_of_ratios_is_not_the_ratio_of_sums():
    np.testing.assert_array_equal(ratios(WEIGHTS), [0.5, 0.75, -5])
    assert mean_of_ratios(WEIGHTS) == pytest.approx(-1.25)
    assert ratio_of_sums(WEIGHTS) == pytest.approx(-1 / 7)
    assert mean_of_ratios(WEIGHTS, first=3) == pytest.approx(-2.125)
    assert ratio_of_sums(WEIGHTS, first=3) == pytest.approx(-2 / 5)
