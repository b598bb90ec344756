"""Positional encodings, tokens that carry them, and the stream that needs them, entry by entry."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.attention import LinearSelfAttention, SoftmaxSelfAttention
from mesascope.models.interleaved import InterleavedTokens
from mesascope.models.positioned import AddedPositions, ConcatenatedPositions
from mesascope.models.positions import SinusoidalPositions, UnitPositions
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
DX, DY, N = 3, 2, 4


@pytest.fixture
def prompt():
    rng = np.random.default_rng(0)
    return Prompt(*jax.device_put([rng.normal(size=shape) for shape in ((N, DX), (N, DY), (DX,), (DY,))]))


def make_layer(kind, dim_token):
    """Of one head, its weights normal of variance 1 / dim_token."""
    shape = (4, 1, dim_token, dim_token)
    return kind(*jax.device_put(np.random.default_rng(0).normal(size=shape) / np.sqrt(dim_token)))


@pytest.mark.parametrize("dim", [1, 2, 5, 10])
def test_sinusoids_entry_by_entry(dim):
    expected = np.zeros((7, dim))
    for position in range(7):
        for pair in range((dim + 1) // 2):
            angle = position / 10_000 ** (2 * pair / dim)
            expected[position, 2 * pair] = math.sin(angle)
            if 2 * pair + 1 < dim:
                expected[position, 2 * pair + 1] = math.cos(angle)
    np.testing.assert_allclose(jax.jit(lambda: SinusoidalPositions(dim).encode(7))(), expected, rtol=0, atol=1e3 * EPS)


def test_the_scalar_product_of_two_sinusoids_depends_on_their_distance():
    """sum_k cos((s - t) w_k), at every pair of positions."""
    places = np.asarray(jax.jit(lambda: SinusoidalPositions(10).encode(21))())
    distance = np.arange(21)[:, None] - np.arange(21)[None, :]
    expected = sum(np.cos(distance * 10_000 ** (-2 * pair / 10)) for pair in range(5))
    np.testing.assert_allclose(places @ places.T, expected, rtol=0, atol=1e3 * EPS * 5)


def test_the_last_entry_of_the_last_of_21_positions():
    """The constant that the authors' readout starts from."""
    last = jax.jit(lambda: SinusoidalPositions(10).encode(21)[-1, -1])()
    np.testing.assert_allclose(last, 0.99992, rtol=0, atol=5e-6)


