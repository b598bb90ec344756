"""The general trained model of sequences: its two ways to attend are one map, its parts do what they say."""

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.models.causal_heads import CausalHeads, with_constant
from mesascope.models.head_forms import CubicForm, HeadByHead
from mesascope.models.position_weights import EqualWeights, SoftmaxWeights, WeightsByHead, weights_by_prediction
from mesascope.models.sequence_tokens import AugmentedTokens, RepeatedTokens
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.streams import Residual, UpdatesOnly
from mesascope.prompt import Sequence

EPS = np.finfo(np.float64).eps
POSITIONS = SoftmaxWeights(jax.device_put(np.random.default_rng(5).normal(size=(9, 9))))


by_prediction = eqx.filter_jit(weights_by_prediction)


def by_head(num_heads):
    """Weights of positions of each head's own."""
    return WeightsByHead(jax.vmap(SoftmaxWeights)(jnp.zeros((num_heads, 9, 9))))


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
        weights = np.asarray(by_prediction(heads.positions, len(tokens)))
    weights = np.broadcast_to(weights, (len(heads.query), *weights.shape[-2:]))
    total = np.zeros(tokens.shape)
    matrices = map(np.asarray, (heads.query, heads.key, heads.value, heads.output))
    for query, key, value, output, of_head in zip(*matrices, weights, strict=True):
        scores = (asking @ query.T) @ (extended @ key.T).T / np.sqrt(len(key))
        total += of_head * scores @ (extended @ value.T) @ output.T
    return total


def drawn(of, **settings):
    """For tokens or states of 3 entries, with every parameter drawn, biases and those of normalisation, too."""
    rng = np.random.default_rng(0)
    shapes = eqx.filter_eval_shape(of.initialise, 3, **settings, key=jax.random.key(0))
    return jax.tree.map(lambda leaf: jax.device_put(rng.normal(size=leaf.shape) / 2), shapes)


@pytest.mark.parametrize("num_heads", [2, 40])
def test_heads_are_the_sum_of_their_scores(num_heads):
    """Few heads attend one by one, many by moments: one map. Biases are drawn, not zero; weights of positions, too."""
    own = by_head(num_heads)
    kinds = (None, POSITIONS, own)
    settings = [(positions, asking) for positions in kinds for asking in (LastAsks(), TokenBeforeAsks())]
    layers = [drawn(CausalHeads, num_heads=num_heads, positions=of, asking=asking) for of, asking in settings]
    tokens = np.random.default_rng(1).normal(size=(9, 3))
    attend = jax.jit(lambda tokens: [heads(tokens) for heads in layers])
    for heads, ours in zip(layers, attend(jax.device_put(tokens)), strict=True):
        expected = by_hand(heads, tokens)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e3 * EPS * np.abs(expected).max())
        assert np.abs(expected[1:]).min() > 1e-6


@pytest.mark.parametrize("positions", [None, POSITIONS], ids=["equal", "weighted"])
def test_both_ways_have_the_same_gradients(positions):
    """By heads with a derivative of their own, by moments with JAX's: of the parameters and of the tokens."""
    heads = drawn(CausalHeads, num_heads=2, positions=positions)
    tokens = jnp.asarray(np.random.default_rng(1).normal(size=(9, 3)))

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
        np.testing.assert_allclose(a, b, rtol=0, atol=1e4 * EPS * np.abs(b).max())


def test_tokens_are_made_of_states():
    states = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    augmented = [[0, 0, 1, 2, 0, 0], [0, 0, 3, 4, 1, 2]]
    np.testing.assert_array_equal(jax.jit(AugmentedTokens().embed)(states), augmented)
    np.testing.assert_array_equal(jax.jit(RepeatedTokens(2).embed)(states), [[1, 2, 1, 2], [3, 4, 3, 4]])
    assert (AugmentedTokens().dim_token(2), RepeatedTokens(3).dim_token(2)) == (6, 6)


def test_without_weights_the_stream_is_what_was_embedded():
    """No update: with a residual stream the reading is that of the tokens, without it nothing."""
    states = jax.device_put(np.random.default_rng(1).normal(size=(6, 3)))
    initialise = partial(SequenceTransformer.initialise, 3, init_scale=0.0, norm=None)

    @jax.jit
    def found(states, key):
        repeated = initialise(tokens=RepeatedTokens(), key=key)
        models = repeated, dataclasses.replace(repeated, stream=UpdatesOnly())
        return [model.next_states(Sequence(states)) for model in models]

    residual, updates = found(states, jax.random.key(0))
    np.testing.assert_array_equal(residual, states)
    assert not np.any(updates)
    shapes = eqx.filter_eval_shape(initialise, key=jax.random.key(0))
    augmented = jax.tree.map(lambda leaf: jax.device_put(np.zeros(leaf.shape)), shapes)
    assert not np.any(eqx.filter_jit(augmented.next_states)(Sequence(states)))


