"""Perceptrons, blocks, layer normalisation and embeddings against loops over tokens, written from the equations."""

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy import stats

from mesascope.models._initial import scaled_normal
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.block import Block
from mesascope.models.embedded import EmbeddedTokens
from mesascope.models.layer_norm import Normalised
from mesascope.models.mlp import MLP, OnInputs
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
D, HIDDEN, N = 5, 7, 4


def tolerance(*expected):
    return 1e3 * EPS * max(1, *(np.abs(each).max() for each in expected))


call = eqx.filter_jit(lambda function, *arguments: function(*arguments))
initialise = eqx.filter_jit(lambda make, *sizes, key, **options: make(*sizes, key=key, **options))


def draw(*shape, seed=0, std=1.0):
    return jax.device_put(std * np.random.default_rng(seed).normal(size=shape))


def make_mlp(dim=D, seed=0):
    shapes = ((HIDDEN, dim), (HIDDEN,), (dim, HIDDEN), (dim,))
    return MLP(*(draw(*shape, seed=seed + i) for i, shape in enumerate(shapes)))


def make_attention(dim=D):
    """Of one head, its weights normal of variance 1 / dim."""
    return LinearSelfAttention(*(draw(1, dim, dim, seed=10 + i, std=dim**-0.5) for i in range(4)))


def gelu(u):
    """The tanh approximation of u Phi(u) (Hendrycks and Gimpel 2016)."""
    return u / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u**3)))


def mlp_of(mlp, token):
    """One token, one hidden unit at a time."""
    out = np.array(mlp.output_bias)
    for unit in range(HIDDEN):
        activation = gelu(np.asarray(mlp.hidden_weights)[unit] @ token + np.asarray(mlp.hidden_bias)[unit])
        out = out + activation * np.asarray(mlp.output_weights)[:, unit]
    return out


def normalised(token, scale, offset, epsilon):
    mean = sum(token) / len(token)
    variance = sum((entry - mean) ** 2 for entry in token) / len(token)
    return scale * (token - mean) / np.sqrt(variance + epsilon) + offset


def test_a_perceptron_is_the_loop_over_units_and_ignores_the_context():
    mlp, context, tokens = make_mlp(), draw(N, D), draw(3, D, seed=1)
    expected = np.array([mlp_of(mlp, token) for token in np.asarray(tokens)])
    update = call(mlp, context, tokens)
    np.testing.assert_allclose(update, expected, rtol=0, atol=tolerance(expected))
    np.testing.assert_array_equal(update, call(mlp, np.asarray(context) + 1, tokens))


def test_the_activation_is_near_the_exact_one():
    """The approximation's largest error is below 5e-4; a wrong constant would show."""
    u = np.linspace(-5, 5, 1001)
    assert np.abs(gelu(u) - u * stats.norm.cdf(u)).max() < 5e-4


def test_a_new_perceptron_has_biases_of_zero_and_weights_of_the_stated_variance():
    scale, dim, hidden = 0.3, 60, 90
    mlp = initialise(MLP.initialise, dim, hidden, init_scale=scale, key=jax.random.key(0))
    mlp = jax.tree.map(np.asarray, mlp)
    assert not mlp.hidden_bias.any()
    assert not mlp.output_bias.any()
    for weights, shape, fan_in in (
        (mlp.hidden_weights, (hidden, dim), dim),
        (mlp.output_weights, (dim, hidden), hidden),
    ):
        assert weights.shape == shape
        values = np.asarray(weights).ravel() / np.sqrt(scale / fan_in)
        for sample, expected in ((values, 0.0), (values**2, 1.0)):
            assert abs(sample.mean() - expected) <= 5 * sample.std(ddof=1) / np.sqrt(sample.size)
        assert np.abs(values).max() <= 2 / stats.truncnorm(-2, 2).std() * (1 + 1e3 * EPS)
    ours, theirs = (np.asarray(each).ravel() for each in (mlp.hidden_weights, mlp.output_weights.T))
    assert abs(np.corrcoef(ours, theirs)[0, 1]) <= 5 / np.sqrt(ours.size)


def test_attention_draws_its_weights_by_the_same_law():
    """One query matrix of attention, from the key that `initialise` gives it."""

    @jax.jit
    def draws(key):
        layer = LinearSelfAttention.initialise(D, init_scale=0.3, key=jax.random.clone(key))
        return layer.query, scaled_normal(jax.random.split(key, 4)[1], (1, D, D), fan_in=D, init_scale=0.3)

    np.testing.assert_array_equal(*draws(jax.random.key(3)))


def test_a_layer_on_inputs_neither_sees_nor_touches_the_outputs():
    layer, context, tokens = OnInputs(make_mlp(3), 3), draw(N, D), draw(2, D, seed=1)
    update = np.asarray(call(layer, context, tokens))
    expected = np.array([mlp_of(layer.layer, token[:3]) for token in np.asarray(tokens)])
    np.testing.assert_allclose(update[:, :3], expected, rtol=0, atol=tolerance(expected))
    np.testing.assert_array_equal(update[:, 3:], 0)
    others = [np.where(np.arange(D) < 3, each, 9.0) for each in (context, tokens)]
    np.testing.assert_array_equal(call(layer, *others), update)


def test_attention_on_inputs_reads_the_context():
    """The wrapper is for any layer: it must cut the context as it cuts the tokens."""
    attention = make_attention(3)
    context, tokens = np.asarray(draw(N, D)), np.asarray(draw(2, D, seed=1))
    expected = call(attention, context[:, :3], tokens[:, :3])
    np.testing.assert_array_equal(np.asarray(call(OnInputs(attention, 3), context, tokens))[:, :3], expected)