def test_unit_positions_are_the_first_unit_vectors():
    np.testing.assert_array_equal(
        jax.jit(lambda: UnitPositions(4).encode(3))(), [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    )


def test_there_are_no_more_unit_vectors_than_entries():
    with pytest.raises(ValueError, match="`dim` must be at least 5, one entry a position; got 4"):
        UnitPositions(4).encode(5)


def test_the_stream_entry_by_entry(prompt):
    context, query = jax.jit(InterleavedTokens(DX, DY).embed)(prompt)
    expected = np.zeros((2 * N, DX + DY))
    expected[::2, :DX] = prompt.xs
    expected[1::2, DX - DY : DX] = prompt.ys
    np.testing.assert_array_equal(context, expected)
    np.testing.assert_array_equal(query, [*np.asarray(prompt.query), *np.zeros(DY)])


def test_the_prediction_is_minus_what_was_written_behind_the_query(prompt):
    """The query's own input is in no entry that is read: a model that does nothing predicts zero."""
    tokens = InterleavedTokens(DX, DY)
    _, query = jax.jit(tokens.embed)(prompt)
    read = jax.jit(tokens.read)
    np.testing.assert_array_equal(read(query), np.zeros(DY))
    np.testing.assert_array_equal(read(query + np.array([7.0, 7.0, 7.0, 1.0, -2.0])), [-1.0, 2.0])


@pytest.mark.parametrize("dim_y", [1, 3])
def test_labels_of_the_longest_and_the_shortest_size(dim_y):
    prompt = Prompt(*jax.device_put([np.ones((2, 3)), np.full((2, dim_y), 5.0), np.ones(3), np.ones(dim_y)]))
    context, _ = jax.jit(InterleavedTokens(3, dim_y).embed)(prompt)
    np.testing.assert_array_equal(np.asarray(context)[1], [0.0] * (3 - dim_y) + [5.0] * dim_y + [0.0] * dim_y)


@pytest.mark.parametrize("positions", [SinusoidalPositions(4), UnitPositions(2 * N + 1)])
def test_concatenated_positions_stand_behind_the_token(prompt, positions):
    plain = InterleavedTokens(DX, DY)
    tokens = ConcatenatedPositions(plain, positions)
    embed = jax.jit(lambda prompt: (tokens.embed(prompt), plain.embed(prompt), positions.encode(2 * N + 1)))
    embedded, contents, places = jax.tree.map(np.asarray, embed(prompt))
    for ours, content, place in zip(embedded, contents, (places[:-1], places[-1]), strict=True):
        assert ours.shape[-1] == tokens.dim_token
        np.testing.assert_array_equal(ours[..., : plain.dim_token], content)
        np.testing.assert_array_equal(ours[..., plain.dim_token :], place)
    np.testing.assert_array_equal(jax.jit(tokens.read)(np.arange(float(tokens.dim_token))), [-3.0, -4.0])


def test_added_positions_are_added(prompt):
    plain, positions = JoinedTokens(DX, DY), SinusoidalPositions(DX + DY)
    tokens = AddedPositions(plain, positions)
    assert tokens.dim_token == plain.dim_token
    embed = jax.jit(lambda prompt: (tokens.embed(prompt), plain.embed(prompt), positions.encode(N + 1)))
    embedded, contents, places = jax.tree.map(np.asarray, embed(prompt))
    for ours, content, place in zip(embedded, contents, (places[:-1], places[-1]), strict=True):
        np.testing.assert_array_equal(ours, content + place)
    np.testing.assert_array_equal(jax.jit(tokens.read)(np.arange(5.0)), [-3.0, -4.0])


@pytest.mark.parametrize("wrap", [ConcatenatedPositions, AddedPositions])
@pytest.mark.parametrize("kind", [LinearSelfAttention, SoftmaxSelfAttention])
def test_with_positions_the_order_of_the_examples_matters(wrap, kind, prompt):
    plain = JoinedTokens(DX, DY)
    kinds_of_tokens = wrap(plain, SinusoidalPositions(DX + DY)), plain
    models = [Transformer((make_layer(kind, tokens.dim_token),), tokens) for tokens in kinds_of_tokens]
    predict = jax.jit(lambda prompt: [model(prompt) for model in models])
    backwards = Prompt(
        *jax.device_put([np.asarray(prompt.xs)[::-1], np.asarray(prompt.ys)[::-1], prompt.query, prompt.target])
    )
    placed, unplaced = np.abs(np.subtract(predict(prompt), predict(backwards))).max(axis=1)
    assert placed > 1e-6
    assert unplaced < 1e3 * EPS * 10


def test_positions_are_constants_that_training_never_sees():
    tokens = ConcatenatedPositions(InterleavedTokens(DX, DY), SinusoidalPositions(4))
    assert jax.tree.leaves(tokens) == []
    assert jax.tree.leaves(eqx.filter(AddedPositions(JoinedTokens(2), UnitPositions(3)), eqx.is_array)) == []


def test_positions_have_the_precision_of_the_tokens():
    single = Prompt(*jax.device_put([np.ones(shape, np.float32) for shape in ((2, 3), (2, 2), 3, 2)]))
    tokens = ConcatenatedPositions(InterleavedTokens(3, 2), SinusoidalPositions(4))
    context, query = jax.eval_shape(tokens.embed, single)
    assert {context.dtype, query.dtype} == {jnp.float32.dtype}


@pytest.mark.parametrize(
    ("message", "make"),
    [
        ("`dim` must be an integer of at least 1", lambda: SinusoidalPositions(0)),
        ("`dim` must be an integer of at least 1", lambda: UnitPositions(0)),
        ("`dim_y` must be an integer of at least 1", lambda: InterleavedTokens(3, 0)),
        ("`dim_x` must be an integer of at least 2", lambda: InterleavedTokens(1, 2)),
        ("`positions` must be of the tokens' size, 5", lambda: AddedPositions(JoinedTokens(3, 2), UnitPositions(4))),
    ],
)
def test_impossible_tokens_are_refused_by_name(message, make):
    with pytest.raises(ValueError, match=message):
        make()
