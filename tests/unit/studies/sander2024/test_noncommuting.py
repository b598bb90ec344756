"""The best layer of scalar blocks: its terms, their moments, what flips sign with every second state, and its loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.augmented import ScalarAugmentedLayer
from mesascope.prompt import Sequence
from mesascope.random import VALIDATION_SEED, data_key
from mesascope.stats import Estimate
from mesascope.studies.sander2024.noncommuting.cells import LawTerms, LayerReadings, both_terms, least_squares
from mesascope.studies.sander2024.noncommuting.readings import HAAR, Law, Summary, at_every_law, readings
from mesascope.studies.sander2024.noncommuting.six_scalars import (
    SixScalars,
    SixScalarsCell,
    as_layer,
    both_signs,
    eight_terms,
    sampled,
    two_terms,
)
from mesascope.study.cell import Workspace
from mesascope.tasks.haar import HaarProcess, TurnedRotationProcess
from mesascope.tasks.initial_state import Sphere
from mesascope.theory.best_product import best_product

Z = 5
NUM_SEQUENCES = 4000
PROCESS = HaarProcess(9, 4, Sphere())
LAYER = ScalarAugmentedLayer(4, jnp.array([0.3, 0.5, -0.2, 0.4]), jnp.array([0.7, -0.6]))
TOLERANCE = 1e-5  # of float32 sums


def coefficients(layer):
    return np.outer(layer.values, layer.scores)


def unit_states():
    states = np.random.default_rng(0).normal(size=(9, 4))
    return jax.device_put(states / np.linalg.norm(states, axis=1, keepdims=True))


def flipped(states):
    return states * (-1.0) ** np.arange(len(states))[:, None]


def test_the_terms_add_up_to_the_layer():
    @jax.jit
    def found(states):
        sequence = Sequence(states)
        return eight_terms(sequence), LAYER.next_states(sequence)[1:-1], both_terms(sequence)

    terms, predicted, two = found(unit_states())
    together = np.einsum("ij,ijtd->td", coefficients(LAYER), terms)
    np.testing.assert_allclose(together, predicted, atol=TOLERANCE)
    np.testing.assert_allclose(np.asarray(terms)[0, 1:3], two, atol=TOLERANCE)


@pytest.fixture(scope="module")
def moments():
    """Those of sequences of the process."""
    return sampled(PROCESS, NUM_SEQUENCES, 500)


@pytest.fixture(scope="module")
def sequences_and_losses():
    """The same sequences, and the layer's squared error on each."""

    @jax.jit
    def drawn():
        keys = jax.random.split(data_key(jax.random.key(VALIDATION_SEED - 1)), NUM_SEQUENCES)
        sequences = jax.vmap(PROCESS.sample)(keys)
        errors = jax.vmap(LAYER.next_states)(sequences)[:, 1:-1] - sequences.states[:, 2:]
        return sequences, jnp.mean(jnp.sum(errors**2, axis=2), axis=1)

    return drawn()


def test_moments_give_every_sequences_loss(moments, sequences_and_losses):
    np.testing.assert_allclose(moments.losses(coefficients(LAYER)), sequences_and_losses[1], rtol=1e-4)


def test_every_second_state_negated_negates_a1_a4_and_b2():
    mirrored = ScalarAugmentedLayer(4, jnp.array([-0.3, 0.5, -0.2, -0.4]), jnp.array([0.7, 0.6]))

    @jax.jit
    def both(states):
        return mirrored.next_states(Sequence(flipped(states))), LAYER.next_states(Sequence(states))

    of_flipped, plain = map(np.asarray, both(unit_states()))
    np.testing.assert_allclose(of_flipped, -flipped(plain), atol=TOLERANCE)  # row T is of s_{T+1}


def turned(turning):
    """The moments of sequences on planes turned so much."""
    return sampled(TurnedRotationProcess(17, 4, Sphere(), turning=turning), 6000, 500)


@pytest.mark.parametrize("of", ["haar", "turned"])
def test_odd_products_average_to_zero(of, moments):
    """Those that `both_signs` leaves out; it keeps all others."""
    found = moments if of == "haar" else turned(0.3)
    kept = both_signs(found)
    for name in ("gram", "overlap"):
        of_all, of_kept = getattr(found, name), getattr(kept, name)
        out = np.all(of_kept == 0, axis=0)
        assert 0 < out.mean() <= 0.6
        np.testing.assert_array_equal(of_all[:, ~out], of_kept[:, ~out])
        error = of_all[:, out].std(axis=0) / len(of_all) ** 0.5
        assert (np.abs(of_all[:, out].mean(axis=0)) <= Z * error).all()


