"""Attention and Transformers against loops over tokens and heads, written from the equations."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import stats

from mesascope.models import _initial, attention
from mesascope.models.attention import LinearSelfAttention, SoftmaxSelfAttention, read_context, sign_of
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
DX, DY, HEADS, KEY = 3, 2, 2, 4
D = DX + DY
KINDS = pytest.mark.parametrize("kind", [LinearSelfAttention, SoftmaxSelfAttention])


call = eqx.filter_jit(lambda function, *arguments: function(*arguments))
initialise = eqx.filter_jit(lambda make, key, **sizes: make(**sizes, key=key))


def make_layer(kind=LinearSelfAttention, seed=0, heads=HEADS, scale=0.5):
    rng = np.random.default_rng(seed)
    shapes = [(heads, KEY, D)] * 3 + [(heads, D, KEY)]
    return kind(*jax.device_put([scale * rng.normal(size=shape) for shape in shapes]))


def make_prompt(n=5, seed=1):
    rng = np.random.default_rng(seed)
    return Prompt(*jax.device_put([rng.normal(size=shape) for shape in ((n, DX), (n, DY), (DX,), (DY,))]))


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
def test_a_layer_is_the_sum_over_heads_and_tokens(kind):
    rng, layer = np.random.default_rng(2), make_layer(kind)
    cases = [(rng.normal(size=(n, D)), rng.normal(size=(m, D))) for n, m in ((1, 1), (5, 1), (5, 5), (9, 3))]
    updates = jax.jit(lambda cases: [layer(*case) for case in cases])(cases)
    for (context, tokens), update in zip(cases, updates, strict=True):
        expected = np.array([update_of(layer, context, token) for token in tokens])
        np.testing.assert_allclose(update, expected, atol=tolerance(expected))


def test_softmax_survives_large_scores():
    """Hard attention: the token asked for, and no overflow."""
    eye = jnp.asarray(np.eye(D)[None])
    context = np.random.default_rng(0).normal(size=(4, D))
    layer = SoftmaxSelfAttention(eye, jnp.asarray(1e6 * np.eye(D)[None]), eye, eye)
    update = call(layer, context, context[:1])
    asked = np.argmax(context @ context[0])
    np.testing.assert_allclose(update[0], context[asked], rtol=0, atol=tolerance(context))


def test_both_orders_of_reading_the_context_agree():
    rng = np.random.default_rng(3)
    sizes = [(1, 1), (2, 1), (50, 1), (50, 7), (2, 7), (1, 40), (4, 4)]
    cases = [(rng.normal(size=(n, 6)), rng.normal(size=(m, 6))) for n, m in sizes]
    answers = jax.jit(lambda cases: [read_context(*case) for case in cases])(cases)
    for (context, directions), answer in zip(cases, answers, strict=True):
        expected = np.array([sum((e @ r) * e for e in context) for r in directions])
        np.testing.assert_allclose(answer, expected, rtol=0, atol=tolerance(expected))


@pytest.mark.parametrize(("num_directions", "uses_moment"), [(1, False), (50, True)])
def test_the_cheaper_order_is_taken(num_directions, uses_moment, monkeypatch):
    """One direction costs 2 m n d through the tokens, m d^2 + n d^2 through the moment: both branches are reached."""
    reached = []
    monkeypatch.setattr(attention, "matmul", lambda a, b: reached.append(a.shape) or a @ b)
    jax.eval_shape(read_context, np.ones((50, 6)), np.ones((num_directions, 6)))
    assert bool(reached) == uses_moment


def make_both(scale=0.5):
    """A layer of each kind, of one head and of two."""
    return make_layer(scale=scale), make_layer(SoftmaxSelfAttention, 1, heads=1, scale=scale)


@pytest.mark.parametrize(("num_repeats", "dampening"), [(1, 1.0), (3, 0.75)])
def test_a_transformer_is_the_loop_over_layers_and_tokens(num_repeats, dampening):
    """The same layers again and again are as many stacked."""
    prompt, start = make_prompt(), jax.device_put(np.random.default_rng(4).normal(size=(DY, DX)))
    layers = make_both(0.3)
    model = Transformer(layers, JoinedTokens(DX, DY, start), num_repeats, dampening)
    contexts, queries = token_loop(layers, prompt, num_repeats, dampening, start)
    walk = jax.jit(lambda prompt: (model.token_trajectory(prompt), model.trajectory(prompt), model(prompt)))
    seen, trajectory, prediction = walk(prompt)
    np.testing.assert_allclose(seen[0], contexts, rtol=0, atol=tolerance(contexts))
    np.testing.assert_allclose(seen[1], queries, rtol=0, atol=tolerance(queries))
    assert trajectory.shape == (2 * num_repeats, DY)
    np.testing.assert_allclose(trajectory, -queries[:, DX:], rtol=0, atol=tolerance(queries, contexts))
    np.testing.assert_allclose(prediction, -queries[-1, DX:], rtol=0, atol=tolerance(queries, contexts))


def test_the_query_is_never_attended_to():
    """Another query leaves every context token as it is."""
    prompt, model = make_prompt(), Transformer(make_both(), JoinedTokens(DX, DY))
    other = prompt.with_query(jax.device_put(np.asarray(prompt.query) + 1))
    walk = jax.jit(lambda prompt: model.token_trajectory(prompt))
    (contexts, queries), (other_contexts, other_queries) = walk(prompt), walk(other)
    np.testing.assert_array_equal(contexts, other_contexts)
    assert np.not_equal(queries, other_queries).all()


def test_no_dampening_is_full_steps_and_all_of_it_is_none():
    still = Transformer((make_layer(),), JoinedTokens(DX, DY), 2, 0.0)
    half = Transformer((make_layer(),), JoinedTokens(DX, DY), 1, 0.5)
    whole = Transformer((make_layer(),), JoinedTokens(DX, DY))
    none, by_half, full = jax.jit(lambda prompt: (still.trajectory(prompt), half(prompt), whole(prompt)))(make_prompt())
    np.testing.assert_array_equal(none, np.zeros((2, DY)))
    np.testing.assert_allclose(2 * np.asarray(by_half), full, rtol=0, atol=tolerance(full))


def test_the_order_of_the_examples_does_not_matter():
    prompt, order = make_prompt(), np.array([3, 1, 4, 0, 2])
    model = Transformer((make_layer(), make_layer(SoftmaxSelfAttention, 1)), JoinedTokens(DX, DY))
    shuffled = eqx.tree_at(lambda p: (p.xs, p.ys), prompt, (np.asarray(prompt.xs)[order], np.asarray(prompt.ys)[order]))
    ours, theirs = (call(model, each) for each in (prompt, shuffled))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(ours))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_canonical_layer_is_the_same_map_with_its_gauge_fixed(sign):
    layer = make_layer()
    layer = eqx.tree_at(lambda each: each.query, layer, sign * np.asarray(layer.query))
    tokens = np.asarray(make_prompt().xs) @ np.ones((DX, D)) + np.eye(D)
    canonical, key_queries, ours, expected = fix_gauge(layer, tokens)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance(expected))
    for head, key_query in enumerate(np.asarray(key_queries)):
        np.testing.assert_allclose(np.linalg.norm(key_query), 1, rtol=1e3 * EPS)
        assert np.trace(key_query) > 0
        np.testing.assert_array_equal(np.asarray(canonical.key)[head], np.eye(D))
        np.testing.assert_array_equal(np.asarray(canonical.output)[head], np.eye(D))


@jax.jit
def fix_gauge(layer, tokens):
    canonical = layer.canonical()
    return canonical, canonical.key_query, canonical(tokens, tokens), layer(tokens, tokens)


@pytest.mark.parametrize("scale", [0.1, -3.0, 1e4])
def test_the_whole_orbit_has_one_canonical_member(scale):
    layer = make_layer()
    weights = scale * np.asarray(layer.key), np.asarray(layer.output) / scale
    moved = eqx.tree_at(lambda each: (each.key, each.output), layer, weights)
    canonical = [jax.tree.leaves(call(LinearSelfAttention.canonical, each)) for each in (moved, layer)]
    for ours, theirs in zip(*canonical, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(theirs))


TURN = np.array([[0.0, 0.3, 0.7], [-0.3, 0.0, 0.1], [-0.7, -0.1, 0.0]])
SIGNS = (
    (TURN, 1.0),  # of its two largest entries, the first is positive
    (-TURN, -1.0),
    (TURN + 1e-15 * np.eye(3), 1.0),  # a trace of roundings
    (TURN - 1e-15 * np.eye(3), 1.0),
    (TURN + 1e-15 * np.triu(np.ones((3, 3))).T, 1.0),  # of as large ones, by a rounding the last
    (TURN - 0.01 * np.eye(3), -1.0),  # the trace decides wherever there is one
    (np.diag([1.0, -1.0, 0.0]), 1.0),
    (1j * TURN, 1j),
    (np.zeros((3, 3)), 0.0),
)


def test_a_matrix_and_its_negative_are_told_apart_where_there_is_no_trace_too():
    found = jax.jit(lambda: [sign_of(jnp.asarray(each)) for each, _ in SIGNS])()
    assert [complex(each) for each in found] == [complex(sign) for _, sign in SIGNS]


@pytest.mark.parametrize("scale", [-1.0, 0.1, -3.0])
def test_the_orbit_of_a_head_without_a_trace_has_one_canonical_member(scale):
    """W_K^T W_Q is antisymmetric, but for roundings: W_K any matrix, W_Q its inverse transposed times such a one."""
    rng = np.random.default_rng(0)
    key_, turn, output, value = rng.normal(size=(4, 1, D, D))
    query = np.linalg.solve(np.matrix_transpose(key_), turn - np.matrix_transpose(turn))
    orbit = [(key_, query, value, output), (scale * key_, query, value, output / scale)]
    found = [
        jax.tree.leaves(call(LinearSelfAttention.canonical, LinearSelfAttention(*map(jnp.asarray, each))))
        for each in orbit
    ]
    condition = np.linalg.cond(key_[0])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=condition * tolerance(theirs))


def test_a_head_that_asks_nothing_keeps_its_scale():
    layer = make_layer()
    layer = eqx.tree_at(lambda each: each.query, layer, np.asarray(layer.query) * np.array([0, 1])[:, None, None])
    products = lambda layer: (layer, layer.key_query[0], layer.output_value[0])  # noqa: E731
    (_, _, before), (canonical, key_query, after) = call(
        lambda layer: (products(layer), products(layer.canonical())), layer
    )
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(canonical))
    np.testing.assert_array_equal(key_query, np.zeros((D, D)))
    np.testing.assert_array_equal(after, before)


def test_a_canonical_transformer_is_the_same_map():
    model = Transformer((make_layer(scale=0.3), make_layer(seed=1, scale=0.3)), JoinedTokens(DX, DY), 2, 0.5)
    canonical = call(Transformer.canonical, model)
    assert (canonical.num_repeats, canonical.dampening) == (2, 0.5)
    assert not any(map(np.array_equal, jax.tree.leaves(canonical.layers), jax.tree.leaves(model.layers)))
    walk = jax.jit(lambda model, prompt: model.trajectory(prompt))
    ours, theirs = (walk(each, make_prompt()) for each in (canonical, model))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(np.ones(1)))


def test_softmax_has_no_gauge():
    model = Transformer((make_layer(), make_layer(SoftmaxSelfAttention)), JoinedTokens(DX, DY))
    with pytest.raises(TypeError, match="needs linear attention"):
        eqx.filter_eval_shape(model.canonical)


@KINDS
def test_initial_weights_have_their_shapes_and_precision(kind):
    layer = jax.eval_shape(partial(kind.initialise, 5, num_heads=3, dim_key=2), key=jax.random.key(0))
    plain = jax.eval_shape(partial(kind.initialise, 5), key=jax.random.key(0))
    assert [leaf.shape for leaf in jax.tree.leaves(layer)] == [(3, 2, 5)] * 3 + [(3, 5, 2)]
    assert {leaf.dtype for leaf in jax.tree.leaves(layer)} == {jnp.float64.dtype}
    assert plain.key.shape == (1, 5, 5)


def test_initial_weights_are_truncated_normals_of_the_stated_variance():
    """Variance init_scale / fan_in; fan_in is the token for K, Q and V, all heads' keys together for P."""
    scale, dim_token, dim_key, heads = 0.3, 50, 20, 40
    sizes = {"dim_token": dim_token, "num_heads": heads, "dim_key": dim_key, "init_scale": scale}
    layer = initialise(LinearSelfAttention.initialise, jax.random.key(0), **sizes)
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


