"""The posterior mean over a pool of tasks: against loops, its limits, and ridge regression as the pool grows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.pool_posterior import PoolPosterior
from mesascope.algorithms.ridge import Ridge
from mesascope.candidate import Candidate, Scale
from mesascope.prompt import Prompt

EPS, SINGLE = np.finfo(np.float64).eps, np.finfo(np.float32).eps
N, DX, DY, M = 6, 3, 2, 5
Z = 5


def drawn(seed=0, kind=float):
    """A prompt of four arrays, its labels noisy ones of the pool's second task, and the pool."""
    rng = np.random.default_rng(seed)

    def normals(*shape):
        return rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0)

    pool, xs = normals(M, DY, DX), normals(N, DX)
    return (xs, xs @ pool[1].T + normals(N, DY), normals(DX), normals(DY)), pool


def by_loops(arrays, pool, noise_std):
    """One task, one example and one entry at a time; the likelihoods themselves, no logarithms."""
    xs, ys, *_ = arrays
    likelihoods = []
    for weights in pool:
        likelihood = 1.0
        for x, y in zip(xs, ys, strict=True):
            for row, entry in zip(weights, y, strict=True):
                likelihood *= np.exp(-(abs(entry - np.sum(row * x)) ** 2) / (2 * noise_std**2))
        likelihoods.append(likelihood)
    return sum(p * weights for p, weights in zip(likelihoods, pool, strict=True)) / sum(likelihoods)


def prompt_of(arrays):
    return Prompt(*map(jnp.asarray, arrays))


weights_of = jax.jit(lambda learner, prompt: learner.weights(prompt))


@pytest.mark.parametrize("kind", [float, complex])
def test_it_is_the_sum_of_tasks_weighted_by_their_likelihoods(kind):
    arrays, pool = drawn(kind=kind)
    for noise_std in (0.8, 3.0):
        expected = by_loops(arrays, pool, noise_std)
        found = weights_of(PoolPosterior(jnp.asarray(pool), jnp.asarray(noise_std)), prompt_of(arrays))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS * np.abs(pool).max() / noise_std**2)


def test_much_noise_leaves_the_mean_and_little_the_nearest_task():
    """The mean to the order 1 / noise_std^2: ten times the noise, a hundredth of the distance."""
    arrays, pool = drawn()
    stds = (1e2, 1e3, 1e-3)
    *noisy, sharp = (weights_of(PoolPosterior(jnp.asarray(pool), jnp.asarray(std)), prompt_of(arrays)) for std in stds)
    apart = [np.abs(np.asarray(weights) - pool.mean(axis=0)).max() for weights in noisy]
    np.testing.assert_allclose(apart[0] / apart[1], 100, rtol=0.05)
    errors = [np.sum((arrays[1] - arrays[0] @ weights.T) ** 2) for weights in pool]
    np.testing.assert_allclose(sharp, pool[np.argmin(errors)], rtol=1e3 * EPS)


def test_without_examples_it_is_the_mean_of_the_pool():
    arrays, pool = drawn()
    found = PoolPosterior(jnp.asarray(pool), 0.1).weights(prompt_of(arrays).prefix(0))
    np.testing.assert_allclose(found, pool.mean(axis=0), rtol=0, atol=1e3 * EPS)


def variance_of_means(xs, ys, noise_std):
    """The limit of M times the mean squared distance to ridge regression's weights, of M tasks w ~ N(0, I), dy = 1.

    The delta method for a ratio of means: E p^2 |w - mean|^2 / (E p)^2, with p(w) = exp(-|y - X w|^2 / (2 s^2)). Both
    are Gaussian integrals: p^2 is the likelihood of noise s / sqrt(2).
    """
    moment, product = xs.T @ xs, xs.T @ ys[:, 0]

    def integral(precision):
        """log E p, of noise precision^(-1/2), and the mean and the covariance of w that it leaves."""
        covariance = np.linalg.inv(np.eye(len(moment)) + precision * moment)
        mean = precision * covariance @ product
        exponent = precision * (np.sum(ys**2) - product @ mean)
        return (np.linalg.slogdet(covariance)[1] - exponent) / 2, mean, covariance

    (once, mean, _), (twice, other_mean, covariance) = integral(noise_std**-2), integral(2 * noise_std**-2)
    return np.exp(twice - 2 * once) * (np.trace(covariance) + np.sum((other_mean - mean) ** 2))


