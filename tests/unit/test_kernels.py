"""Neighbours, smoothers and kernel ridge regression, against numpy, scikit-learn and their limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gaussian_kernel import GaussianKernel
from mesascope.algorithms.kernel_ridge import KernelRidge
from mesascope.algorithms.kernel_smoother import FeatureKernel, NadarayaWatson
from mesascope.algorithms.nearest_neighbours import NearestNeighbours
from mesascope.algorithms.ridge import Ridge
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps


def prompt_of(num_examples=9, dim_x=3, seed=6):
    rng = np.random.default_rng(seed)
    return Prompt(
        *(jnp.asarray(rng.normal(size=s)) for s in ((num_examples, dim_x), (num_examples, 2), (dim_x,), (2,)))
    )


def test_neighbours_are_averaged_from_the_nearest_on():
    """The earlier first of those as near as each other; all there are, where there are fewer."""
    prompt = prompt_of()
    xs, ys, query = map(np.asarray, (prompt.xs, prompt.ys, prompt.query))
    order = np.argsort(np.linalg.norm(xs - query, axis=1))
    found = jax.jit(NearestNeighbours(12).trajectory)(prompt)
    expected = [ys[order[:k]].mean(axis=0) for k in range(1, 13)]
    np.testing.assert_allclose(found, expected, rtol=1e3 * EPS)
    ties = Prompt(
        jnp.array([[2.0], [1.0], [-1.0], [1.0]]), jnp.array([[9.0], [1.0], [2.0], [3.0]]), jnp.zeros(1), jnp.zeros(1)
    )
    np.testing.assert_array_equal(NearestNeighbours(4).trajectory(ties)[:, 0], [1, 1.5, 2, 3.75])
    np.testing.assert_array_equal(NearestNeighbours(2).trajectory(ties.prefix(0)), np.zeros((2, 1)))


def test_they_are_scikit_learns():
    neighbors = pytest.importorskip("sklearn.neighbors")
    kernel_ridge = pytest.importorskip("sklearn.kernel_ridge")
    prompt, bandwidth = prompt_of(90), 0.8
    xs, ys, query = map(np.asarray, (prompt.xs, prompt.ys, prompt.query))
    ours = jax.jit(lambda prompt: [NearestNeighbours(5)(prompt), KernelRidge(GaussianKernel(bandwidth), 0.1)(prompt)])(
        prompt
    )
    theirs = (
        neighbors.KNeighborsRegressor(5, algorithm="brute"),
        kernel_ridge.KernelRidge(alpha=0.1, kernel="rbf", gamma=1 / (2 * bandwidth**2)),
    )
    for found, model in zip(ours, theirs, strict=True):
        expected = model.fit(xs, ys).predict(query[None])[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS * 90 / 0.1)


def gram(xs, others, bandwidth):
    squares = np.sum((xs[:, None] - others[None]) ** 2, axis=2)
    return np.exp(-squares / (2 * bandwidth**2))


@pytest.mark.parametrize("num_examples", [1, 63, 200])
def test_kernel_ridge_is_numpys_solve(num_examples):
    """Also where the equations are halved, evenly or not, and halved again."""
    prompt, penalty = prompt_of(num_examples), 0.05
    xs, ys, query = map(np.asarray, (prompt.xs, prompt.ys, prompt.query))
    among = gram(xs, xs, 0.7) + penalty * np.eye(num_examples)
    expected = (gram(query[None], xs, 0.7) @ np.linalg.solve(among, ys))[0]
    found = jax.jit(lambda prompt: KernelRidge(GaussianKernel(0.7), penalty)(prompt))(prompt)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS * np.linalg.cond(among))


def test_kernel_ridge_in_single_precision_is_within_its_bound():
    """Epsilon times n / penalty, on 40 prompts of the smallest penalty that is searched, and 100 times that."""
    penalties = 40 * np.array([1e-5, 1e-3])
    prompts = [prompt_of(40, seed=seed) for seed in range(40)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *prompts)
    short = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), batch)
    ask = jax.jit(lambda prompts: [jax.vmap(KernelRidge(GaussianKernel(2.0), float(p)))(prompts) for p in penalties])
    for ours, exact, penalty in zip(ask(short), ask(batch), penalties, strict=True):
        bound = np.finfo(np.float32).eps * 40 / penalty * np.abs(batch.ys).max()
        assert np.abs(np.asarray(ours) - np.asarray(exact)).max() <= bound


def test_kernel_ridge_of_inner_products_and_of_a_wide_kernel_is_ridge():
    """The wide one with an intercept, the difference shrinking as the bandwidth's square grows."""
    prompt, penalty, wide = prompt_of(), 0.4, (100.0, 1000.0)
    linear, ridge, around, *widening = jax.jit(
        lambda prompt: [
            KernelRidge(FeatureKernel(), penalty)(prompt),
            Ridge(penalty)(prompt),
            Ridge(penalty, intercept=True)(prompt),
            *(KernelRidge(GaussianKernel(h), penalty / h**2)(prompt) for h in wide),
        ]
    )(prompt)
    np.testing.assert_allclose(linear, ridge, rtol=0, atol=1e5 * EPS)
    differences = [np.abs(np.asarray(each) - np.asarray(around)).max() for each in widening]
    np.testing.assert_allclose(differences[0] / differences[1], 100, rtol=0.02)


def test_a_gaussian_smoother_is_numpys_and_softmax_for_inputs_of_one_length():
    prompt = prompt_of()
    turned = prompt.mapped(lambda x: x / jnp.sqrt(jnp.sum(x**2)))
    xs, ys, query = map(np.asarray, (prompt.xs, prompt.ys, prompt.query))
    weights = gram(xs, query[None], 0.6)[:, 0]
    found, gauss, softmax = jax.jit(
        lambda prompt, turned: (
            NadarayaWatson(GaussianKernel(0.6).log)(prompt),
            NadarayaWatson(GaussianKernel(0.5).log)(turned),
            NadarayaWatson(FeatureKernel(scale=4.0))(turned),
        )
    )(prompt, turned)
    np.testing.assert_allclose(found, weights @ ys / weights.sum(), rtol=1e4 * EPS)
    np.testing.assert_allclose(gauss, softmax, rtol=0, atol=1e4 * EPS)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: GaussianKernel(0.0), "`bandwidth` must be positive"),
    (lambda: KernelRidge(GaussianKernel(), 0.0), "`penalty` must be positive"),
    (lambda: NearestNeighbours(0), "`num_neighbours` must be an integer of at least 1"),
])  # fmt: skip
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.usefixtures("as_installed")
def test_a_kernel_is_a_function_of_two_inputs():
    with pytest.raises(ValueError, match="`kernel` must take 2 arguments; got sin"):
        KernelRidge(jnp.sin)


def test_a_softmax_of_complex_inputs_is_refused():
    """A weight is no complex number."""
    xs = jnp.array([[1.0 + 1j, 2.0], [0.5, -1j]])
    prompt = Prompt(xs, xs, xs[0], xs[0])
    with pytest.raises(ValueError, match="`prompt` must be real"):
        NadarayaWatson(FeatureKernel())(prompt)
