"""The general trained model of sequences: its two ways to attend are one map, its parts do what they say."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.models.causal_heads import CausalHeads, with_constant
from mesascope.models.head_forms import CubicForm, HeadByHead
from mesascope.models.position_weights import SoftmaxWeights, weights_by_prediction
from mesascope.models.sequence_tokens import AugmentedTokens, RepeatedTokens
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.streams import Residual, UpdatesOnly
from mesascope.prompt import Sequence
from mesascope.tasks.haar import HaarProcess

EPS = np.finfo(np.float64).eps
POSITIONS = SoftmaxWeights(jax.random.normal(jax.random.key(5), (9, 9)))


def by_hand(heads, tokens):
    """The sum over heads with every head's scores written out."""
    extended = np.concatenate([tokens, np.ones((len(tokens), 1))], axis=1)
    asking = (
        np.concatenate([np.zeros_like(extended[:1]), extended[:-1]])
        if isinstance(heads.asking, TokenBeforeAsks)
        else extended
    )
    weights = np.tri(len(tokens))
    if heads.positions is not None:
        weights = np.asarray(weights_by_prediction(heads.positions, len(tokens)))
    total = np.zeros(tokens.shape)
    for query, key, value, output in zip(heads.query, heads.key, heads.value, heads.output, strict=True):
        scores = (asking @ query.T) @ (extended @ key.T).T / np.sqrt(len(key))
        total += weights * scores @ (extended @ value.T) @ output.T
    return total


@pytest.mark.parametrize("num_heads", [1, 2, 40])
@pytest.mark.parametrize("positions", [None, POSITIONS], ids=["equal", "weighted"])
@pytest.mark.parametrize("asking", [LastAsks(), TokenBeforeAsks()])
def test_heads_are_the_sum_of_their_scores(num_heads, positions, asking, key):
    """Few heads attend one by one, many by moments: one map. Biases are drawn, not zero."""
    settings = {"num_heads": num_heads, "positions": positions, "asking": asking}
    init_key, bias_key, token_key = jax.random.split(key, 3)
    heads = CausalHeads.initialise(3, **settings, key=init_key)
    bias = jax.random.normal(bias_key, (3, num_heads, 3))
    heads = eqx.tree_at(
        lambda h: (h.query, h.key, h.value),
        heads,
        tuple(w.at[..., -1].set(b) for w, b in zip((heads.query, heads.key, heads.value), bias, strict=True)),
    )
    tokens = jax.random.normal(token_key, (9, 3))
    ours, expected = eqx.filter_jit(heads)(tokens), by_hand(heads, np.asarray(tokens))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e3 * EPS * np.abs(expected).max())
    assert np.abs(expected[1:]).min() > 1e-6


@pytest.mark.parametrize("positions", [None, POSITIONS], ids=["equal", "weighted"])
def test_both_ways_have_the_same_gradients(positions, key):
    """By heads with a derivative of their own, by moments with JAX's: of the parameters and of the tokens."""
    init_key, token_key = jax.random.split(key)
    heads = CausalHeads.initialise(3, num_heads=2, positions=positions, key=init_key)
    tokens = jax.random.normal(token_key, (9, 3))

    def by_moments(heads, weights):
        return CubicForm.of_heads(heads.key_query, heads.output_value, weights, asking=LastAsks())

    def by_heads(heads, weights):
        return HeadByHead(weights, LastAsks(), tuple(heads.key_query), tuple(heads.output_value))

    def total(form_of, both):
        heads, tokens = both
        weights = None if positions is None else weights_by_prediction(heads.positions, 9)
        return jnp.sum(form_of(heads, weights)(with_constant(tokens)) ** 2)

    by_heads, by_moments = partial(total, by_heads), partial(total, by_moments)
    ours, theirs = (eqx.filter_jit(eqx.filter_grad(f))((heads, tokens)) for f in (by_heads, by_moments))
    assert len(jax.tree.leaves(ours)) == 5 + (positions is not None)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e4 * EPS * float(jnp.abs(b).max()))


def test_tokens_are_made_of_states():
    states = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    augmented = [[0, 0, 1, 2, 0, 0], [0, 0, 3, 4, 1, 2]]
    np.testing.assert_array_equal(AugmentedTokens().embed(states), augmented)
    np.testing.assert_array_equal(RepeatedTokens(2).embed(states), [[1, 2, 1, 2], [3, 4, 3, 4]])
    assert (AugmentedTokens().dim_token(2), RepeatedTokens(3).dim_token(2)) == (6, 6)


