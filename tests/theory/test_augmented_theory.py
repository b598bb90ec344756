"""The loss of the layer on augmented tokens against simulated sequences, and its minimum against free optimisers."""

import jax
import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from mesascope.theory.augmented import AugmentedWeights, layer_losses, one_step_losses, one_step_optimum

Z = 5
EPS = np.finfo(np.float64).eps
losses_of = jax.jit(layer_losses, static_argnums=1)


def simulated(weights, dim, num_steps, num_samples=40_000, seed=0):
    """Squared errors [samples, steps] of the layer written out: tokens, scores and values one by one."""
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, (num_samples, 1, dim))
    states = np.exp(1j * angles * np.arange(num_steps + 2)[None, :, None])
    before = np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    errors = []
    for length in range(2, num_steps + 2):
        query, earlier = states[:, length - 1, None], before[:, length - 1, None]
        keys, earlier_keys = states[:, :length].conj(), before[:, :length].conj()
        a1, a2, a3, a4, b1, b2 = weights
        by_entry = a1 * query * keys + a2 * query * earlier_keys + a3 * earlier * keys + a4 * earlier * earlier_keys
        values = b1 * states[:, :length] + b2 * before[:, :length]
        prediction = np.einsum("btj,bti->bi", by_entry, values)
        errors.append(np.sum(np.abs(prediction - states[:, length]) ** 2, axis=1))
    return np.stack(errors, axis=1)


@pytest.mark.parametrize(("dim", "num_steps"), [(1, 3), (2, 1), (2, 5), (4, 4)])
def test_the_loss_is_the_mean_over_sequences(dim, num_steps):
    rng = np.random.default_rng(dim + num_steps)
    weights = AugmentedWeights(*rng.normal(0, 0.4, (6, dim)))
    errors = simulated(weights, dim, num_steps)
    losses = np.asarray(losses_of(weights, num_steps))
    assert losses.shape == (num_steps,)
    tolerance = Z * errors.std(axis=0, ddof=1) / np.sqrt(len(errors)) + 1e3 * EPS * losses
    assert (np.abs(errors.mean(axis=0) - losses) <= tolerance).all()


def test_one_step_is_the_layer_that_reads_pairs():
    """a2 = c 1 and b1 = 1, all else zero, have the losses of one gradient step."""
    zero, one = np.zeros(4), np.ones(4)
    weights = AugmentedWeights(zero, 0.2 * one, zero, zero, one, zero)
    one_step = jax.jit(one_step_losses, static_argnums=(1, 2))(0.2, 4, 4)
    np.testing.assert_allclose(losses_of(weights, 4), one_step, rtol=1e3 * EPS)


@pytest.mark.parametrize(("dim", "num_steps"), [(1, 5), (3, 5), (5, 19), (10, 49)])
def test_the_best_coefficient_is_the_minimiser(dim, num_steps):
    best = one_step_optimum(dim, num_steps)
    total = jax.jit(lambda c: one_step_losses(c, dim, num_steps).sum())
    found = minimize_scalar(lambda c: float(total(c)), bracket=(0.0, 1.0), tol=1e-12)
    assert best.coefficient == pytest.approx(found.x, rel=1e-6)  # a parabola's vertex, to the root of eps
    assert best.loss == pytest.approx(found.fun, rel=1e3 * EPS)


def test_a_free_optimiser_of_all_weights_finds_one_step():
    """BFGS on all 6 d numbers, the best of five starts: a1 = a3 = a4 = b2 = 0 and b1 a2^T = c* sigma sigma^T."""
    dim, num_steps = 3, 4

    @jax.jit
    @jax.value_and_grad
    def total(flat):
        return layer_losses(AugmentedWeights(*flat.reshape(6, dim)), num_steps).sum()

    rng = np.random.default_rng(0)
    found = [minimize(total, rng.normal(0, 0.5, 6 * dim), jac=True, method="BFGS", tol=1e-10) for _ in range(5)]
    best = min(found, key=lambda each: each.fun)
    optimum = one_step_optimum(dim, num_steps)
    assert best.fun == pytest.approx(optimum.loss, rel=1e-9)
    a1, a2, a3, a4, b1, b2 = best.x.reshape(6, dim)
    signs = np.sign(a2)
    np.testing.assert_allclose(np.outer(b1, a2), optimum.coefficient * np.outer(signs, signs), rtol=1e-4)
    scale = np.abs(a2).max()
    for zero in (a1, a3, a4, b2 * scale / np.abs(b1).max()):
        np.testing.assert_allclose(zero, 0, atol=1e-4 * scale)


def test_a_long_sequence_loses_a_quarter_a_step_and_coordinate():
    assert one_step_optimum(5, 10_000).loss / (5 * 10_000) == pytest.approx(0.25, abs=1e-3)


def test_signs_change_no_loss_where_all_else_is_zero():
    """b1 and a2 flipped in one coordinate: the same losses, in the closed form and in its simulation."""
    rng = np.random.default_rng(0)
    a1, a2, b1 = rng.normal(0, 0.4, (3, 4))
    signs, zero = np.array([1.0, -1.0, 1.0, 1.0]), np.zeros(4)
    plain = AugmentedWeights(a1, a2, zero, -a1, b1, zero)
    flipped = AugmentedWeights(a1, signs * a2, zero, -a1, signs * b1, zero)
    first, second = (np.asarray(losses_of(weights, 4)) for weights in (plain, flipped))
    np.testing.assert_allclose(second, first, rtol=1e3 * EPS)
    errors = simulated(flipped, 4, 4)
    assert (np.abs(errors.mean(axis=0) - first) <= Z * errors.std(axis=0, ddof=1) / np.sqrt(len(errors))).all()
