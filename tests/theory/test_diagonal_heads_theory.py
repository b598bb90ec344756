"""The losses of diagonal heads against simulated sequences, their minima against constructions and free optimisers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from mesascope.theory.diagonal_heads import orthogonal_floor, orthogonal_losses, unitary_floor, unitary_losses
from oracles.paired_heads import orthogonal_approach, orthogonal_solution

Z = 5  # every statistical comparison: fixed seed, five standard errors
EPS = np.finfo(np.float64).eps
LOSSES = {"unitary": jax.jit(unitary_losses), "orthogonal": jax.jit(orthogonal_losses)}


def phases(law, rng, num_samples, dim):
    if law == "unitary":
        return rng.uniform(0, 2 * np.pi, (num_samples, dim))
    half = rng.uniform(0, 2 * np.pi, (num_samples, dim // 2))
    return np.stack([half, -half], axis=-1).reshape(num_samples, dim)


def simulated(law, mixing, weights, num_samples=40_000, seed=0):
    """Squared errors [samples, T - 1] of the layer written out: states, scores, values, position by position."""
    dim, angles = len(mixing), phases(law, np.random.default_rng(seed), num_samples, len(mixing))
    states = np.exp(1j * angles[:, None, :] * np.arange(len(weights) + 2)[None, :, None])
    errors = []
    for query in range(len(weights)):
        length = query + 2
        seen = states[:, :length]
        scores = np.einsum("ij,bj,btj->bti", mixing, states[:, query].conj(), seen)
        prediction = np.einsum("t,bti,bti->bi", weights[query, :length], scores, seen)
        errors.append(np.sum(np.abs(prediction - states[:, length]) ** 2, axis=1))
    assert dim == states.shape[-1]
    return np.stack(errors, axis=1)


@pytest.mark.parametrize("law", LOSSES)
@pytest.mark.parametrize(("dim", "num_queries"), [(2, 1), (4, 1), (4, 4), (6, 3)])
def test_the_loss_is_the_mean_over_sequences(law, dim, num_queries):
    rng = np.random.default_rng(dim + num_queries)
    mixing, weights = rng.normal(0, 0.5, (dim, dim)), rng.normal(0, 0.5, (num_queries, num_queries + 2))
    errors = simulated(law, mixing, weights)
    deviation = errors.mean(axis=0) - np.asarray(LOSSES[law](mixing, weights))
    assert (np.abs(deviation) <= Z * errors.std(axis=0, ddof=1) / np.sqrt(len(errors))).all()


def test_weights_ahead_of_the_present_do_not_count():
    mixing, weights = np.eye(4), np.random.default_rng(0).normal(size=(4, 6))
    ahead = np.triu(np.ones((4, 6)), 2)
    for losses in LOSSES.values():
        np.testing.assert_array_equal(losses(mixing, weights), losses(mixing, weights + ahead))


@pytest.mark.parametrize("ratio", [0.0, -0.5, -0.25, 0.7])
def test_the_family_of_solutions_has_no_loss_and_the_rank_it_should(ratio):
    mixing = orthogonal_solution(6, ratio)
    weights = np.array([[ratio, 1.0, 9.0], [0.0, ratio, 1.0]])
    losses = LOSSES["orthogonal"](2.0 * mixing, weights / 2.0)
    np.testing.assert_allclose(losses, 0, atol=1e3 * EPS)
    assert np.linalg.matrix_rank(mixing) == (3 if ratio == -0.5 else 6)
    alone = LOSSES["unitary"](mixing, weights)
    assert (np.asarray(alone) > 0.1).all() == (ratio != 0)


@pytest.mark.parametrize("newest", [0.5, 0.1, 1e-3])
def test_positive_weights_approach_no_loss_with_one_head_more_than_pairs(newest):
    mixing, ratio = orthogonal_approach(6, newest), (1 - newest) / newest
    weights = np.array([[1 - newest, newest, 9.0], [0.0, 1 - newest, newest]])
    losses = LOSSES["orthogonal"](mixing, weights)
    np.testing.assert_allclose(losses, 1 / ratio**2, atol=1e3 * EPS)
    assert np.linalg.matrix_rank(mixing) == 4


@pytest.mark.parametrize(("law", "floor", "dim", "num_heads"), [
    ("unitary", unitary_floor, 4, 2),
    ("unitary", unitary_floor, 3, 3),
    ("orthogonal", orthogonal_floor, 6, 1),
    ("orthogonal", orthogonal_floor, 4, 2),
])  # fmt: skip
def test_the_floor_is_what_a_free_optimiser_finds(law, floor, dim, num_heads):
    """BFGS on A, B and the weights of two positions, best of three starts: within 1e-6 of the floor, never below."""
    sizes = [num_heads * dim, num_heads * dim, 6]

    @jax.jit
    @jax.value_and_grad
    def total(flat):
        a, b, weights = jnp.split(flat, np.cumsum(sizes)[:-1])
        mixing = b.reshape(num_heads, dim).T @ a.reshape(num_heads, dim)
        return LOSSES[law](mixing, weights.reshape(2, 3)).mean()

    rng = np.random.default_rng(1)
    found = [minimize(total, rng.normal(0, 0.5, sum(sizes)), jac=True, method="BFGS").fun for _ in range(3)]
    assert min(found) == pytest.approx(floor(dim, num_heads), abs=1e-6)


def test_with_a_head_a_pair_positive_weights_lose():
    """BFGS on A, B and the logarithms of weights, d = 2, one head: four starts find the same loss, above .5 of 2."""

    @jax.jit
    @jax.value_and_grad
    def total(flat):
        weights = jnp.exp(flat[4:]).reshape(2, 3)
        return orthogonal_losses(jnp.outer(flat[:2], flat[2:4]), weights).mean()

    starts = np.random.default_rng(1).normal(size=(4, 10))
    found = [minimize(total, start, jac=True, method="BFGS").fun for start in starts]
    assert min(found) > 0.5
    assert max(found) < 1.01 * min(found)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: LOSSES["orthogonal"](np.eye(3), np.ones((1, 2))), "`mixing` must have an even dimension"),
    (lambda: orthogonal_floor(5, 2), "`dim` must have an even dimension"),
    (lambda: unitary_floor(5, 0), "`num_heads` must be an integer of at least 1; got 0"),
    (lambda: LOSSES["unitary"](np.eye(2), np.ones((2, 2))), "one column more; got shape"),
])  # fmt: skip
def test_what_has_no_loss_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
