"""What figure 7 rests on: parity, terms, a construction; its readings, from losses set by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.models.causal_heads import CausalHeads
from mesascope.models.position_weights import SoftmaxWeights
from mesascope.studies.sander2024._shared.terms import least_squares_along
from mesascope.studies.sander2024.fig7_heads.cells import LeastLosses
from mesascope.studies.sander2024.fig7_heads.readings import Reached, Summary, readings
from mesascope.studies.sander2024.fig7_heads.terms import Terms, all_terms, fit, linear_terms
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere

EPS = np.finfo(np.float64).eps
Z = 5


def unit_states(seed):
    states = np.random.default_rng(seed).normal(size=(6, 3))
    return states / np.linalg.norm(states, axis=1, keepdims=True)


@pytest.mark.parametrize("before", [False, True])
def test_without_biases_the_sign_of_w_is_that_of_the_query(before):
    """f(-W) = (-1)^(T-1) f(W) if the last token asks, and the other sign if the one before does."""
    matrices = np.random.default_rng(0).normal(size=(4, 4, 3, 3))
    weights = [*np.pad(matrices[:3], [(0, 0)] * 3 + [(0, 1)]), matrices[3]]
    positions, asking = SoftmaxWeights(jax.device_put(np.ones((6, 6)))), TokenBeforeAsks() if before else LastAsks()
    layer = CausalHeads(*jax.device_put(weights), positions, asking=asking)
    biased = CausalHeads(*jax.device_put([np.ones_like(each) for each in weights]))
    states = unit_states(1)
    signs = (-1.0) ** np.arange(6)[:, None]
    found, turned, of_biased, biased_turned = (
        np.asarray(eqx.filter_jit(each)(jnp.asarray(tokens)))
        for each in (layer, biased)
        for tokens in (states, signs * states)
    )
    np.testing.assert_allclose(turned, (-signs if before else signs) * found, rtol=0, atol=1e3 * EPS)
    assert np.abs(biased_turned - signs * of_biased).max() > 0.1


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
    positions = SoftmaxWeights(jnp.asarray(100 * np.eye(6, k=1)))
    layer = CausalHeads(*map(jnp.asarray, (query, key, value, output)), positions, asking=TokenBeforeAsks())
    states = unit_states(2)
    last, before = states[1:], states[:-1]
    expected = 2 * last * np.sum(last * before, axis=1, keepdims=True) - before
    found = np.asarray(eqx.filter_jit(layer)(jnp.asarray(states)))
    np.testing.assert_allclose(found[1:], expected, rtol=0, atol=1e3 * EPS)


def test_terms_are_products_of_two_entries_and_the_query(key):
    process = HaarProcess(4, 2, Ones(unit=True))
    states = np.asarray(eqx.filter_jit(process.sample_batch)(key, 3).states)
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
    batch = eqx.filter_jit(HaarProcess(3, 3, Sphere()).sample_batch)
    first, second = (np.asarray(batch(jax.random.key(i), 40_000).states) for i in (0, 1))
    losses = least_squares_along(linear_terms, first, second)
    np.testing.assert_allclose(losses, [1, 1 - 1 / 9], atol=Z * 2 / 200)


def losses(*values):
    """The same losses at all of three states, one value a seed."""
    return np.broadcast_to(np.array(values)[:, None], (len(values), 3))


def test_readings_are_ratios_of_the_losses_that_claims_name():
    """d = 2, so that 4 heads are the first above it; of two seeds each gives a number."""
    least = LeastLosses(np.full(3, 0.6), np.full(3, 0.5))
    here = Reached({1: losses(0.8, 1.0), 4: losses(0.4, 0.6), 8: losses(0.4, 0.5)}, {8: losses(0.8, 0.5)}, least)
    larger = Reached({8: losses(0.5, 0.4)}, {}, least)
    uniform = Reached({}, {8: losses(0.5, 0.6)}, least)
    last = Terms(np.array([1.0, 1.1]), np.array([0.8, 1.0]), np.array([0.6, 0.7]), np.zeros((2, 3)))
    before = last._replace(coefficients=np.array([[0.0, -0.5, 1.0], [0.2, -0.6, 1.0]]))
    found = readings(Summary({2: here, 3: larger}, uniform, last, before))
    expected = {
        "improves": [0.5, 0.6],
        "saturates": [1.0, 0.5 / 0.6],
        "dimension": [0.8, 1.25],
        "last-token": [0.8, 0.5],
        "before": [0.5, 1.0],
        "uniform": [1.0, 1.2],
        "no-term": [0.2, 0.1],
        "biases": [0.6, 0.7],
        "terms": [0.0, 0.2],
    }
    for claim, numbers in expected.items():
        np.testing.assert_allclose(found[claim], numbers, rtol=1e-12, atol=1e-12, err_msg=claim)
    alone = readings(Summary({2: here}, uniform, last, before))
    assert np.ma.getmaskarray(alone["dimension"]).all()
