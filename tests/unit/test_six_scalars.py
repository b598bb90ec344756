"""The best layer of scalar blocks: its terms, their moments, what flips sign with every second state, and its loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.augmented import ScalarAugmentedLayer
from mesascope.prompt import Sequence
from mesascope.stats import Estimate
from mesascope.studies.sander2024.noncommuting import six_scalars as six
from mesascope.studies.sander2024.noncommuting.cells import both_terms, least_squares
from mesascope.studies.sander2024.noncommuting.laws import HAAR, laws
from mesascope.studies.sander2024.noncommuting.readings import at_every_law, readings
from mesascope.tasks.haar import HaarProcess, TurnedRotations
from mesascope.tasks.initial_state import Sphere

Z = 5
PROCESS = HaarProcess(9, 4, Sphere())
LAYER = ScalarAugmentedLayer(4, jnp.array([0.3, 0.5, -0.2, 0.4]), jnp.array([0.7, -0.6]))
TOLERANCE = 1e-5  # of float32 sums


def coefficients(layer):
    return np.outer(layer.values, layer.scores)


def flipped(states):
    return states * (-1.0) ** np.arange(len(states))[:, None]


def test_the_terms_add_up_to_the_layer():
    sequence = PROCESS.sample(jax.random.key(0))
    terms = six.eight_terms(sequence)
    together = np.einsum("ij,ijtd->td", coefficients(LAYER), terms)
    np.testing.assert_allclose(together, LAYER.next_states(sequence)[1:-1], atol=TOLERANCE)
    for term, known in zip(terms[0, 1:3], both_terms(sequence), strict=True):
        np.testing.assert_allclose(term, known, atol=TOLERANCE)


def test_moments_give_every_sequences_loss():
    moments = six.sampled(PROCESS, 7)
    keys = jax.random.split(six.data_key(jax.random.key(six.VALIDATION_SEED - 1)), 7)
    for key, loss in zip(keys, moments.losses(coefficients(LAYER)), strict=True):
        sequence = PROCESS.sample(key)
        errors = LAYER.next_states(sequence)[1:-1] - sequence.states[2:]
        assert loss == pytest.approx(float(jnp.mean(jnp.sum(errors**2, axis=1))), rel=1e-4)


def test_every_second_state_negated_negates_a1_a4_and_b2():
    sequence = PROCESS.sample(jax.random.key(1))
    mirrored = ScalarAugmentedLayer(4, LAYER.scores * jnp.array([-1.0, 1, 1, -1]), LAYER.values * jnp.array([1.0, -1]))
    of_flipped = mirrored.next_states(Sequence(flipped(sequence.states)))
    np.testing.assert_allclose(of_flipped, -flipped(LAYER.next_states(sequence)), atol=TOLERANCE)  # row T is of s_{T+1}


@pytest.mark.parametrize("process", laws(9, 4, (0.0, 0.3)).values())
def test_odd_products_average_to_zero(process):
    """Those that `both_signs` leaves out; it keeps all others."""
    moments = six.sampled(process, 4000)
    kept = six.both_signs(moments)
    for name in ("gram", "overlap"):
        of_all, of_kept = getattr(moments, name), getattr(kept, name)
        out = np.all(of_kept == 0, axis=0)
        assert 0 < out.mean() <= 0.6
        np.testing.assert_array_equal(of_all[:, ~out], of_kept[:, ~out])
        error = of_all[:, out].std(axis=0) / len(of_all) ** 0.5
        assert (np.abs(of_all[:, out].mean(axis=0)) <= Z * error).all()


def test_six_scalars_do_better_than_two_terms_on_turned_planes_and_no_neighbour_does():
    process = TurnedRotations(17, 4, Sphere(), turning=0.0)
    best, found = six.six_scalars(process, 3000)
    gain, low, high = found["gain"]
    assert low <= gain <= high
    assert gain == pytest.approx(0.0085, abs=Z * (high - low) / 4)  # at a sample thirty times as large
    ridge, low, high = found["ridge"]
    assert -gain < low <= ridge <= high < 0
    gram, overlap = six.both_signs(six.sampled(process, 6000)).half(second=False).of_all()

    def loss(layer):
        product = coefficients(layer)
        return 1 - 2 * np.sum(product * overlap) + np.einsum("ij,ijkl,kl", product, gram, product)

    least, rng = loss(best), np.random.default_rng(0)
    assert found["profile"].min() == pytest.approx(least, abs=2e-5)
    for shift in 0.02 * rng.normal(size=(20, 6)):
        assert loss(ScalarAugmentedLayer(4, best.scores + shift[:4], best.values + shift[4:])) > least


def test_two_terms_are_those_of_least_squares():
    moments = six.sampled(PROCESS, 2000)
    gram, overlap = moments.of_all()
    keys = jax.random.split(six.data_key(jax.random.key(six.VALIDATION_SEED - 1)), 2000)
    _, known = least_squares(jax.vmap(PROCESS.sample)(keys))
    two = six.two_terms(gram, overlap)
    np.testing.assert_allclose(two[0, 1:3], known["two_coefficients"], rtol=1e-3)
    assert np.count_nonzero(two) == 2
    assert 1 - np.sum(two * overlap) == pytest.approx(float(known["two"]), abs=1e-5)


def law(**changes):
    """Readings of two seeds of both kinds of layers, all as one would have them but for the changes."""
    ones, small = np.ones(2), np.array([0.0, 0.01])
    found = {"one": 1.0, "two": 1.0, "ratio": -0.1, "six_loss": 1.0, "six_first": 1.0, "six_second": -0.1}
    for kind in ("dense", "scalar"):
        each = {"loss": ones, "distance": small, "first": ones, "second": -0.1 * ones, "rest": small}
        found |= {f"{kind}_{name}": value for name, value in each.items()}
    interval = np.array([0.1, 0.05, 0.15])
    return {
        name: np.asarray(value) for name, value in {**found, "gain": interval, "ridge": interval, **changes}.items()
    }


def test_at_every_law_the_worst_law_counts():
    turned = law(scalar_loss=np.array([1.0, 1.2]), scalar_second=np.array([-0.1, 0.05]), dense_rest=np.array([9.0, 0]))
    found = at_every_law({"tau = 0": law(), "tau = 1": turned, "tau = 2": {"one": np.ones(())}, HAAR: law()})
    np.testing.assert_allclose(found["optimum"], [0, 0.2])
    np.testing.assert_allclose(found["best-ratio"], [0, 1.5])
    np.testing.assert_allclose(found["scalar-ratio"], [0, 1.5])
    np.testing.assert_allclose(found["dense-rest"], [9, 0.01])
    np.testing.assert_allclose(found["scalar-rest"], [0, 0.01])


def test_on_haar_dynamics_no_ratio_is_held_to_the_best():
    found = at_every_law({"tau = 0": law(), HAAR: law(scalar_second=np.array([0.3, 0.3]))})
    np.testing.assert_allclose(found["best-ratio"], 0, atol=1e-12)
    np.testing.assert_allclose(found["scalar-ratio"], 4)


def test_gains_are_those_of_the_first_law_and_of_haars():
    haar = law(gain=np.array([0.2, 0.1, 0.3]), ridge=np.array([0.4, 0.3, 0.5]))
    found = readings({"tau = 0": law(), "tau = 1": law(gain=np.zeros(3)), HAAR: haar}, [law(), law(one=1.5)])
    assert found["gain"] == Estimate(0.1, 0.05, 0.15)
    assert found["haar-gain"] == Estimate(0.2, 0.1, 0.3)
    assert found["haar-ridge"] == Estimate(0.4, 0.3, 0.5)
    assert found["fixed"] == pytest.approx(0.5)