def test_without_weights_the_stream_is_what_was_embedded(key):
    """No update: with a residual stream the reading is that of the tokens, without it nothing."""
    sequence = HaarProcess(6, 3).sample(key)

    def found(**settings):
        model = SequenceTransformer.initialise(3, init_scale=0.0, norm=None, key=jax.random.key(0), **settings)
        return model.next_states(sequence)

    np.testing.assert_array_equal(found(tokens=RepeatedTokens()), sequence.states)
    assert not found().any()
    assert not found(tokens=RepeatedTokens(), stream=UpdatesOnly()).any()


def test_what_a_layer_finds_is_normalised(key):
    """A layer's update has mean zero and variance one over the entries of each token, up to its epsilon."""
    init_key, sequence_key = jax.random.split(key)
    sequence = HaarProcess(8, 3).sample(sequence_key)
    model = SequenceTransformer.initialise(
        3, tokens=RepeatedTokens(), stream=UpdatesOnly(), init_scale=100.0, key=init_key
    )
    found = np.asarray(model.next_states(sequence))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(axis=1), 1, rtol=1e-4)


@pytest.mark.parametrize("norm", [None, eqx.nn.LayerNorm], ids=["plain", "normalised"])
@pytest.mark.parametrize("stream", [UpdatesOnly(), Residual()], ids=["updates", "residual"])
def test_a_stack_is_its_layers_one_after_another(stream, norm, key):
    """Every weight drawn, those of normalisation, too; layers by hand, Equinox's normalisation."""
    weights_key, sequence_key = jax.random.split(key)
    sequence = HaarProcess(7, 3).sample(sequence_key)
    settings = {"num_layers": 3, "num_heads": 2, "stream": stream, "norm": norm}
    model = SequenceTransformer.initialise(3, **settings, key=jax.random.key(0))
    params, static = eqx.partition(model, eqx.is_inexact_array)
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(weights_key, len(leaves))
    drawn = [jax.random.normal(each, leaf.shape) / 2 for each, leaf in zip(keys, leaves, strict=True)]
    model = eqx.combine(jax.tree.unflatten(tree, drawn), static)
    tokens = np.asarray(model.tokens.embed(sequence.states))
    expected = []
    for i, layer in enumerate(model.layers):
        update = by_hand(layer, tokens)
        update = np.asarray(jax.vmap(model.norms[i])(jnp.asarray(update))) if norm else update
        tokens = tokens + update if isinstance(stream, Residual) else update
        expected.append(tokens[:, :3])
    np.testing.assert_allclose(model.trajectory(sequence), expected, rtol=1e5 * EPS, atol=1e5 * EPS)


def test_the_trajectory_ends_in_the_prediction(key):
    init_key, sequence_key = jax.random.split(key)
    sequence = HaarProcess(6, 3).sample(sequence_key)
    model = SequenceTransformer.initialise(3, num_layers=3, key=init_key)
    along = model.trajectory(sequence)
    assert along.shape == (3, 6, 3)
    np.testing.assert_array_equal(along[-1], model.next_states(sequence))
    shorter = eqx.tree_at(lambda m: (m.layers, m.norms), model, (model.layers[:2], model.norms[:2]))
    np.testing.assert_allclose(shorter.next_states(sequence), along[1], rtol=0, atol=1e2 * EPS)


def test_what_cannot_be_is_refused():
    model = SequenceTransformer.initialise(3, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`sequence` must have states of size 3; got 2"):
        model.next_states(Sequence(jnp.ones((4, 2))))
    for name in ("num_layers", "num_heads"):
        with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1; got 0"):
            SequenceTransformer.initialise(3, **{name: 0}, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`dim` must be an integer of at least 1; got 0"):
        SequenceTransformer.initialise(0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`layers` must hold at least one layer; got none"):
        SequenceTransformer((), None, AugmentedTokens(), 3)
    with pytest.raises(ValueError, match="`copies` must be an integer of at least 1; got 0"):
        RepeatedTokens(0)
    short = SequenceTransformer.initialise(3, positions=POSITIONS, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`scores` must serve 10 positions; got 9"):
        short.next_states(Sequence(jnp.ones((10, 3))))