def test_what_a_layer_finds_is_normalised():
    """A layer's update has mean zero and variance one over the entries of each token, up to its epsilon."""
    states = jax.device_put(np.random.default_rng(1).normal(size=(8, 3)))

    @jax.jit
    def next_states(states, key):
        settings = {"tokens": RepeatedTokens(), "stream": UpdatesOnly(), "init_scale": 100.0}
        return SequenceTransformer.initialise(3, **settings, key=key).next_states(Sequence(states))

    found = np.asarray(next_states(states, jax.random.key(20240)))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(axis=1), 1, rtol=1e-4)


@eqx.filter_jit
def normalised(norm, updates):
    return jax.vmap(norm)(updates)


@pytest.mark.parametrize("norm", [None, eqx.nn.LayerNorm], ids=["plain", "normalised"])
@pytest.mark.parametrize("stream", [UpdatesOnly(), Residual()], ids=["updates", "residual"])
def test_a_stack_is_its_layers_one_after_another(stream, norm):
    """Every weight drawn, those of normalisation, too; layers by hand, Equinox's normalisation."""
    model = drawn(SequenceTransformer, num_layers=3, num_heads=2, stream=stream, norm=norm)
    sequence = Sequence(jnp.asarray(np.random.default_rng(1).normal(size=(7, 3)) / 2))
    tokens = np.asarray(eqx.filter_jit(model.tokens.embed)(sequence.states))
    expected = []
    for i, layer in enumerate(model.layers):
        update = by_hand(layer, tokens)
        update = np.asarray(normalised(model.norms[i], update)) if norm else update
        tokens = tokens + update if isinstance(stream, Residual) else update
        expected.append(tokens[:, :3])
    np.testing.assert_allclose(eqx.filter_jit(model.trajectory)(sequence), expected, rtol=1e5 * EPS, atol=1e5 * EPS)


def test_the_trajectory_ends_in_the_prediction():
    model = drawn(SequenceTransformer, num_layers=3)
    shorter = eqx.tree_at(lambda m: (m.layers, m.norms), model, (model.layers[:2], model.norms[:2]))

    @jax.jit
    def predictions(states):
        sequence = Sequence(states)
        return model.trajectory(sequence), model.next_states(sequence), shorter.next_states(sequence)

    states = jax.device_put(np.random.default_rng(1).normal(size=(6, 3)))
    along, last, after_two = map(np.asarray, predictions(states))
    assert along.shape == (3, 6, 3)
    np.testing.assert_array_equal(along[-1], last)
    np.testing.assert_allclose(after_two, along[1], rtol=0, atol=1e2 * EPS)


def test_what_cannot_be_is_refused():
    model = drawn(SequenceTransformer)
    with pytest.raises(ValueError, match="`sequence` must have states of size 3; got 2"):
        model.next_states(Sequence(jnp.asarray(np.ones((4, 2)))))
    for name in ("num_layers", "num_heads"):
        with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1; got 0"):
            SequenceTransformer.initialise(3, **{name: 0}, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`dim` must be an integer of at least 1; got 0"):
        SequenceTransformer.initialise(0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`layers` must hold at least one layer; got none"):
        SequenceTransformer((), None, AugmentedTokens(), 3)
    with pytest.raises(ValueError, match="`copies` must be an integer of at least 1; got 0"):
        RepeatedTokens(0)
    with pytest.raises(ValueError, match="`positions` must be for 3 heads; got weights for 2"):
        SequenceTransformer.initialise(3, num_heads=3, positions=by_head(2), key=jax.random.key(0))
    with pytest.raises(ValueError, match="`each` must have arrays with one axis over heads"):
        WeightsByHead(EqualWeights())
    short = drawn(SequenceTransformer, positions=POSITIONS)
    with pytest.raises(ValueError, match="`scores` must serve 10 positions; got 9"):
        short.next_states(Sequence(jnp.asarray(np.ones((10, 3)))))
