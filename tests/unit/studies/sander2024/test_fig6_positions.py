"""Rows of position weights, and the rows of least norm they are near."""

import numpy as np
import pytest

from mesascope.studies.sander2024.fig6_positions.cells import Rows, RowsCell, SampledRows, SampledRowsCell
from mesascope.studies.sander2024.fig6_positions.readings import (
    Summary,
    explained_by_lag,
    nearest_least_norm,
    readings,
)
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


def toeplitz(by_lag):
    """P [rows t] that is the same along diagonals."""
    size = len(by_lag)
    return np.array(
        [[by_lag[length - t] if t <= length else 0.0 for t in range(1, size + 1)] for length in range(2, size + 1)]
    )


def test_the_lag_explains_what_is_the_same_along_diagonals():
    weights = toeplitz(np.array([3.0, 1.0, 0.0, 5.0]))
    assert explained_by_lag(weights) == pytest.approx(1.0)
    by_row = np.arange(1.0, 4.0)[:, None] * np.ones((3, 4))
    assert explained_by_lag(by_row) == pytest.approx(0.0)
    # Lags 0 and 1 of T = 2, 3, 4: entries 3 and 1, and one of them 2 off; 6 / 9 is what the lag leaves of a variance.
    weights[0, 0] += 2.0
    entries = np.array([[3.0, 3.0], [1.0, 3.0], [1.0, 3.0]])
    assert explained_by_lag(weights) == pytest.approx(1 - entries.var(axis=0).mean() / entries.var())
    weights[1, 0] += 9.0  # of a lag that the first row has not
    assert explained_by_lag(weights) == pytest.approx(1 - entries.var(axis=0).mean() / entries.var())


def test_readings_are_about_the_rows_that_claims_name():
    """Two laws: last rows (.3, .5) and (.4, .45) of two states, against what their files sum to, .526 and .705."""
    laws = [
        Rows(np.array(stop), np.array([row]), np.array([end]), np.array([2.0, low]))
        for stop, row, end, low in ((100.0, (0.3, 0.5), (0.2, 0.75), -18.0), (50.0, (0.4, 0.45), (0.1, 0.9), -16.0))
    ]
    samples = [
        SampledRows(np.array(stops), np.tile(law.stopped, (2, 1, 1)))
        for stops, law in zip(((90.0, 101.0), (60.0, 50.0)), laws, strict=True)
    ]
    limit = laws[0]._replace(ended=np.array([[0.1, 0.9]]))
    found = readings(Summary((50.0, 100.0), tuple(laws), tuple(samples), limit))
    expected = {
        "diagonals": [1.0, 1.0],
        "sums": 0.305,  # .705 - .4
        "smoother": -0.05,
        "condition": 18.0,
        "samples": [0.2, 0.01],  # by seed the worst of both laws
        "early": 1.5,  # .75 / .5
        "near": 0.2 / np.hypot(0.5, 0.5),  # (.3, .5) from (1/2, 1/2)
        "least-norm": np.hypot(0.1, 0.1),
    }
    for claim, number in expected.items():
        np.testing.assert_allclose(found[claim], number, rtol=1e-12, atol=1e-12, err_msg=claim)


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
