"""Attention and Transformers against loops over tokens and heads, written from the equations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy import stats

from mesascope.models import _initial, attention
from mesascope.models.attention import LinearSelfAttention, SoftmaxSelfAttention, read_context
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
DX, DY, HEADS, KEY = 3, 2, 2, 4
D = DX + DY
KINDS = pytest.mark.parametrize("kind", [LinearSelfAttention, SoftmaxSelfAttention])


def make_layer(kind=LinearSelfAttention, seed=0, heads=HEADS, scale=0.5):
    rng = np.random.default_rng(seed)
    shapes = [(heads, KEY, D)] * 3 + [(heads, D, KEY)]
    return kind(*(jnp.asarray(scale * rng.normal(size=shape)) for shape in shapes))


def make_prompt(n=5, seed=1):
    rng = np.random.default_rng(seed)
    return Prompt(*(jnp.asarray(rng.normal(size=shape)) for shape in ((n, DX), (n, DY), (DX,), (DY,))))


def update_of(layer, context, token):
    """sum_h P_h V_h K_h^T q_h, or P_h V_h softmax(K_h^T q_h / sqrt(k)): one head, one context token at a time."""
    update = np.zeros(D)
    matrices = map(np.asarray, (layer.key, layer.query, layer.value, layer.output))
    for w_key, w_query, w_value, output in zip(*matrices, strict=True):
        query = w_query @ token
        scores = np.array([(w_key @ other) @ query for other in context])
        if isinstance(layer, SoftmaxSelfAttention):
            scores = scores / np.sqrt(len(query))
            scores = np.exp(scores - scores.max())
            scores = scores / scores.sum()
        for score, other in zip(scores, context, strict=True):
            update += score * (output @ (w_value @ other))
    return update


def token_loop(layers, prompt, num_repeats=1, dampening=1.0, start=None):
    """All context tokens and the query token after each layer."""
    start = np.zeros((DY, DX)) if start is None else np.asarray(start)
    context = [np.concatenate([x, y]) for x, y in zip(np.asarray(prompt.xs), np.asarray(prompt.ys), strict=True)]
    query = np.concatenate([prompt.query, -start @ np.asarray(prompt.query)])
    contexts, queries = [], []
    for layer in list(layers) * num_repeats:
        updates = [update_of(layer, context, token) for token in (*context, query)]
        context = [token + dampening * update for token, update in zip(context, updates[:-1], strict=True)]
        query = query + dampening * updates[-1]
        contexts.append(context)
        queries.append(query)
    return np.array(contexts), np.array(queries)


def tolerance(*expected):
    return 1e3 * EPS * max(1, *(np.abs(each).max() for each in expected))


@KINDS
@pytest.mark.parametrize(("num_context", "num_tokens"), [(1, 1), (5, 1), (5, 5), (9, 3)])
def test_a_layer_is_the_sum_over_heads_and_tokens(kind, num_context, num_tokens):
    rng = np.random.default_rng(2)
    context, tokens = rng.normal(size=(num_context, D)), rng.normal(size=(num_tokens, D))
    layer = make_layer(kind)
    expected = np.array([update_of(layer, context, token) for token in tokens])
    np.testing.assert_allclose(layer(jnp.asarray(context), jnp.asarray(tokens)), expected, atol=tolerance(expected))


def test_softmax_survives_large_scores():
    """Hard attention: the token asked for, and no overflow."""
    eye = jnp.eye(D)[None]
    context = jnp.asarray(np.random.default_rng(0).normal(size=(4, D)))
    layer = SoftmaxSelfAttention(eye, 1e6 * eye, eye, eye)
    update = layer(context, context[:1])
    asked = int(jnp.argmax(context @ context[0]))
    np.testing.assert_allclose(update[0], context[asked], rtol=0, atol=tolerance(context))


@pytest.mark.parametrize(
    ("num_examples", "num_directions"), [(1, 1), (2, 1), (50, 1), (50, 7), (2, 7), (1, 40), (4, 4)]
)
def test_both_orders_of_reading_the_context_agree(num_examples, num_directions):
    rng = np.random.default_rng(3)
    context, directions = rng.normal(size=(num_examples, 6)), rng.normal(size=(num_directions, 6))
    expected = np.array([sum((e @ r) * e for e in context) for r in directions])
    answer = jax.jit(read_context)(jnp.asarray(context), jnp.asarray(directions))
    np.testing.assert_allclose(answer, expected, rtol=0, atol=tolerance(expected))


@pytest.mark.parametrize(("num_directions", "uses_moment"), [(1, False), (50, True)])
def test_the_cheaper_order_is_taken(num_directions, uses_moment, monkeypatch):
    """One direction costs 2 m n d through the tokens, m d^2 + n d^2 through the moment: both branches are reached."""
    reached = []
    monkeypatch.setattr(attention, "matmul", lambda a, b: reached.append(a.shape) or a @ b)
    read_context(jnp.ones((50, 6)), jnp.ones((num_directions, 6)))
    assert bool(reached) == uses_moment


@KINDS
@pytest.mark.parametrize(
    ("num_layers", "num_repeats", "dampening", "heads"),
    [(1, 1, 1.0, 1), (2, 1, 1.0, 2), (1, 3, 0.75, 2), (2, 2, 0.5, 1)],
)
def test_a_transformer_is_the_loop_over_layers_and_tokens(kind, num_layers, num_repeats, dampening, heads):
    prompt, start = make_prompt(), jnp.asarray(np.random.default_rng(4).normal(size=(DY, DX)))
    layers = tuple(make_layer(kind, seed, heads, 0.3) for seed in range(num_layers))
    model = Transformer(layers, JoinedTokens(DX, DY, start), num_repeats, dampening)
    contexts, queries = token_loop(layers, prompt, num_repeats, dampening, start)
    seen = eqx.filter_jit(model.token_trajectory)(prompt)
    np.testing.assert_allclose(seen[0], contexts, rtol=0, atol=tolerance(contexts))
    np.testing.assert_allclose(seen[1], queries, rtol=0, atol=tolerance(queries))
    trajectory = eqx.filter_jit(model.trajectory)(prompt)
    assert trajectory.shape == (num_layers * num_repeats, DY)
    np.testing.assert_allclose(trajectory, -queries[:, DX:], rtol=0, atol=tolerance(queries, contexts))
    np.testing.assert_allclose(model(prompt), -queries[-1, DX:], rtol=0, atol=tolerance(queries, contexts))


@KINDS
def test_the_query_is_never_attended_to(kind):
    """Another query leaves every context token as it is."""
    prompt = make_prompt()
    model = Transformer((make_layer(kind), make_layer(kind, 1)), JoinedTokens(DX, DY))
    read = eqx.filter_jit(model.token_trajectory)
    contexts, queries = read(prompt)
    other_contexts, other_queries = read(prompt.with_query(prompt.query + 1))
    np.testing.assert_array_equal(contexts, other_contexts)
    assert (queries != other_queries).all()


def test_repeats_are_equal_layers_stacked():
    layers = (make_layer(seed=0, scale=0.3), make_layer(seed=1, scale=0.3))
    repeated = Transformer(layers, JoinedTokens(DX, DY), num_repeats=3, dampening=0.6)
    stacked = Transformer(layers * 3, JoinedTokens(DX, DY), dampening=0.6)
    ours, theirs = (eqx.filter_jit(model.trajectory)(make_prompt()) for model in (repeated, stacked))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(theirs))


def test_no_dampening_is_full_steps_and_all_of_it_is_none():
    prompt = make_prompt()
    still = Transformer((make_layer(),), JoinedTokens(DX, DY), 2, 0.0)
    np.testing.assert_array_equal(still.trajectory(prompt), np.zeros((2, DY)))
    half = Transformer((make_layer(),), JoinedTokens(DX, DY), 1, 0.5)
    whole = Transformer((make_layer(),), JoinedTokens(DX, DY))
    np.testing.assert_allclose(2 * half(prompt), whole(prompt), rtol=0, atol=tolerance(whole(prompt)))


def test_the_order_of_the_examples_does_not_matter():
    prompt, order = make_prompt(), np.array([3, 1, 4, 0, 2])
    model = Transformer((make_layer(), make_layer(SoftmaxSelfAttention, 1)), JoinedTokens(DX, DY))
    shuffled = Prompt(prompt.xs[order], prompt.ys[order], prompt.query, prompt.target)
    np.testing.assert_allclose(model(prompt), model(shuffled), rtol=0, atol=tolerance(model(prompt)))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_canonical_layer_is_the_same_map_with_its_gauge_fixed(sign):
    layer = make_layer()
    layer = eqx.tree_at(lambda each: each.query, layer, sign * layer.query)
    canonical = layer.canonical()
    tokens = make_prompt().xs @ jnp.ones((DX, D)) + jnp.eye(D)
    expected = layer(tokens, tokens)
    np.testing.assert_allclose(canonical(tokens, tokens), expected, rtol=0, atol=tolerance(expected))
    for head in range(HEADS):
        key_query = np.asarray(canonical.key_query[head])
        np.testing.assert_allclose(np.linalg.norm(key_query), 1, rtol=1e3 * EPS)
        assert np.trace(key_query) > 0
        np.testing.assert_array_equal(canonical.key[head], np.eye(D))
        np.testing.assert_array_equal(canonical.output[head], np.eye(D))


@pytest.mark.parametrize("scale", [0.1, -3.0, 1e4])
def test_the_whole_orbit_has_one_canonical_member(scale):
    layer = make_layer()
    moved = eqx.tree_at(lambda each: (each.key, each.output), layer, (scale * layer.key, layer.output / scale))
    for ours, theirs in zip(jax.tree.leaves(moved.canonical()), jax.tree.leaves(layer.canonical()), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(theirs))


def test_a_head_that_asks_nothing_keeps_its_scale():
    layer = make_layer()
    layer = eqx.tree_at(lambda each: each.query, layer, layer.query.at[0].set(0.0))
    canonical = layer.canonical()
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(canonical))
    np.testing.assert_array_equal(canonical.key_query[0], np.zeros((D, D)))
    np.testing.assert_array_equal(canonical.output_value[0], layer.output_value[0])


def test_a_canonical_transformer_is_the_same_map():
    model = Transformer((make_layer(scale=0.3), make_layer(seed=1, scale=0.3)), JoinedTokens(DX, DY), 2, 0.5)
    canonical = model.canonical()
    assert (canonical.num_repeats, canonical.dampening) == (2, 0.5)
    np.testing.assert_allclose(
        canonical.trajectory(make_prompt()), model.trajectory(make_prompt()), rtol=0, atol=tolerance(np.ones(1))
    )


def test_softmax_has_no_gauge():
    model = Transformer((make_layer(), make_layer(SoftmaxSelfAttention)), JoinedTokens(DX, DY))
    with pytest.raises(TypeError, match="needs linear attention"):
        model.canonical()


@KINDS
def test_initial_weights_have_their_shapes_and_precision(kind):
    layer = kind.initialise(5, num_heads=3, dim_key=2, key=jax.random.key(0))
    assert [leaf.shape for leaf in jax.tree.leaves(layer)] == [(3, 2, 5)] * 3 + [(3, 5, 2)]
    assert {leaf.dtype for leaf in jax.tree.leaves(layer)} == {jnp.float64.dtype}
    assert kind.initialise(5, key=jax.random.key(0)).key.shape == (1, 5, 5)


def test_initial_weights_are_truncated_normals_of_the_stated_variance():
    """Variance init_scale / fan_in; fan_in is the token for K, Q and V, all heads' keys together for P."""
    scale, dim_token, dim_key, heads = 0.3, 50, 20, 40
    layer = LinearSelfAttention.initialise(
        dim_token, num_heads=heads, dim_key=dim_key, init_scale=scale, key=jax.random.key(0)
    )
    fan_ins = {"key": dim_token, "query": dim_token, "value": dim_token, "output": heads * dim_key}
    for name, fan_in in fan_ins.items():
        weights = np.asarray(getattr(layer, name)).ravel() / np.sqrt(scale / fan_in)
        for values, expected in ((weights, 0.0), (weights**2, 1.0)):
            assert abs(values.mean() - expected) <= 5 * values.std(ddof=1) / np.sqrt(values.size)
        bound = 2 / stats.truncnorm(-2, 2).std()
        assert bound * (1 - 1e-3) < np.abs(weights).max() <= bound * (1 + 1e3 * EPS)
    flat = [np.asarray(getattr(layer, name)).ravel() for name in fan_ins]
    correlations = np.corrcoef(flat)[np.triu_indices(4, 1)]
    assert (np.abs(correlations) <= 5 / np.sqrt(flat[0].size)).all()


