"""Sequence models against sums written out, and against the theory of their losses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.augmented import AugmentedLayer, DiagonalAugmentedLayer
from mesascope.models.causal import CHUNK, causal_linear_attention
from mesascope.models.diagonal_heads import DenseHeads, DiagonalHeads
from mesascope.models.position_weights import (
    EqualWeights,
    LearnedWeights,
    LinearBiasWeights,
    RotaryWeights,
    SoftmaxWeights,
    ToeplitzWeights,
)
from mesascope.prompt import Sequence
from mesascope.random import FAST
from mesascope.tasks.orthogonal import ConjugatePairProcess
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.augmented import AugmentedWeights, layer_losses
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses

EPS = np.finfo(np.float64).eps
Z = 5
next_states = eqx.filter_jit(lambda model, sequence: model.next_states(sequence))


@eqx.filter_jit
def errors(model, process, num_samples=20_000):
    """Squared errors [samples, T - 1] of the predictions of s_3, s_4, ..."""
    sequences = process.sample_batch(jax.random.key(3, impl=FAST), num_samples)
    predictions = jax.vmap(model.next_states)(sequences)
    return jnp.sum(jnp.abs(predictions[:, 1:-1] - sequences.states[:, 2:]) ** 2, axis=-1)


@pytest.fixture(scope="module")
def diagonal():
    """States of 4 entries, 3 heads."""
    return eqx.filter_jit(DiagonalHeads.initialise)(4, 3, 6, std=0.5, key=jax.random.key(20240))


def normals(*shapes, std=0.5):
    rng = np.random.default_rng(0)
    return jax.device_put([std * rng.normal(size=shape) for shape in shapes])


def complex_sequence():
    """Six states of 4 entries of modulus one."""
    return Sequence(jax.device_put(np.exp(1j * np.random.default_rng(1).uniform(0, 2 * np.pi, (6, 4)))))


def assert_mean(values, expected):
    values = np.asarray(values)
    assert (np.abs(values.mean(axis=0) - expected) <= Z * values.std(axis=0, ddof=1) / np.sqrt(len(values))).all()


@pytest.mark.parametrize(("process", "losses"), [
    (UnitaryProcess(6, 4), unitary_losses), (ConjugatePairProcess(6, 4), orthogonal_losses),
])  # fmt: skip
def test_diagonal_heads_lose_what_theory_says(process, losses, diagonal):
    model = diagonal
    assert isinstance(model.positions, LearnedWeights)
    expected = eqx.filter_jit(lambda model: losses(model.mixing, model.positions.weights[:4, :5]))(model)
    assert_mean(errors(model, process), np.asarray(expected))


def test_the_augmented_layer_loses_what_theory_says():
    model = DiagonalAugmentedLayer(*normals((4, 3), (2, 3), std=0.4))
    expected = eqx.filter_jit(lambda model: layer_losses(AugmentedWeights(*model.scores, *model.values), 4))(model)
    assert_mean(errors(model, UnitaryProcess(6, 3)), np.asarray(expected))


def test_heads_are_the_sum_over_heads_and_keys_written_out():
    *matrices, weights = normals((2, 4, 4), (2, 4, 4), (6, 6))
    model, sequence = DenseHeads(*matrices, LearnedWeights(weights)), complex_sequence()
    found = np.asarray(next_states(model, sequence))
    a, b, p = (np.asarray(each) for each in (*matrices, weights))
    states = np.asarray(sequence.states)
    for last in range(1, 6):
        expected = sum(
            p[last - 1, t] * (states[last - 1].conj() @ a[h] @ states[t]) * (b[h] @ states[t])
            for h in range(2)
            for t in range(last + 1)
        )
        np.testing.assert_allclose(found[last], expected, rtol=0, atol=1e3 * EPS)
    np.testing.assert_array_equal(found[0], 0)


def test_diagonal_heads_are_dense_heads_with_diagonal_matrices(diagonal):
    rows = diagonal.key_query, diagonal.output_value
    matrices = (jax.device_put(np.asarray(each)[..., None] * np.eye(4)) for each in rows)
    dense, sequence = DenseHeads(*matrices, diagonal.positions), complex_sequence()
    np.testing.assert_allclose(next_states(dense, sequence), next_states(diagonal, sequence), rtol=0, atol=1e3 * EPS)


def test_the_augmented_layer_is_its_sum_written_out():
    """Dense blocks: V u_t times u_t^* G u_T over t up to T, u_t = (s_t, s_{t-1})."""
    model, sequence = AugmentedLayer(*normals((8, 8), (4, 8))), complex_sequence()
    states, found = np.asarray(sequence.states), np.asarray(next_states(model, sequence))
    tokens = np.concatenate([states, np.concatenate([np.zeros((1, 4)), states[:-1]])], axis=1)
    scores, values = np.asarray(model.scores), np.asarray(model.values)
    for last in range(6):
        terms = [(values @ tokens[t]) * (tokens[t].conj() @ scores @ tokens[last]) for t in range(last + 1)]
        np.testing.assert_allclose(found[last], sum(terms), rtol=0, atol=1e3 * EPS)


def test_position_weights_are_what_they_say():
    lags = np.arange(5)[:, None] + 1 - np.arange(5)[None, :]
    seen = lags >= 0
    by_lag = np.arange(1.0, 7.0)
    cases = (
        (ToeplitzWeights(jax.device_put(by_lag)), by_lag[np.maximum(lags, 0)]),
        (LinearBiasWeights(0.3), np.exp(-0.3 * lags)),
        (RotaryWeights(jax.device_put(np.array([0.5, 2.0]))), (np.cos(0.5 * lags) + np.cos(2.0 * lags)) / 2),
        (EqualWeights(), np.ones((5, 5))),
    )
    laws = [law for law, _ in cases] + [SoftmaxWeights(jax.device_put(np.zeros((5, 5))))]
    *found, softmax = map(np.asarray, jax.jit(lambda: [law.matrix(5) for law in laws])())
    for matrix, (_, expected) in zip(found, cases, strict=True):
        np.testing.assert_allclose(matrix[seen], expected[seen], rtol=1e3 * EPS)
    np.testing.assert_allclose(softmax[2], [0.25] * 4 + [0.0], rtol=1e3 * EPS)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: DiagonalHeads.initialise(4, 0, 5, key=jax.random.key(0)), "`num_heads` must be an integer of at least 1"),
    (lambda: LearnedWeights(jnp.asarray(np.ones((3, 3)))).matrix(4), "`weights` must serve 4 positions; got 3"),
    (lambda: ToeplitzWeights(jnp.asarray(np.ones(4))).matrix(4), "`by_lag` must have 5 entries"),
    (lambda: LinearBiasWeights(0.0), "`slope` must be positive"),
])  # fmt: skip
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_causal_attention_is_its_masked_scores(dtype):
    lengths, cases = (1, CHUNK, CHUNK + 1, 2 * CHUNK + 8), []
    for length in lengths:
        real, imaginary = np.random.default_rng(length).standard_normal((2, 3, length, 4))
        queries, keys, values = (real + 1j * imaginary if dtype == np.complex128 else real).astype(dtype)
        cases.append((queries, keys, values[:, :3]))
    attend = jax.jit(lambda cases: [causal_linear_attention(*case) for case in cases])
    for length, (queries, keys, values), found in zip(lengths, cases, attend(cases), strict=True):
        expected = np.tril(queries @ keys.conj().T) @ values
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS * length)
