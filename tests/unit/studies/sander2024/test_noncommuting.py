"""What layers on dynamics that commute or not are compared with, and what is read of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.augmented import AugmentedLayer, ScalarAugmentedLayer
from mesascope.prompt import Sequence
from mesascope.studies import find_study
from mesascope.studies.sander2024.noncommuting.cells import (
    LawCell,
    LawTerms,
    LayerReadings,
    StartedLayersCell,
    both_terms,
    layer_training,
    least_squares,
    read_layer,
)
from mesascope.studies.sander2024.noncommuting.readings import HAAR, STARTED, Law, Summary, readings
from mesascope.study.cell import Workspace
from mesascope.tasks.haar import HaarProcess, TurnedRotationProcess
from mesascope.tasks.initial_state import Sphere
from mesascope.training.config import FitConfig

TOLERANCE = 1e-9
PROCESS = HaarProcess(9, 4, Sphere())
LAYER = ScalarAugmentedLayer(4, jnp.array([0.0, 0.5, -0.2, 0.0]), jnp.array([0.7, 0.0]))


@pytest.fixture(scope="module")
def sequences():
    return jax.jit(lambda key: PROCESS.sample_batch(key, 50))(jax.random.key(0))


def test_the_terms_are_the_layer_of_a2_a3_and_b1(sequences):
    @jax.jit
    def found(sequence):
        step, second = both_terms(sequence)
        return 0.7 * (0.5 * step - 0.2 * second), LAYER.next_states(sequence)[1:-1]

    np.testing.assert_allclose(*found(jax.tree.map(lambda leaf: leaf[0], sequences)), atol=TOLERANCE)


def test_least_squares_is_that_of_numpy_and_the_same_however_sequences_are_turned(sequences):
    """A step's loss knows nothing of the basis of a sequence: with s_1 uniform it is the same for every tau."""
    terms = np.asarray(jax.jit(jax.vmap(both_terms))(sequences)).reshape(2, -1)
    target = np.asarray(sequences.states[:, 2:]).ravel()
    two, left, *_ = np.linalg.lstsq(terms.T, target, rcond=None)
    one = terms[0] @ target / (terms[0] @ terms[0])
    turns = np.linalg.qr(np.random.default_rng(0).normal(size=(50, 4, 4)))[0]
    turned = jax.vmap(Sequence)(jnp.einsum("nij,ntj->nti", turns, sequences.states))
    for each in (sequences, turned):
        step, of_one, of_two, coefficients = least_squares(each)
        np.testing.assert_allclose(coefficients, two, rtol=TOLERANCE)
        assert float(of_two) == pytest.approx(left[0] / (target @ target))
        assert float(of_one) == pytest.approx(np.sum((one * terms[0] - target) ** 2) / (target @ target))
        assert float(jnp.linalg.norm(step)) == pytest.approx(one * np.linalg.norm(terms[0]))


def test_a_layer_is_read_as_what_it_is(sequences):
    """The layer of both terms, and a dense one whose A4 is three times its A2 in norm."""
    step, *_ = least_squares(sequences)
    found = jax.jit(read_layer)(sequences, step, LAYER)
    assert float(found["first"]) == pytest.approx(0.35)
    assert float(found["second"]) == pytest.approx(-0.14)
    assert float(found["rest"]) == 0
    predictions = jax.jit(jax.vmap(LAYER.next_states))(sequences)[:, 1:-1]
    assert float(found["distance"]) == pytest.approx(float(jnp.mean(jnp.sum((predictions - step) ** 2, axis=-1))))
    eye, zero = jnp.eye(4), jnp.zeros((4, 4))
    dense = AugmentedLayer(jnp.block([[zero, zero], [eye, -3 * eye]]), jnp.concatenate([eye, zero], axis=1))
    assert float(jax.jit(read_layer)(sequences, step, dense)["rest"]) == pytest.approx(3)


def test_planes_that_turn_more_commute_less():
    found = [
        LawTerms(**LawCell(TurnedRotationProcess(6, 4, Sphere(), turning=each), 200).compute(Workspace()))
        for each in (0.0, 0.3, 1.0)
    ]
    assert found[0].commutator < 1e-6 < found[1].commutator < found[2].commutator
    assert all(of.two < of.one < 1 for of in found)


def test_dense_layers_start_where_scalar_ones_end():
    """After next to no more training both are read alike, seed by seed."""
    still, moving = FitConfig(1, 8, 1e-9), FitConfig(3, 8, 1e-2)
    scalars = layer_training("scalar", PROCESS, moving, 2, 3)
    with jax.numpy_dtype_promotion("standard"):
        found = LayerReadings(**StartedLayersCell(scalars, still, 50).compute(Workspace()))
        model = scalars.trained(Workspace()).model
    values, scores = np.asarray(model.values), np.asarray(model.scores)
    np.testing.assert_allclose(found.first, values[:, 0] * scores[:, 1], rtol=1e-5)
    np.testing.assert_allclose(found.second, values[:, 0] * scores[:, 2], rtol=1e-5)


ONES, SMALL = np.ones(2), np.array([0.0, 0.01])
TERMS = LawTerms(np.zeros(()), np.ones(()), np.ones(()), np.array([1.0, -0.1]))
LAYERS = LayerReadings(ONES, SMALL, ONES, -0.1 * ONES, SMALL)


def test_readings_of_laws_set_by_hand():
    """Every number is that of its own law and kind of layer, and of scalar layers the worst law counts."""
    commuting = Law(TERMS, {"scalar": LAYERS, STARTED: LAYERS._replace(loss=np.array([0.9, 0.98]))})
    turned = Law(TERMS, {"scalar": LAYERS._replace(rest=np.array([9.0, 0]), distance=np.array([0.0, 0.2]))})
    dense = LAYERS._replace(loss=np.array([1.3, 0.8]), distance=np.array([0.03, 0.04]), second=np.array([0.3, -0.4]))
    haar = Law(
        TERMS._replace(two=np.array(1.25)),
        {"scalar": LAYERS, "dense": dense, STARTED: LAYERS._replace(loss=np.array([0.5, 0.8]))},
    )
    fixed = tuple(TERMS._replace(one=np.array(each)) for each in (1.0, 1.2, 0.7))
    found = readings(Summary({"tau = 0": commuting, "tau = 1": turned, HAAR: haar}, fixed))
    expected = {
        "haar-step": [0.03, 0.04],
        "haar-second": [0.3, 0.4],
        "haar-predicted": [0.04, 0.36],
        "scalar-step": [0, 0.2],
        "scalar-rest": [9, 0.01],
        "scalar": [1, 0.25],
        "planes": [0.9, 0.98],
        "fixed": 0.3,
        "loss of dense from scalar layers, tau = 0": [0.9, 0.98],
    }
    for name, numbers in expected.items():
        np.testing.assert_allclose(found[name], numbers, err_msg=name)


@pytest.mark.parametrize("name", ["turnings", "fixed_turnings"])
def test_turnings_start_where_all_dynamics_commute(name):
    for turnings in ((0.1, 0.3), (0.0, 1.0, 0.3), ()):
        with pytest.raises(ValueError, match=f"`{name}` must start with 0"):
            find_study("sander2024-noncommuting").preset("smoke", **{name: turnings})