def test_the_truncated_normals_standard_deviation_is_scipys():
    np.testing.assert_allclose(_initial.TRUNCATED_NORMAL_STD, stats.truncnorm(-2, 2).std(), rtol=1e3 * EPS)


@pytest.mark.parametrize(("num_layers", "num_repeats"), [(1, 1), (3, 1), (1, 4), (2, 2)])
def test_the_initial_scale_is_divided_by_the_depth(num_layers, num_repeats):
    """Layer by layer the draws of `initialise`, with a variance smaller by the depth."""
    key = jax.random.key(0)
    model = Transformer.initialise(
        DX, DY, num_layers=num_layers, num_repeats=num_repeats, init_scale=0.5, key=jax.random.clone(key)
    )
    assert (len(model.layers), model.num_repeats) == (num_layers, num_repeats)
    for layer, layer_key in zip(model.layers, jax.random.split(key, num_layers), strict=True):
        alone = LinearSelfAttention.initialise(D, init_scale=0.5, key=layer_key)
        for ours, theirs in zip(jax.tree.leaves(layer), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(ours * np.sqrt(num_layers * num_repeats), theirs, rtol=1e3 * EPS)


@KINDS
def test_gradients_are_finite_differences(kind):
    """Central differences of step h err by h^2 f''' / 6 and eps f / h: h = eps^(1/3), both near 1e-10."""
    prompt = make_prompt()
    model = Transformer((make_layer(kind, 0, scale=0.4), make_layer(kind, 1, scale=0.4)), JoinedTokens(DX, DY), 2, 0.5)
    params, static = eqx.partition(model, eqx.is_inexact_array)
    flat, unravel = ravel_pytree(params)

    @jax.jit
    def loss(flat):
        return jnp.sum((eqx.combine(unravel(flat), static)(prompt) - prompt.target) ** 2) / 2

    gradient = jax.jit(jax.grad(loss))(flat)
    assert (gradient != 0).mean() > 0.5
    step, rng = EPS ** (1 / 3), np.random.default_rng(5)
    for _ in range(5):
        direction = jnp.asarray(rng.normal(size=flat.size))
        direction = direction / jnp.linalg.norm(direction)
        difference = (loss(flat + step * direction) - loss(flat - step * direction)) / (2 * step)
        scale = max(1.0, float(loss(flat)), float(jnp.linalg.norm(gradient)))
        np.testing.assert_allclose(direction @ gradient, difference, rtol=0, atol=1e3 * EPS ** (2 / 3) * scale)


def test_a_model_needs_a_layer():
    with pytest.raises(ValueError, match="`layers` must hold at least one layer"):
        Transformer((), JoinedTokens(DX))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("num_repeats", lambda: Transformer((make_layer(),), JoinedTokens(DX, DY), 0)),
        ("dampening", lambda: Transformer((make_layer(),), JoinedTokens(DX, DY), 1, -0.5)),
        ("dampening", lambda: Transformer((make_layer(),), JoinedTokens(DX, DY), 1, float("nan"))),
        ("num_layers", lambda: Transformer.initialise(DX, num_layers=0, key=jax.random.key(0))),
        ("num_repeats", lambda: Transformer.initialise(DX, num_repeats=0, key=jax.random.key(0))),
        ("num_heads", lambda: Transformer.initialise(DX, num_heads=0, key=jax.random.key(0))),
        ("init_scale", lambda: Transformer.initialise(DX, init_scale=-1.0, key=jax.random.key(0))),
        ("dim_x", lambda: Transformer.initialise(0, key=jax.random.key(0))),
        ("dim_y", lambda: JoinedTokens(DX, 0)),
        ("dim_key", lambda: LinearSelfAttention.initialise(3, dim_key=0, key=jax.random.key(0))),
        ("dim_token", lambda: LinearSelfAttention.initialise(0, key=jax.random.key(0))),
        ("initial_weights", lambda: JoinedTokens(DX, DY, jnp.zeros((DX, DY)))),
    ],
)
def test_impossible_models_are_refused_by_name(name, make):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        make()