def test_a_growing_pool_of_normal_tasks_tends_to_ridge_regression():
    """The mean squared distance is V / M with V in closed form.

    Over 800 pools each of 500 and 8000 tasks. A squared distance of two nearly normal coordinates has a standard
    deviation of at most sqrt(2) times its mean: z = 5 of the mean's standard errors.
    """
    rng = np.random.default_rng(3)
    noise_std, num_pools = 1.0, 800
    xs = rng.normal(size=(4, 2))
    ys = xs @ np.array([[0.5], [-0.5]]) + noise_std * rng.normal(size=(4, 1))
    prompt = prompt_of((xs, ys, np.ones(2), np.zeros(1)))
    ridge, expected = np.asarray(Ridge(noise_std**2).weights(prompt)), variance_of_means(xs, ys, noise_std)
    found = jax.jit(lambda pools: jax.lax.map(lambda pool: PoolPosterior(pool, noise_std).weights(prompt), pools))
    for size in (500, 8000):
        pools = jnp.asarray(rng.normal(size=(num_pools, size, 1, 2)))
        squares = np.sum((np.asarray(found(pools)) - ridge) ** 2, axis=(1, 2))
        np.testing.assert_allclose(size * squares.mean() / expected, 1, atol=Z * np.sqrt(2 / num_pools))


def test_single_precision_tells_tasks_apart_that_noise_is_far_larger_than():
    """Two tasks 0.001 apart and labels 100 off both: their errors agree in all of single precision's digits but one.

    The bound is twenty roundings of the sum of |difference| |2 residual| / (2 noise_std^2), times how far tasks are
    apart; by the rounding of the two sums of squares it would be a thousand times larger.
    """
    rng = np.random.default_rng(5)
    xs = rng.normal(size=(50, DX)).astype(np.float32)
    pool = np.stack([np.ones((1, DX)), np.ones((1, DX)) + 2.0**-10 * np.eye(1, DX)]).astype(np.float32)
    ys = (xs @ pool[0].T + 100 * rng.choice([-1, 1], (50, 1))).astype(np.float32)
    arrays = xs, ys, np.ones(DX, np.float32), np.zeros(1, np.float32)
    with jax.enable_x64(False):
        found = np.asarray(PoolPosterior(jnp.asarray(pool), 1.0).weights(prompt_of(arrays)))
    wide = [np.asarray(each, float) for each in (*arrays, pool)]
    expected = np.asarray(PoolPosterior(jnp.asarray(wide[-1]), 1.0).weights(prompt_of(wide[:-1])))
    terms = np.abs(wide[0] @ (wide[-1][1] - wide[-1][0]).T) * np.abs(wide[1] - wide[0] @ wide[-1][0].T)
    assert found.dtype == np.float32
    assert 0.01 < (expected[0, 0] - 1) * 2**10 < 0.99
    np.testing.assert_allclose(found, expected, rtol=SINGLE, atol=20 * SINGLE * terms.sum() * 2.0**-10)


def test_its_candidate_is_searched_by_the_noise_in_units_of_labels():
    arrays, pool = drawn()
    candidate = PoolPosterior.candidate_for(jnp.asarray(pool))
    assert isinstance(candidate, Candidate)
    assert candidate.num_free == 1
    assert candidate.says == "the posterior mean over a pool of 5 tasks"
    (parameter,) = candidate.parameters
    np.testing.assert_allclose(parameter.bounds(Scale(inputs=7.0, labels=3.0, num_examples=11.0)), (0.03, 30.0))
    found = candidate.predictor({parameter.name: 0.8})(prompt_of(arrays))
    tolerance = 1e4 * EPS * np.abs(pool).max()
    np.testing.assert_allclose(found, by_loops(arrays, pool, 0.8) @ arrays[2], rtol=0, atol=tolerance)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("make", "message"), [
    (lambda: PoolPosterior([[1.0]]), r"`pool` must be an array \[m dy dx\] of real or complex numbers; got list"),
    (lambda: PoolPosterior(jnp.ones((4, 3))), r"one task or more; got shape \(4, 3\).*`weights\[:, None, :\]`"),
    (lambda: PoolPosterior(jnp.ones((0, 1, 3))), r"one task or more; got shape \(0, 1, 3\)"),
    (lambda: PoolPosterior(jnp.full((2, 1, 3), jnp.nan)), "`pool` must be finite; 6 numbers are not"),
    (lambda: PoolPosterior(jnp.ones((2, 1, 3)), 0.0), "`noise_std` must be positive and finite"),
    (lambda: PoolPosterior.candidate_for(jnp.ones((2, 3))), "`pool` must be an array"),
    (lambda: PoolPosterior(jnp.ones((2, 1, 3))).weights(prompt_of(drawn()[0])),
     r"`pool` must have shape \(m, 2, 3\), tasks by outputs by inputs, for this prompt; got \(2, 1, 3\)"),
])  # fmt: skip
def test_what_is_no_pool_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