def test_a_block_of_layers_is_a_transformer_of_them():
    """Tokens after one block are those after its last layer; nothing else of a Transformer changes."""
    mlp = make_mlp()
    attention = make_attention()
    prompt = Prompt(draw(N, 3), draw(N, 2, seed=1), draw(3, seed=2), draw(2, seed=3))
    tokens, layers = JoinedTokens(3, 2), (attention, mlp, attention)
    models = Transformer((Block(layers),) * 2, tokens), Transformer(layers * 2, tokens)
    in_blocks, one_by_one = jax.jit(lambda prompt: [model.token_trajectory(prompt) for model in models])(prompt)
    for ours, theirs in zip(in_blocks, one_by_one, strict=True):
        np.testing.assert_allclose(ours, np.asarray(theirs)[2::3], rtol=0, atol=10 * tolerance(theirs))


def test_a_block_needs_a_layer():
    with pytest.raises(ValueError, match="`layers` must hold at least one layer"):
        Block(())


@pytest.mark.parametrize("epsilon", [1e-5, 0.5])
def test_a_normalised_layer_is_the_layer_of_normalised_tokens(epsilon):
    mlp, context, tokens = make_mlp(), 3 + np.asarray(draw(N, D)), draw(2, D, seed=1)
    scale, offset = draw(D, seed=2), draw(D, seed=3)
    layer = Normalised(mlp, scale, offset, epsilon)
    rows = np.array([normalised(token, np.asarray(scale), np.asarray(offset), epsilon) for token in np.asarray(tokens)])
    expected = np.array([mlp_of(mlp, row) for row in rows])
    np.testing.assert_allclose(call(layer.normalise, tokens), rows, rtol=0, atol=tolerance(rows))
    np.testing.assert_allclose(call(layer, context, tokens), expected, rtol=0, atol=tolerance(expected))


def test_the_context_is_normalised_too():
    attention = make_attention()
    context, tokens = np.asarray(draw(N, D)), np.asarray(draw(2, D, seed=1))
    layer = Normalised.before(attention, D)
    rows, queries = (
        np.array([normalised(token, 1.0, 0.0, layer.epsilon) for token in each]) for each in (context, tokens)
    )
    expected = call(attention, rows, queries)
    np.testing.assert_allclose(call(layer, context, tokens), expected, rtol=0, atol=tolerance(expected))
    grown = call(layer, 1e3 * context, tokens)  # what is normalised away: the scale, up to epsilon / variance
    smallest = context.var(axis=1).min()
    np.testing.assert_allclose(grown, expected, rtol=0, atol=4 * layer.epsilon / smallest * np.abs(expected).max())


def test_embedded_tokens_are_the_inner_tokens_times_a_matrix():
    embedding, start = draw(8, D), draw(2, 3, seed=5)
    tokens = EmbeddedTokens(JoinedTokens(3, 2, start), embedding, dim_y=2)
    prompt = Prompt(draw(N, 3), draw(N, 2, seed=1), draw(3, seed=2), draw(2, seed=3))
    context, query = call(tokens.embed, prompt)
    assert tokens.dim_token == 8
    inner = [np.concatenate([x, y]) for x, y in zip(np.asarray(prompt.xs), np.asarray(prompt.ys), strict=True)]
    expected = np.array([np.asarray(embedding) @ token for token in inner])
    np.testing.assert_allclose(context, expected, rtol=0, atol=tolerance(expected))
    asked = np.concatenate([prompt.query, -np.asarray(start) @ np.asarray(prompt.query)])
    np.testing.assert_allclose(query, np.asarray(embedding) @ asked, rtol=0, atol=tolerance(expected))
    np.testing.assert_array_equal(call(tokens.read, np.arange(8.0)), [-6.0, -7.0])


def test_a_new_embedding_has_weights_of_the_stated_variance():
    tokens = initialise(EmbeddedTokens.initialise, JoinedTokens(30), 200, init_scale=0.2, key=jax.random.key(0))
    values = np.asarray(tokens.embedding).ravel() / np.sqrt(0.2 / 31)
    assert tokens.embedding.shape == (200, 31)
    assert abs((values**2).mean() - 1) <= 5 * (values**2).std(ddof=1) / np.sqrt(values.size)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("dim_token", lambda: MLP.initialise(0, 3, key=jax.random.key(0))),
        ("dim_hidden", lambda: MLP.initialise(3, 0, key=jax.random.key(0))),
        ("init_scale", lambda: MLP.initialise(3, 3, init_scale=-1.0, key=jax.random.key(0))),
        ("dim_x", lambda: OnInputs(make_mlp(), 0)),
        ("epsilon", lambda: Normalised(make_mlp(), draw(D), draw(D), 0.0)),
        ("dim_token", lambda: EmbeddedTokens.initialise(JoinedTokens(3), 0, key=jax.random.key(0))),
        ("init_scale", lambda: EmbeddedTokens.initialise(JoinedTokens(3), 4, init_scale=-1.0, key=jax.random.key(0))),
        ("dim_y", lambda: EmbeddedTokens(JoinedTokens(3), draw(4, 4), dim_y=0)),
        ("dim_y", lambda: EmbeddedTokens(JoinedTokens(3), draw(4, 4), dim_y=5)),
        ("embedding", lambda: EmbeddedTokens(JoinedTokens(3), draw(4, 3))),
    ],
)
def test_impossible_layers_are_refused_by_name(name, make):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        make()
