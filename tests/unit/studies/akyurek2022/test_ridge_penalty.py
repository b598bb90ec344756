"""The penalty that predictions are nearest to: of ridge regression itself, and the readings on numbers set by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.ridge import Ridge
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.studies._shared.measure import compiled_predictions, relative_distance
from mesascope.studies.akyurek2022.noise.cells import PenaltyFit, nearest_penalty
from mesascope.studies.akyurek2022.noise.readings import Summary, readings
from mesascope.studies.akyurek2022.noise.study import RidgePenalty


def test_ridge_regression_is_nearest_to_its_own_penalty():
    """To the root of the search's tolerance of 1e-5 in the logarithm; bounds that leave the penalty out are reached."""
    prompts = RidgePenalty.preset("smoke").cells()[1].config._prompts()
    predictions, nothing = (
        np.asarray(compiled_predictions(each, prompts)) for each in (Ridge(jnp.asarray(0.7)), ZeroPredictor())
    )

    def distance(penalty):
        others = np.asarray(compiled_predictions(Ridge(jnp.asarray(penalty)), prompts))
        return relative_distance(predictions, others)

    assert nearest_penalty(distance, 0.01, 100.0) == pytest.approx(0.7, rel=1e-4)
    assert nearest_penalty(distance, 1.0, 100.0) == pytest.approx(1.0, rel=1e-3)
    assert np.isnan(nearest_penalty(lambda penalty: np.nan, 1.0, 100.0))
    assert relative_distance(predictions, nothing) == 1
    assert relative_distance(predictions, 3 * predictions) == pytest.approx(2, rel=1e-12)


def test_the_claims_are_judged_by_the_worst_level():
    """Two levels of penalties 1/4 and 2, two seeds; the first seed is at all of its own numbers."""
    per_seed = {name: np.full((2, 2), 0.1) for name in PenaltyFit._fields[:-1]}
    per_seed["penalty"] = np.array([[0.25, 0.5], [2.0, 1.6]])
    per_seed["to_least_squares"] = np.array([[0.5, 0.4], [1.0, 0.2]])
    per_seed["to_penalties"] = np.array([[[0.1, 0.2], [0.1, 0.05]], [[0.4, 0.1], [0.2, 0.1]]])
    fits = PenaltyFit(**per_seed, bayes_loss=np.array([0.1, 0.2]))
    found = readings(Summary(((0.25, 1.0), (1.0, 0.5)), (0.1, 10.0), fits))
    for claim, expected in {
        "penalty": [1, 2],
        "distance": [0.1, 0.1],
        "own": [0.5, 2],
        "least-squares": [0.2, 0.5],
    }.items():
        np.testing.assert_allclose(found[claim], expected, rtol=1e-12)
    np.testing.assert_allclose(found["loss / loss of the Bayes ridge, s^2 = 1, tau^2 = 0.5"], [0.5, 0.5])
