"""Readings of the study of GD++'s curvature, on numbers set by hand."""

from functools import partial

import numpy as np
import pytest

from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig13_curvature.cells import Curvature, CurvatureCell
from mesascope.studies.oswald2023.fig13_curvature.readings import PUBLISHED, Published, farthest_extreme
from mesascope.studies.oswald2023.fig13_curvature.readings import readings as curvature_readings
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import effective_eigenvalue
from mesascope.training.config import FitConfig


def test_conditioning_by_hand():
    """At curvature 1/8 eigenvalues 1, 4 and 2 become 49/64, 1 and 18/16."""
    training = Training(partial(Transformer.initialise, 2), LinearRegression(3, 2), FitConfig(1))
    cell = CurvatureCell(training, num_replicates=1)
    found = cell.conditioning(np.array([[1.0, 4.0], [2.0, 4.0]]), np.array([0.0, 1 / 8]))
    np.testing.assert_allclose(found.curvatures[[0, -1]], [0, 0.95 / 4])
    np.testing.assert_allclose(found.pooled_ratio[0], 1)
    middle = effective_eigenvalue(np.array([1.0, 2.0, 4.0]), found.curvatures[40])
    np.testing.assert_allclose(found.pooled_ratio[40], middle.max() / middle.min() / 4)
    np.testing.assert_allclose(found.median_ratio, [1, (64 / 49 + 18 / 16) / 2 / 3])


def curvature_of(smallest, largest, learned):
    """Layers of two seeds that learned these curvatures, where the best is 2 and 3 conditions best."""
    numbers = dict.fromkeys(Curvature._fields, np.ones((2, 1)))
    numbers |= {"smallest": np.exp(smallest), "largest": np.exp(largest), "median_ratio": np.array([0.5, 0.25])}
    numbers |= {"curvature": np.array(learned)[:, None], "best_conditioning": np.array(3.0)}
    return Curvature(**{**numbers, "best_curvature": np.array(2.0)})


def test_the_distance_of_an_extreme_is_in_standard_deviations_of_its_logarithm():
    found = curvature_of([-1.0, 0.0, 1.0], [2.0, 4.0, 6.0], [2.0, 2.0])  # means 0, 4; deviations 1, 2
    published = Published(smallest=np.exp(1.5), largest=np.exp(-2.0), curvature=0.0)
    assert farthest_extreme(found, published) == pytest.approx(3.0)


def test_the_curvature_s_readings_by_hand():
    """The main number of examples first; of the others the worst. Nothing was published of N = 11."""
    first, other = (curvature_of([0.0, 2.0], [0.0, 2.0], learned) for learned in ([2.0, 3.0], [1.0, 2.0]))
    other = other._replace(median_ratio=np.array([0.125, 0.375]))
    found = curvature_readings({10: first, 11: other})
    np.testing.assert_allclose(found["gamma"], [0.0, 0.5])
    np.testing.assert_allclose(found["gamma-more"], [0.5, 0.0])
    np.testing.assert_allclose(found["published"], [2 / 0.179 - 1, 3 / 0.179 - 1])
    np.testing.assert_allclose(found["extremes"], farthest_extreme(first, PUBLISHED[10]))
    np.testing.assert_allclose(found["conditioning"], [0.5, 0.375])
    np.testing.assert_allclose(found["heuristic"], [1.5, 1.0])
    alone = curvature_readings({11: first})
    for name, number in {"gamma-more": 2, "published": 2, "extremes": 1}.items():
        assert np.ma.getmaskarray(alone[name]).tolist() == [True] * number


def test_the_paper_s_curvatures_are_missed_by_as_much_as_at_the_worst_number_of_examples():
    """5% above at N = 25, exactly at N = 100: 5%; and of the second seed 20% below at N = 100."""
    above, below = (
        curvature_of([0.0, 2.0], [0.0, 2.0], PUBLISHED[size].curvature * np.array(times))
        for size, times in ((25, [1.05, 1.1]), (100, [1.0, 0.8]))
    )
    np.testing.assert_allclose(curvature_readings({25: above, 100: below})["published"], [0.05, 0.2])