def test_the_initial_scale_is_divided_by_the_depth():
    """Layer by layer the draws of `initialise`, with a variance smaller by the depth."""
    num_layers, num_repeats = 2, 3

    @jax.jit
    def draw(key):
        sizes = {"num_layers": num_layers, "num_repeats": num_repeats, "init_scale": 0.5}
        keys = jax.random.split(jax.random.clone(key), num_layers)
        alone = lax.map(lambda key: LinearSelfAttention.initialise(D, init_scale=0.5, key=key), keys)
        return Transformer.initialise(DX, DY, **sizes, key=key), alone

    model, stacked = jax.tree.map(np.asarray, draw(jax.random.key(0)))
    assert (len(model.layers), model.num_repeats) == (num_layers, num_repeats)
    layers = [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(num_layers)]
    for ours, theirs in zip(jax.tree.leaves(model.layers), jax.tree.leaves(layers), strict=True):
        np.testing.assert_allclose(ours * np.sqrt(num_layers * num_repeats), theirs, rtol=1e3 * EPS)


def test_gradients_are_finite_differences():
    """Central differences of step h err by h^2 f''' / 6 and eps f / h: h = eps^(1/3), both near 1e-10."""
    prompt, model = make_prompt(), Transformer(make_both(0.4), JoinedTokens(DX, DY), 2, 0.5)
    params, static = eqx.partition(jax.tree.map(np.asarray, model), eqx.is_inexact_array)

    @jax.jit
    @jax.value_and_grad
    def loss_and_gradient(params):
        return jnp.sum((eqx.combine(params, static)(prompt) - prompt.target) ** 2) / 2

    def flat(tree):
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])

    def loss(along, step):
        return float(loss_and_gradient(jax.tree.map(lambda at, towards: at + step * towards, params, along))[0])

    gradient = flat(loss_and_gradient(params)[1])
    assert (gradient != 0).mean() > 0.5
    step, rng = EPS ** (1 / 3), np.random.default_rng(5)
    for _ in range(5):
        direction = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params)
        norm = np.linalg.norm(flat(direction))
        direction = jax.tree.map(lambda leaf, norm=norm: leaf / norm, direction)
        difference = (loss(direction, step) - loss(direction, -step)) / (2 * step)
        scale = max(1.0, loss(direction, 0.0), np.linalg.norm(gradient))
        expected = flat(direction) @ gradient
        np.testing.assert_allclose(expected, difference, rtol=0, atol=1e3 * EPS ** (2 / 3) * scale)


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