@pytest.mark.parametrize(("num_layers", "num_repeats", "heads"), [(1, 3, 1), (3, 1, 2), (2, 2, 1)])
def test_a_long_context_is_read_by_its_moment_to_the_same_predictions(num_layers, num_repeats, heads):
    shape = {"num_layers": num_layers, "num_repeats": num_repeats, "num_heads": heads, "init_scale": 0.5}
    model = Transformer.initialise(DX, DY, **shape, key=jax.random.key(3))
    model = Transformer(model.layers, model.tokens, num_repeats, dampening=0.7)
    xs, ys, query = (jax.random.normal(jax.random.key(i), (12, size)) for i, size in enumerate((DX, DY, DX)))
    prompt = Prompt(xs, ys, query[0], jnp.zeros(DY))
    assert model.keeps_moments
    assert prompt.num_examples > D
    by_tokens = jax.vmap(model.tokens.read)(model.token_trajectory(prompt)[1])
    scale = float(jnp.abs(by_tokens).max())
    np.testing.assert_allclose(model.trajectory(prompt), by_tokens, rtol=0, atol=1e4 * EPS * max(scale, 1.0))


def test_tokens_are_cut_off_after_each_layer():
    model = Transformer.initialise(DX, DY, num_repeats=3, init_scale=30.0, token_bound=1.5, key=jax.random.key(3))
    free = Transformer(model.layers, model.tokens, 3)
    xs, ys, query = (jax.random.normal(jax.random.key(i), (12, size)) for i, size in enumerate((DX, DY, DX)))
    prompt = Prompt(xs, ys, query[0], jnp.zeros(DY))
    context, query_token = model.tokens.embed(prompt)
    for tokens, last in zip(*model.token_trajectory(prompt), strict=True):
        layer = model.layers[0]
        expected = np.clip(query_token + layer(context, query_token[None])[0], -1.5, 1.5)
        context, query_token = np.clip(context + layer(context, context), -1.5, 1.5), expected
        np.testing.assert_allclose(tokens, context, rtol=0, atol=1e-12)
        np.testing.assert_allclose(last, query_token, rtol=0, atol=1e-12)
        context, query_token = jnp.asarray(context), jnp.asarray(query_token)
    assert float(jnp.abs(free.trajectory(prompt)).max()) > 1.5
    assert not model.keeps_moments
    with pytest.raises(ValueError, match="`token_bound` must be"):
        Transformer(model.layers, model.tokens, token_bound=0.0)


def test_products_are_each_layer_s_and_each_head_s():
    model = Transformer.initialise(DX, DY, num_layers=2, num_heads=3, key=jax.random.key(0))
    key_query, output_value = model.products()
    assert key_query.shape == output_value.shape == (2, 3, D, D)
    second = model.layers[1]
    np.testing.assert_allclose(key_query[1, 2], second.key[2].T @ second.query[2], rtol=1e-12)
    np.testing.assert_allclose(output_value[1, 2], second.output[2] @ second.value[2], rtol=1e-12)
