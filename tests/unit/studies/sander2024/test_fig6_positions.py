"""Rows of position weights, and the rows of least norm they are near."""

import numpy as np
import pytest

from mesascope.studies.sander2024.fig6_positions.cells import RowsCell, SampledRowsCell
from mesascope.studies.sander2024.fig6_positions.readings import nearest_least_norm
from mesascope.study.cell import Workspace
from mesascope.theory.position_only import smoothest

ROWS = RowsCell(200.0, 6, 0.5, 300, 0.01)


@pytest.mark.parametrize("num_moments", [1, 3, 8])
def test_a_row_of_least_norm_is_nearest_to_itself(num_moments):
    row = smoothest(8, num_moments)
    bent = row + 0.1 * np.linalg.norm(row) * np.eye(8)[0]
    assert nearest_least_norm(bent) == (num_moments, pytest.approx(0.1))


def test_a_row_that_is_not_finite_is_near_none():
    assert np.isnan(nearest_least_norm(np.array([0.1, np.nan]))).all()


def test_descent_stops_at_the_first_step_that_is_good_enough():
    stop = int(ROWS.compute(Workspace())["stop"])
    assert 1 < stop < 300
    assert ROWS.arrived(stop)
    assert not ROWS.arrived(stop - 1)


def test_on_many_samples_descent_is_nearly_exact():
    exact = ROWS.compute(Workspace())
    sampled = SampledRowsCell(ROWS, 20_000, 1, 0).compute(Workspace())
    assert abs(sampled["stop"][0] - exact["stop"]) <= 1
    np.testing.assert_allclose(sampled["stopped"][0], exact["stopped"], atol=0.01)


def test_where_descent_never_stops_it_says_so():
    never = RowsCell(200.0, 6, 0.5, 3, 1e-9)
    assert np.isinf(never.compute(Workspace())["stop"])
    assert np.isinf(SampledRowsCell(never, 100, 1, 0).compute(Workspace())["stop"]).all()
