"""The augmented layer's in-context map, and how far trained weights are from the best gradient step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.prompt import Sequence
from mesascope.studies.sander2024.prop2_augmented.cells import LongCell
from mesascope.studies.sander2024.prop2_augmented.weights import in_context_map, read
from mesascope.study.cell import Workspace
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.augmented import one_step_optimum

EPS = np.finfo(np.float64).eps
BEST = one_step_optimum(3, 5).coefficient


def weights_of(size, signs=(1, 1, 1), rest=0.0):
    """What is read of a layer with b1 a2^T = size signs signs^T, and `rest` of it in a1, on 20 sequences of 5 pairs."""
    signs, none = np.array(signs, float), np.zeros(3)
    scores = np.stack([none + rest * size, size * signs, none, none])
    return read(scores[None], np.stack([signs, none])[None], 5, 20)


def test_the_in_context_map_of_an_augmented_layer_predicts(key):
    """Gamma s_T is the layer's prediction; of the proposition's weights Gamma is one gradient step's W."""
    ones, none = np.ones(3), np.zeros(3)
    step = DiagonalAugmentedLayer(jnp.array([none, 0.2 * ones, none, none]), jnp.array([ones, none]))
    query = jnp.array([1.0, 2.0j, -0.5])

    @jax.jit
    def both(key):
        weights_key, sequence_key = jax.random.split(key)
        sequence = UnitaryProcess(6, 3).sample(sequence_key)
        states = sequence.states
        layer = DiagonalAugmentedLayer.initialise(3, std=0.5, key=weights_key)
        prompt = Sequence(jnp.concatenate([states, states[:1]])).prompt(6).with_query(query)
        return (
            (in_context_map(layer, states) @ states[-1], layer.next_states(sequence)[-1]),
            (in_context_map(step, states) @ query, GradientDescent(0.2 * 5)(prompt)),
        )

    for found, expected in both(key):
        np.testing.assert_allclose(found, expected, atol=1e3 * EPS)


def test_a_step_of_another_size_is_as_far_as_its_size_says():
    found = weights_of(0.2)
    far = abs(0.2 / BEST - 1)
    for distance in (found.map_distance, found.gamma_distance, found.unflipped_distance, found.unflipped_gamma):
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


def test_a_step_of_a_long_sequence_loses_what_the_optimum_says():
    losses = LongCell(2, 20, 500, 2, 0).compute(Workspace())["losses"]
    np.testing.assert_allclose(losses, one_step_optimum(2, 20).loss / (2 * 20), rtol=0.2)
