"""What the studies of heads rest on: parity, terms, a construction, and rotations in any basis."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.models.causal_heads import CausalHeads
from mesascope.models.position_weights import SoftmaxWeights
from mesascope.studies.sander2024._shared.terms import least_squares_along
from mesascope.studies.sander2024.fig5_depth.cells import Rivals, RivalsCell
from mesascope.studies.sander2024.fig7_heads.terms import all_terms, fit, linear_terms
from mesascope.study.base import Workspace
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere

EPS = np.finfo(np.float64).eps
Z = 5


@pytest.mark.parametrize("before", [False, True])
def test_without_biases_the_sign_of_w_is_that_of_the_query(before, key):
    """f(-W) = (-1)^(T-1) f(W) if the last token asks, and the other sign if the one before does."""
    drawn = CausalHeads.initialise(3, num_heads=4, positions=SoftmaxWeights(jnp.ones((6, 6))), key=key)
    layer = CausalHeads(
        drawn.query,
        drawn.key,
        drawn.value,
        drawn.output,
        drawn.positions,
        asking=TokenBeforeAsks() if before else LastAsks(),
    )
    states = HaarProcess(6, 3, Sphere()).sample(jax.random.key(1)).states
    signs = (-1.0) ** np.arange(6)[:, None]
    found, turned = layer(states), layer(signs * states)
    np.testing.assert_allclose(turned, (-signs if before else signs) * found, rtol=0, atol=1e3 * EPS)
    biased = CausalHeads(*(jnp.ones_like(each) for each in (drawn.query, drawn.key, drawn.value, drawn.output)))
    assert np.abs(biased(signs * states) - signs * biased(states)).max() > 0.1


def test_d_plus_1_heads_with_positive_weights_subtract_the_query():
    """One head makes 2 s_T <s_T, s_{T-1}>; each other copies an entry of s_{T-1} through biases: weight on s_T only."""
    dim, unit = 3, np.eye(3)
    ones = np.zeros((dim, dim + 1))
    ones[0, -1] = 1.0  # the entry 1 behind a token
    whole = np.concatenate([unit, np.zeros((dim, 1))], axis=1)
    copies = [np.zeros((dim, dim + 1)) for _ in range(dim)]
    for i, copy in enumerate(copies):
        copy[0, i] = 1.0
    query, key, value = np.stack([whole, *copies]), np.stack([whole] + [ones] * dim), np.stack([whole] + [ones] * dim)
    output = np.stack([2 * unit, *(-np.outer(unit[i], unit[0]) for i in range(dim))]) * dim**0.5
    scores = jnp.where(np.eye(6, k=1) > 0, 100.0, 0.0)
    layer = CausalHeads(
        *map(jnp.asarray, (query, key, value, output)), SoftmaxWeights(scores), asking=TokenBeforeAsks()
    )
    states = np.asarray(HaarProcess(6, dim, Sphere()).sample(jax.random.key(2)).states)
    last, before = states[1:], states[:-1]
    expected = 2 * last * np.sum(last * before, axis=1, keepdims=True) - before
    np.testing.assert_allclose(layer(jnp.asarray(states))[1:], expected, rtol=0, atol=1e3 * EPS)


def test_terms_are_products_of_two_entries_and_the_query(key):
    states = np.asarray(HaarProcess(4, 2, Ones(unit=True)).sample_batch(key, 3).states)
    plain, biased = (all_terms(states, "before", biases=biases) for biases in (False, True))
    assert plain.shape == (3, 3 * 3 * 2)
    assert biased.shape == (3, 3 * 6 * 3)
    np.testing.assert_allclose(plain[0, :2], states[0, 0, 0] ** 2 * states[0, 1], rtol=1e3 * EPS)
    last = all_terms(states, "last", biases=False)
    np.testing.assert_allclose(last[0, :2], states[0, 0, 0] ** 2 * states[0, 2], rtol=1e3 * EPS)


def test_a_fit_is_held_out_and_finds_what_is_there():
    rng = np.random.default_rng(0)
    terms, mixing = rng.normal(size=(400, 3)), rng.normal(size=(3, 2))
    coefficients, loss = fit(terms, terms @ mixing)
    np.testing.assert_allclose(coefficients, mixing, atol=1e4 * EPS)
    assert loss < 1e-20
    noise = rng.normal(size=(400, 2))
    in_sample = np.linalg.lstsq(terms[200:], noise[200:])[1].sum() / np.sum(noise[200:] ** 2)
    assert fit(terms, noise)[1] > in_sample


def test_constant_weights_know_the_state_before_the_last():
    """E <s_3, s_1> = E tr W^2 / d = 1 / d for a uniform s_1: with it alone the loss is 1 - 1 / d^2."""
    first, second = (
        np.asarray(HaarProcess(3, 3, Sphere()).sample_batch(jax.random.key(i), 40_000).states) for i in (0, 1)
    )
    losses = least_squares_along(linear_terms, first, second)
    np.testing.assert_allclose(losses, [1, 1 - 1 / 9], atol=Z * 2 / 200)


def test_two_steps_of_their_own_beat_two_alike():
    """Tuned coefficients of each step do as well as the shared one at least; one step's is that of the grid."""
    process = HaarProcess(8, 2, Sphere())
    with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in 32 bits
        found = Rivals(**RivalsCell(process, 2, 2000).compute(Workspace()))
    shared, each = (losses.mean(axis=1) for losses in (found.loss, found.each_loss))
    assert abs(each[0] / shared[0] - 1) < 0.02
    assert each[1] < 0.99 * shared[1]
    assert found.each[0, 1] == 0
    assert found.each[1, 0] < found.coefficient[1] < found.each[1, 1]
    assert found.least_squares.mean() < each[1]
