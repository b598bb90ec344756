"""The best outer product of coefficients against free optimisers, and where it is known."""

import numpy as np
import pytest
from scipy.optimize import minimize

from mesascope.theory.best_product import best_product, best_right

ROOT_EPS = np.finfo(np.float64).eps ** 0.5


def moments(seed, num_right, num_samples=50):
    """G [2 n 2 n] and h [2 n] of random terms and a random target of mean square 1."""
    rng = np.random.default_rng(seed)
    terms, target = rng.normal(size=(num_samples, 2, num_right)), rng.normal(size=num_samples)
    target += terms[:, 0, 0] - 0.7 * terms[:, 1, 1]
    target /= np.sqrt(np.mean(target**2))
    return np.einsum("sij,skl->ijkl", terms, terms) / num_samples, np.einsum("sij,s->ij", terms, target) / num_samples


def loss(parameters, gram, overlap):
    product = np.outer(parameters[:2], parameters[2:])
    return 1 - 2 * np.sum(product * overlap) + np.einsum("ij,ijkl,kl", product, gram, product)


@pytest.mark.parametrize(("seed", "num_right"), [(0, 2), (1, 3), (2, 4), (3, 4)])
def test_no_free_optimiser_does_better(seed, num_right):
    """BFGS on all entries of b and a, the best of twenty starts."""
    gram, overlap = moments(seed, num_right)
    starts = np.random.default_rng(seed).normal(size=(20, 2 + num_right))
    free = min((minimize(loss, start, args=(gram, overlap), tol=1e-10) for start in starts), key=lambda each: each.fun)
    best = best_product(gram, overlap)
    assert best.loss == pytest.approx(free.fun, abs=ROOT_EPS)
    assert best.loss == pytest.approx(loss(np.concatenate([best.left, best.right]), gram, overlap), abs=ROOT_EPS)
    product = np.outer(free.x[:2], free.x[2:])
    np.testing.assert_allclose(np.outer(best.left, best.right), product, atol=1e-4)  # flat where the loss is least


def test_a_target_of_that_form_is_found():
    gram, _ = moments(4, 4)
    product = np.outer([0.6, -0.8], [1.0, 2.0, 0.0, -1.0])
    overlap = np.einsum("ijkl,kl->ij", gram, product)
    best = best_product(gram, overlap)
    np.testing.assert_allclose(np.outer(best.left, best.right), product, atol=ROOT_EPS)


def test_terms_that_are_the_same_are_one():
    """Where two terms are equal any split of their coefficient is as good, and the least loss is that of one."""
    gram, overlap = moments(5, 3)
    again = [0, 1, 2, 2]
    twice = best_product(gram[:, again][..., again], overlap[:, again])
    assert twice.loss == pytest.approx(best_product(gram, overlap).loss, abs=ROOT_EPS)


def test_the_best_right_is_least_squares_for_every_left():
    gram, overlap = moments(6, 4)
    left = np.array([[1.0, 0.0], [0.0, 2.0]])
    right, losses = best_right(gram, overlap, left)
    np.testing.assert_allclose(right[0], np.linalg.solve(gram[0, :, 0], overlap[0]))
    np.testing.assert_allclose(2 * right[1], np.linalg.solve(gram[1, :, 1], overlap[1]))
    np.testing.assert_allclose(losses[0], 1 - overlap[0] @ right[0])