def test_six_scalars_do_better_than_two_terms_on_turned_planes_and_no_neighbour_does():
    process = TurnedRotationProcess(17, 4, Sphere(), turning=0.0)
    found = SixScalars(**SixScalarsCell(process, 100, 3000).compute(Workspace()))
    gain, low, high = found.gain
    assert low <= gain <= high
    assert gain == pytest.approx(0.0085, abs=Z * (high - low) / 4)  # at a sample thirty times as large
    ridge, low, high = found.ridge
    assert -gain < low <= ridge <= high < 0
    gram, overlap = both_signs(turned(0.0)).halves()[0].of_all()
    best = as_layer(best_product(gram, overlap), 4)

    def loss(layer):
        product = coefficients(layer)
        return 1 - 2 * np.sum(product * overlap) + np.einsum("ij,ijkl,kl", product, gram, product)

    least, rng = loss(best), np.random.default_rng(0)
    assert found.profile.min() == pytest.approx(least, abs=2e-5)
    for shift in 0.02 * rng.normal(size=(20, 6)):
        assert loss(ScalarAugmentedLayer(4, best.scores + shift[:4], best.values + shift[4:])) > least


def test_two_terms_are_those_of_least_squares(moments, sequences_and_losses):
    gram, overlap = moments.of_all()
    _, _, loss, known = least_squares(sequences_and_losses[0])
    two = two_terms(gram, overlap)
    np.testing.assert_allclose(two[0, 1:3], known, rtol=1e-3)
    assert np.count_nonzero(two) == 2
    assert 1 - np.sum(two * overlap) == pytest.approx(float(loss), abs=1e-5)


ONES, SMALL, ESTIMATE = np.ones(2), np.array([0.0, 0.01]), np.array([0.1, 0.05, 0.15])
TERMS = LawTerms(np.ones(()), np.ones(()), np.array([1.0, -0.1]))
LAYERS = LayerReadings(ONES, SMALL, ONES, -0.1 * ONES, SMALL)
SIX = SixScalars(*map(np.asarray, (0.0, 1.0, 0.0, 1.0, -0.1, 0.0)), ESTIMATE, ESTIMATE, ONES, ONES, np.ones(()))


def law(dense=LAYERS, scalar=LAYERS, **changes):
    """What two seeds of both kinds of layers found, as one would have it but for the changes."""
    return Law(TERMS, SIX._replace(**changes), {"dense": dense, "scalar": scalar})


def test_at_every_law_the_worst_law_counts():
    scalar = LAYERS._replace(loss=np.array([1.0, 1.2]), second=np.array([-0.1, 0.05]))
    turned = law(dense=LAYERS._replace(rest=np.array([9.0, 0])), scalar=scalar)
    untrained = Law(TERMS, SIX, {})
    found = at_every_law({"tau = 0": law(), "tau = 1": turned, "tau = 2": untrained, HAAR: law()})
    np.testing.assert_allclose(found["optimum"], [0, 0.2])
    np.testing.assert_allclose(found["best-ratio"], [0, 1.5])
    np.testing.assert_allclose(found["scalar-ratio"], [0, 1.5])
    np.testing.assert_allclose(found["dense-rest"], [9, 0.01])
    np.testing.assert_allclose(found["scalar-rest"], [0, 0.01])


def test_on_haar_dynamics_no_ratio_is_held_to_the_best():
    found = at_every_law({"tau = 0": law(), HAAR: law(scalar=LAYERS._replace(second=np.array([0.3, 0.3])))})
    np.testing.assert_allclose(found["best-ratio"], 0, atol=1e-12)
    np.testing.assert_allclose(found["scalar-ratio"], 4)


def test_gains_are_those_of_the_first_law_and_of_haars():
    haar = law(gain=np.array([0.2, 0.1, 0.3]), ridge=np.array([0.4, 0.3, 0.5]))
    laws = {"tau = 0": law(), "tau = 1": law(gain=np.zeros(3)), HAAR: haar}
    found = readings(Summary(laws, (TERMS, TERMS._replace(one=np.array(1.5)))))
    assert found["gain"] == Estimate(0.1, 0.05, 0.15)
    assert found["haar-gain"] == Estimate(0.2, 0.1, 0.3)
    assert found["haar-ridge"] == Estimate(0.4, 0.3, 0.5)
    assert found["fixed"] == pytest.approx(0.5)
    assert found["invariant"] == 0
