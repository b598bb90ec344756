"""Rows of position weights, and the rows of least norm they are near."""

import numpy as np
import pytest

from mesascope.studies.sander2024.fig6_positions.cells import nearest_least_norm
from mesascope.theory.position_only import smoothest


@pytest.mark.parametrize("num_moments", [1, 3, 8])
def test_a_row_of_least_norm_is_nearest_to_itself(num_moments):
    row = smoothest(8, num_moments)
    bent = row + 0.1 * np.linalg.norm(row) * np.eye(8)[0]
    assert nearest_least_norm(bent) == (num_moments, pytest.approx(0.1))


def test_a_row_that_is_not_finite_is_near_none():
    assert np.isnan(nearest_least_norm(np.array([0.1, np.nan]))).all()