def test_a_long_context_is_read_by_its_moment_to_the_same_predictions():
    layers = tuple(make_layer(seed=seed, scale=0.15) for seed in range(2))
    model, prompt = Transformer(layers, JoinedTokens(DX, DY), num_repeats=3, dampening=0.7), make_prompt(12)
    assert model.keeps_moments
    assert prompt.num_examples > D

    @jax.jit
    def answers(prompt):
        return model.trajectory(prompt), jax.vmap(model.tokens.read)(model.token_trajectory(prompt)[1])

    by_moment, by_tokens = answers(prompt)
    scale = np.abs(by_tokens).max()
    np.testing.assert_allclose(by_moment, by_tokens, rtol=0, atol=1e4 * EPS * max(scale, 1.0))
    assert 1e-2 < np.abs(by_tokens[-1] - by_tokens[0]).max() < scale < 1e2


def test_tokens_are_cut_off_after_each_layer():
    layer, prompt = make_layer(heads=1), make_prompt(12)
    bounded, free = (Transformer((layer,), JoinedTokens(DX, DY), 3, token_bound=bound) for bound in (1.5, None))
    walk = jax.jit(
        lambda prompt: (bounded.tokens.embed(prompt), bounded.token_trajectory(prompt), free.trajectory(prompt))
    )
    (context, query), trajectory, unbounded = jax.tree.map(np.asarray, walk(prompt))
    for tokens, last in zip(*trajectory, strict=True):
        update = np.array([update_of(layer, context, token) for token in (*context, query)])
        context, query = np.clip(context + update[:-1], -1.5, 1.5), np.clip(query + update[-1], -1.5, 1.5)
        np.testing.assert_allclose(tokens, context, rtol=0, atol=1e-12)
        np.testing.assert_allclose(last, query, rtol=0, atol=1e-12)
    assert 0.1 < (np.abs(trajectory[0]) < 1.5).mean() < 0.9  # some are cut off, some are not
    assert np.abs(unbounded).max() > 1.5
    assert not bounded.keeps_moments
    with pytest.raises(ValueError, match="`token_bound` must be"):
        Transformer((layer,), JoinedTokens(DX, DY), token_bound=0.0)


def test_products_are_each_layer_s_and_each_head_s():
    model = Transformer(tuple(make_layer(seed=seed, heads=3) for seed in range(2)), JoinedTokens(DX, DY))
    key_query, output_value = map(np.asarray, call(model.products))
    assert key_query.shape == output_value.shape == (2, 3, D, D)
    second = jax.tree.map(np.asarray, model.layers[1])
    np.testing.assert_allclose(key_query[1, 2], second.key[2].T @ second.query[2], rtol=1e-12)
    np.testing.assert_allclose(output_value[1, 2], second.output[2] @ second.value[2], rtol=1e-12)
