"""What is read of layers on augmented tokens set by hand: how far they are from the best gradient step."""

import numpy as np
import pytest

from mesascope.studies.sander2024.prop2_augmented.cells import ExactLosses
from mesascope.studies.sander2024.prop2_augmented.study import Proposition2, Summary
from mesascope.studies.sander2024.prop2_augmented.weights import LayerWeights, read
from mesascope.theory.augmented import one_step_optimum

BEST = one_step_optimum(3, 5).coefficient


def weights_of(size, signs=(1, 1, 1), rest=0.0):
    """What is read of a layer with b1 a2^T = size signs signs^T, and `rest` of it in a1, on 20 sequences of 5 pairs."""
    signs, none = np.array(signs, float), np.zeros(3)
    scores = np.stack([none + rest * size, size * signs, none, none])
    return read(scores[None], np.stack([signs, none])[None], 5, 20)


def test_a_step_of_another_size_is_as_far_as_its_size_says():
    found = weights_of(0.2)
    far = abs(0.2 / BEST - 1)
    for distance in (found.map_distance, found.unflipped_distance):
        np.testing.assert_allclose(distance, [far], rtol=1e-9)
    np.testing.assert_allclose(found.product, np.full((1, 3, 3), 0.2))


def test_signs_that_differ_are_far_until_they_are_made_equal():
    found = weights_of(BEST, signs=(1, -1, -1))
    assert found.num_flipped == 1
    assert found.map_distance > 0.1
    assert found.unflipped_distance < 1e-9
    np.testing.assert_allclose(found.product[0], BEST * np.outer([1, -1, -1], [1, -1, -1]))


def test_what_is_left_in_other_blocks_is_relative_to_a2():
    assert weights_of(BEST, rest=0.25).rest == pytest.approx(0.25)
    assert weights_of(BEST).rest == 0


def test_the_numbers_of_the_claims():
    """Two seeds, d = 2 and N = 4: the first has signs of both kinds, the second a loss 2% above the best."""
    best = one_step_optimum(2, 4)
    product = best.coefficient * np.array([[[1, -1.02], [-1, 1]], [[0.97, 1], [1, 1]]])
    exact = LayerWeights(product, np.array([1, 0]), np.array([0.1, 0.2]), np.array([0.7, 0.3]), np.array([0.02, 0.3]))
    losses = ExactLosses(np.array([0, 9]), best.loss * np.array([[9.0, 1.0], [9.0, 1.02]]))
    sampled = exact._replace(unflipped_distance=np.array([0.04, 0.05]))
    study = Proposition2.preset("smoke")
    found = study.readings(Summary(losses, exact, sampled))
    assert found["loss"] == pytest.approx([0.0, 0.02], abs=1e-12)
    assert found["product"] == pytest.approx([0.02, 0.03])
    assert found["signs"] == 0.5
    for name, numbers in (
        ("rest", (0.1, 0.2)),
        ("map", (0.7, 0.3)),
        ("map-signs", (0.02, 0.3)),
        ("samples", (0.04, 0.05)),
    ):
        np.testing.assert_array_equal(found[name], numbers)
    lost = exact._replace(rest=np.full(2, np.nan))
    assert np.isnan(study.readings(Summary(losses, lost, sampled))["signs"])
