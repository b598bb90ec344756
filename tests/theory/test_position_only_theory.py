"""What position weights learn: moments against simulation, descent against its recursion, limits of smooth phases."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import optimize

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_only import PositionOnlyLayer
from mesascope.models.position_weights import LearnedWeights
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.position_only import descent, loss, moment_matrix, smoothest, spectrum
from oracles.position_descent import descent_losses, steps_to

EPS = np.finfo(np.float64).eps


@pytest.mark.parametrize("mu", [1.0, 3.0, 7.5, 50.0])
def test_the_loss_is_the_mean_over_phases(mu):
    """The mean over 10^5 equidistant phases: the midpoint rule of a smooth function, to 1e-6."""
    theta = 2 * np.pi * (np.arange(100_000) + 0.5) / 100_000
    weights = np.random.default_rng(0).normal(0, 0.5, 6)
    powers = np.exp(1j * theta[:, None] / mu * (2 * np.arange(1, 7) - 6))
    errors = np.abs(powers @ weights - np.exp(6j * theta / mu)) ** 2
    np.testing.assert_allclose(loss(weights, mu), errors.mean(), rtol=1e-6)


@jax.jit
def layer_and_heads(weights, mu, key):
    """What both predict on sequences: the layer is the heads whose C is the identity."""
    sequences = UnitaryProcess(7, 3, mu=mu).sample_batch(key, 40_000)
    positions = LearnedWeights(weights)
    models = PositionOnlyLayer(positions), DiagonalHeads(jnp.eye(3), jnp.eye(3), positions)
    return sequences.states, *(jax.vmap(model.next_states)(sequences) for model in models)


@pytest.mark.parametrize("mu", [1.0, 20.0])
def test_the_loss_is_the_layers_on_sequences(mu):
    """Five standard errors."""
    weights = np.random.default_rng(0).normal(0, 0.5, (7, 7))
    states, predictions, of_heads = map(np.asarray, layer_and_heads(weights, mu, jax.random.key(1)))
    np.testing.assert_allclose(predictions, of_heads, atol=1e3 * EPS)
    errors = np.mean(np.abs(predictions[:, 1:-1] - states[:, 2:]) ** 2, axis=2)
    expected = [loss(weights[row, : row + 2], mu) for row in range(5)]
    deviation = errors.mean(axis=0) - expected
    assert (np.abs(deviation) <= 5 * errors.std(axis=0, ddof=1) / np.sqrt(len(errors))).all()


@pytest.mark.parametrize("mu", [3.0, 7.5])
def test_a_free_optimiser_ends_where_the_law_says(mu):
    """The least loss is zero; where H can be inverted in floats, at the newest state alone."""
    found = optimize.minimize(loss, np.zeros(5), args=(mu,), method="BFGS", options={"gtol": 1e-12})
    assert abs(found.fun) < 1e-9
    np.testing.assert_allclose(found.x, np.eye(5)[-1], atol=1e-3)


@pytest.mark.parametrize("mu", [1.0, 2.0, 4.0])
def test_some_laws_make_all_positions_alike(mu):
    np.testing.assert_allclose(moment_matrix(9, mu), np.eye(9), atol=1e3 * EPS)


@pytest.mark.parametrize("mu", [2.0, 50.0, 1e4])
def test_the_last_position_alone_is_a_minimum_for_every_law(mu):
    assert abs(float(loss(np.eye(30)[-1], mu))) <= 1e3 * EPS


@pytest.mark.parametrize("mu", [1.0, 20.0, 300.0])
def test_descent_is_its_recursion(mu):
    moments, weights = moment_matrix(12, mu), np.zeros(12)
    for _ in range(40):
        weights = weights - 2 * 0.02 * (moments @ weights - moments[:, -1])
    np.testing.assert_allclose(descent(12, mu, 0.02, np.array([0, 40])), [np.zeros(12), weights], atol=1e-12)


@pytest.mark.parametrize(("mu", "rate"), [(1.0, 0.02), (20.0, 0.02), (1000.0, 0.06)])
def test_losses_on_the_way_are_those_of_the_weights(mu, rate):
    """The largest rate overshoots in the first direction, 2 rate l > 1."""
    steps = np.array([0, 1, 2, 7, 50])
    expected = loss(descent(12, mu, rate, steps), mu)
    np.testing.assert_allclose(descent_losses(12, mu, rate, steps), expected, rtol=0, atol=1e3 * EPS)


def test_losses_from_any_start_are_those_of_the_recursion():
    moments, starts = moment_matrix(12, 20.0), np.random.default_rng(1).normal(0, 0.3, (2, 12))
    weights = starts.copy()
    for _ in range(40):
        weights = weights - 2 * 0.02 * (weights @ moments - moments[-1])
    found = descent_losses(12, 20.0, 0.02, np.array([0, 40]), starts)
    np.testing.assert_allclose(found, np.stack([loss(starts, 20.0), loss(weights, 20.0)], axis=1), rtol=1e-12)


def test_steps_to_a_loss_are_the_first_that_reach_it():
    """For independent positions the loss is (1 - 2 rate)^(2k): below 0.01 at k = 57 for a rate of 0.02."""
    assert steps_to(0.01, 5, 2.0, 0.02, 100) == np.ceil(np.log(0.01) / (2 * np.log(0.96)))
    assert [steps_to(tolerance, 5, 2.0, 0.02, 9) for tolerance in (2.0, 0.999, 1e-9)] == [0, 1, 9]


def test_concentrated_phases_leave_the_least_curved_weights():
    """At mu = 10^4 after 10^5 steps two moments are learned: within 0.01 of 1/T + 6 (t - (T + 1)/2) / (T (T + 1))."""
    size = 30
    slope = 1 / size + 6 * (np.arange(1, size + 1) - (size + 1) / 2) / (size * (size + 1))
    np.testing.assert_allclose(smoothest(size, 2), slope, atol=1e3 * EPS)
    found = descent(size, 1e4, 0.5 / 29, np.array([100_000]))[0]
    assert np.linalg.norm(found - slope) < 0.01


def test_smooth_weights_predict_polynomials_and_no_more():
    for num_moments in (1, 2, 4, 7):
        weights = smoothest(7, num_moments)
        for degree in range(num_moments):
            assert weights @ np.arange(1.0, 8) ** degree == pytest.approx(7.0**degree, rel=1e6 * EPS)
    np.testing.assert_allclose(smoothest(7, 7), np.eye(7)[-1], atol=1e3 * EPS)
    np.testing.assert_allclose(smoothest(30, 1), 1 / 30, rtol=1e3 * EPS)


def exact_spectrum(size, mu):
    """With 400 decimal digits."""
    with mpmath.workdps(400):
        lags = [mpmath.sincpi(4 * mpmath.mpf(lag) / mpmath.mpf(mu)) for lag in range(size)]
        matrix = mpmath.matrix([[lags[abs(i - j)] for j in range(size)] for i in range(size)])
        return np.array(sorted(map(float, map(mpmath.log10, mpmath.eigsy(matrix, eigvals_only=True))), reverse=True))


@pytest.mark.parametrize(("size", "mu"), [(6, 5.0), (12, 20.0), (9, 1.0), (15, 300.0), (1, 3.0)])
def test_the_spectrum_is_that_of_400_digits(size, mu):
    """Columns of the factor scaled to one are nearly monomials, of condition below 2e6 on 15 positions."""
    np.testing.assert_allclose(spectrum(size, mu), exact_spectrum(size, mu), rtol=0, atol=EPS * 2e6)


def test_the_condition_is_beyond_any_float():
    """At T = 30 and mu = 300, over 115 orders of magnitude; the condition is then below 2e13."""
    found = spectrum(30, 300.0)
    np.testing.assert_allclose(found, exact_spectrum(30, 300.0), rtol=0, atol=EPS * 2e13)
    assert 115 <= np.ptp(found) < 116
    with pytest.raises(ValueError, match="`num_positions` must be at most 35"):
        spectrum(36, 300.0)
