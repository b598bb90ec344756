"""Layers that copy the next token against the proposition's words, and the probe that sees them do it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.copying import (
    CopyingConstruction,
    clearing_head,
    linear_copying,
    softmax_copying,
    uncleared,
)
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.attention import LinearSelfAttention, SoftmaxSelfAttention
from mesascope.models.positions import SinusoidalPositions
from mesascope.probes.copying import copying_sensitivity
from mesascope.prompt import Prompt
from mesascope.studies.oswald2023.fig5_copy import readings as read
from mesascope.studies.oswald2023.fig5_copy.cells import (
    Copying,
    Descents,
    Losses,
    best_descents,
    draw_two_layers,
    first_layer_sensitivity,
)
from mesascope.tasks.linear_regression import LinearRegression

EPS = np.finfo(np.float64).eps
DIM, NUM = 4, 9  # a token's entries, tokens


measure = jax.jit(copying_sensitivity, static_argnums=0)
update = eqx.filter_jit(lambda layer, tokens: tokens + layer(tokens, tokens))
linear, softmax, clearing = (
    jax.jit(make, static_argnums=(0, 1)) for make in (linear_copying, softmax_copying, clearing_head)
)


def make_stream(seed=0, num=NUM, dim_positions=NUM):
    """Tokens (t_j, p_j), and their contents."""
    contents = np.random.default_rng(seed).normal(size=(num, DIM))
    return np.concatenate([contents, np.eye(num, dim_positions)], axis=1), contents


def paired(contents, dim_positions=NUM):
    """(t_j, t_{j+1}) for all but the last j."""
    following = np.pad(contents[1:], ((0, 0), (0, dim_positions - DIM)))
    return np.concatenate([contents[:-1], following], axis=1)


@pytest.mark.parametrize("dim_positions", [NUM, NUM + 3])
def test_linear_attention_copies_the_next_token(dim_positions):
    stream, contents = make_stream(dim_positions=dim_positions)
    after = np.asarray(update(linear(DIM, dim_positions), stream))
    np.testing.assert_allclose(after[:-1], paired(contents, dim_positions), rtol=0, atol=1e3 * EPS)
    np.testing.assert_array_equal(after[-1], stream[-1])  # there is no next token


def test_the_weights_are_those_printed():
    """Three blocks of shapes small enough to write down: one entry of content, two positions."""
    layer = jax.tree.map(np.asarray, linear(1, 2))
    np.testing.assert_array_equal(layer.output[0], np.eye(3))
    np.testing.assert_array_equal(layer.key[0], [[0, 0, 0], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(layer.query[0], [[0, 0, 0], [0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(layer.value[0], [[0, 0, 0], [1, 0, -1], [0, 0, 0]])


@pytest.mark.parametrize("logit_scale", [1.0, 20.0])
def test_softmax_copies_the_next_token_with_its_weight(logit_scale):
    """The next token's value by 1 / (1 + (n - 1) exp(-scale)), all others' by as little as they share of the rest."""
    stream, contents = make_stream()
    layer = softmax(DIM, NUM, logit_scale)
    after = np.asarray(update(layer, stream))
    weight = 1 / (1 + (NUM - 1) * np.exp(-logit_scale))
    values = stream @ np.asarray(layer.value)[0].T
    for j in range(NUM - 1):
        others = np.delete(values, j + 1, axis=0).mean(axis=0)
        expected = stream[j] + weight * values[j + 1] + (1 - weight) * others
        np.testing.assert_allclose(after[j], expected, rtol=0, atol=1e3 * EPS * NUM)
    gap = np.abs(after[:-1] - paired(contents)).max()
    spread = max(np.abs(np.delete(values, j + 1, 0).mean(0) - values[j + 1]).max() for j in range(NUM - 1))
    np.testing.assert_allclose(gap, (1 - weight) * spread, rtol=1e-3)


def test_a_softmax_of_large_logits_copies_exactly():
    stream, contents = make_stream()
    after = np.asarray(update(softmax(DIM, NUM, 60.0), stream))
    np.testing.assert_allclose(after[:-1], paired(contents), rtol=0, atol=1e3 * EPS)


def test_the_clearing_head_leaves_nothing_of_every_second_content():
    stream, _ = make_stream()
    after = np.asarray(update(clearing(DIM, NUM), stream))
    np.testing.assert_allclose(after[1::2, :DIM], 0, rtol=0, atol=1e3 * EPS)
    np.testing.assert_array_equal(after[::2], stream[::2])
    np.testing.assert_array_equal(after[:, DIM:], stream[:, DIM:])


def prompts_of(num_prompts, num_examples, dim_x, dim_y=1):
    """Any examples and queries, with targets of a linear function."""
    rng = np.random.default_rng(5)
    xs, query = rng.normal(size=(num_prompts, num_examples, dim_x)), rng.normal(size=(num_prompts, dim_x))
    teacher = rng.normal(size=(num_prompts, dim_x, dim_y))
    fields = xs, xs @ teacher, query, np.einsum("bi,bij->bj", query, teacher)
    return jax.vmap(Prompt)(*jax.device_put(fields))


@pytest.mark.parametrize("sizes", [(5, 3, 1), (2, 6, 6), (2, 4, 1), (2, 5, 1), (2, 3, 2)], ids=lambda sizes: f"{sizes}")
def test_without_the_clearing_head_labels_are_taken_for_inputs(sizes):
    """(eta / n) sum_j (0, y_j)^T x z_j, z_j the last entries of the next input, and the last label's own place."""
    num, dim_x, dim_y = sizes
    construction = CopyingConstruction(0.8, 1, *sizes)
    prompts = prompts_of(20, *sizes)

    @jax.jit
    def errors(prompts):
        ours, theirs = (jax.vmap(each)(prompts) for each in (uncleared(construction.build()), construction.emulates()))
        return ours - theirs

    xs, ys, query = (np.asarray(leaf) for leaf in (prompts.xs, prompts.ys, prompts.query))
    in_the_labels_place = np.zeros((20, num, dim_y))
    in_the_labels_place[:, :-1] = xs[:, 1:, dim_x - dim_y :]
    place = 2 * num - 1 - (dim_x - dim_y)
    if 0 <= place < dim_y:
        in_the_labels_place[:, -1, place] = 1
    weights = np.einsum("bny,by->bn", ys, query[:, dim_x - dim_y :])
    junk = 0.8 / num * np.einsum("bn,bny->by", weights, in_the_labels_place)
    assert np.abs(junk).max() > 1e-3
    np.testing.assert_allclose(errors(prompts), junk, rtol=0, atol=1e3 * EPS * np.abs(ys).max())


def test_more_layers_are_more_steps():
    construction = CopyingConstruction(0.3, 3, num_examples=5, dim_x=3, dim_y=2)

    @jax.jit
    def both(prompts):
        return [jax.vmap(each.trajectory)(prompts) for each in (construction.build(), GradientDescent(0.3, 3))]

    ours, theirs = both(prompts_of(20, 5, 3, 2))
    np.testing.assert_array_equal(np.asarray(ours)[:, 0], np.zeros((20, 2)))
    np.testing.assert_allclose(np.asarray(ours)[:, 1:], theirs, rtol=0, atol=1e3 * EPS * (np.abs(theirs).max() + 1))


def test_the_sensitivity_of_a_sum_over_tokens_by_hand():
    """t_j + 3 t_{j+1} / 2 - sum of all tokens / 10, in each of two entries: |c I| = |c| sqrt(2) for a factor c."""

    def layer(tokens):
        following = jnp.concatenate([tokens[1:], jnp.zeros((1, 2))])
        return tokens + 1.5 * following - 0.1 * jnp.sum(tokens, axis=0)[None, :]

    measured = measure(layer, np.random.default_rng(0).normal(size=(6, 2)))
    expected = np.sqrt(2) * np.array([0.9, 1.4, 0.1])
    np.testing.assert_allclose(measured, expected, rtol=1e3 * EPS)


def test_the_sensitivity_of_exact_copying_is_to_own_and_next_only():
    """Both blocks hold one token each: |I| = sqrt(DIM) to own, the same to the next, nothing to the others."""
    stream, _ = make_stream()
    layer = linear(DIM, NUM)

    def of_contents(contents):
        tokens = jnp.concatenate([contents, stream[:, DIM:]], axis=1)
        return tokens + layer(tokens, tokens)

    measured = measure(of_contents, stream[:, :DIM])
    np.testing.assert_allclose(measured, [np.sqrt(DIM), np.sqrt(DIM), 0], rtol=0, atol=1e3 * EPS)


def test_the_sensitivity_is_finite_differences():
    """Central differences of step h err by h^2 f''' / 6 and eps f / h: h = eps^(1/3), both near 1e-10."""
    stream, _ = make_stream()
    layer = softmax(DIM, NUM, 2.0)
    after = lambda tokens: tokens + layer(tokens, tokens)  # noqa: E731
    step, size = EPS ** (1 / 3), stream.size
    units, many = np.eye(size).reshape(size, *stream.shape), jax.jit(jax.vmap(after))
    differences = np.subtract(many(stream + step * units), many(stream - step * units)) / (2 * step)
    jacobian = np.moveaxis(differences, 0, -1).reshape(*stream.shape, *stream.shape)
    norms = np.sqrt((jacobian**2).sum(axis=(1, 3)))[:-1]
    own, following = np.diagonal(norms), np.diagonal(norms, 1)
    expected = own.mean(), following.mean(), (norms.sum() - own.sum() - following.sum()) / (NUM - 1) / (NUM - 2)
    np.testing.assert_allclose(measure(after, stream), expected, rtol=1e3 * EPS ** (2 / 3) * size)


@pytest.mark.parametrize(
    ("message", "make"),
    [
        ("`dim_positions` must be an integer of at least 4", lambda: linear_copying(4, 3)),
        ("`dim_content` must be an integer of at least 1", lambda: linear_copying(0, 3)),
        ("`num_steps` must", lambda: CopyingConstruction(num_steps=0)),
        ("`num_examples` must", lambda: CopyingConstruction(num_examples=0)),
        ("`dim_x` must", lambda: CopyingConstruction(dim_x=1, dim_y=2)),
        ("`learning_rate` must", lambda: CopyingConstruction(float("nan"))),
    ],
)
def test_impossible_constructions_are_refused_by_name(message, make):
    with pytest.raises(ValueError, match=message):
        make()


def test_two_layers_are_drawn_as_their_kinds_with_the_scale_divided_by_two():
    positions = SinusoidalPositions(4)

    @jax.jit
    def draw(key):
        keys = jax.random.split(jax.random.clone(key))
        kinds = zip((SoftmaxSelfAttention, LinearSelfAttention), keys, strict=True)
        alone = [kind.initialise(8, init_scale=0.25, key=key) for kind, key in kinds]
        return draw_two_layers(SoftmaxSelfAttention, positions, 3, init_scale=0.5, key=key), alone

    model, layers = draw(jax.random.key(3))
    assert tuple(map(type, model.layers)) == (SoftmaxSelfAttention, LinearSelfAttention)
    assert len(jax.tree.leaves(model)) == 8  # four matrices a layer: positions are not trained
    for layer, alone in zip(model.layers, layers, strict=True):
        np.testing.assert_array_equal(layer.key, alone.key)


def test_the_first_layer_of_the_construction_copies_its_next_token_and_nothing_else():
    """Contents are 4 long, |I| = 2. A label's token forgets its own: own is 2 for 4 of 7 tokens, next 2 for all."""
    construction = CopyingConstruction(num_examples=4, dim_x=3)

    prompt = jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)[0]), prompts_of(1, 4, 3))
    measured = jax.jit(lambda prompt: first_layer_sensitivity(construction.build(), prompt))
    np.testing.assert_allclose(measured(prompt), [2 * 4 / 7, 2, 0], rtol=0, atol=1e3 * EPS)


def test_the_sensitivity_of_contents_needs_positions_apart_from_them(key):
    construction = GradientDescentConstruction(num_examples=2, dim_x=2)
    with pytest.raises(TypeError, match="must be ConcatenatedPositions; got JoinedTokens"):
        jax.eval_shape(
            lambda key: first_layer_sensitivity(construction.build(), construction.holds_on().sample(key)), key
        )


def test_the_best_descents_are_the_best_of_a_fine_grid_of_rates():
    """Written out in numpy. A minimum of curvature c is missed by at most c h^2 / 8 on a grid of spacing h."""
    task = LinearRegression(3, 4)
    prompts = prompts_of(200, 3, 4)
    xs, ys, query, target = (np.asarray(leaf) for leaf in (prompts.xs, prompts.ys, prompts.query, prompts.target))
    scatter = np.einsum("bnd,bne->bde", xs, xs) / 3
    start = np.einsum("bnd,bny->byd", xs, ys) / 3
    junk = start.copy()
    junk[:, 0, -1] += (ys[:, :-1, 0] * xs[:, 1:, -1]).sum(axis=1) / 3
    rates = np.linspace(0, 40, 4001)[:, None, None]

    def best(weights):
        predictions = np.einsum("rbd,bd->rb", weights, query)
        return ((predictions - target[:, 0]) ** 2).mean(axis=1).min() / 2

    twice = 2 * rates * start[:, 0] - rates**2 * np.einsum("bd,bde->be", start[:, 0], scatter)
    expected = {"zero": best(0 * rates * start[:, 0]), "one": best(rates * start[:, 0]), "two": best(twice)}
    measured = best_descents(task, prompts)
    for name, loss in {**expected, "junk": best(rates * junk[:, 0])}.items():
        np.testing.assert_allclose(getattr(measured, name), loss, rtol=1e-4)
        assert getattr(measured, name) <= loss * (1 + 1e3 * EPS)


def summary_of(losses, following):
    """What a study measures of two seeds: from the zero predictor's loss 1 to one step's, 0.5, half of it at 0.75."""
    steps, losses = np.arange(5) * 100, np.asarray(losses, float)
    training = np.repeat(losses, 100, axis=1)
    both = Losses(losses, training, steps)
    softmax = Copying(*both, np.ones((2, 5)), np.asarray(following), np.full((2, 5), 0.1))
    return read.Summary(softmax, both, both, training, Descents(*map(np.asarray, (1.0, 0.5, 0.3, 0.6))))


def test_what_is_read_of_a_training_by_hand():
    """The first seed's loss drops at step 300; 11 of the 20 losses averaged must be below; the second's never does."""
    summary = summary_of(
        [[1, 1, 1, 0.5, 0.45], [1, 1, 1, 1, 0.9]], [[0.1, 0.2, 0.7, 0.9, 1.1], [0.1, 0.1, 0.1, 0.1, 0.3]]
    )
    softmax, descents = summary.softmax, summary.descents
    assert read.halfway(softmax.training_loss, descents).tolist() == [301, None]
    assert read.copied(softmax, descents).tolist() == [200, None]
    numbers = read.readings(summary)
    expected = {
        "learns": [1.1, 0.2],
        "one-step": [0.1, 0.8],
        "junk": [0.25 / 0.1, 0.5 / 0.8],
        "copies": [11, 3],
        "longer": [1, 500 / 301],
        "all-linear": [1.1, 0.2],
        "unit": [1.1, 0.2],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(numbers[name], values, rtol=1e3 * EPS)
    assert numbers["before"].tolist() == [101, None]
    assert numbers["step halfway in the loss"].tolist() == [301, None]


def test_where_no_seed_learns_nothing_is_said_of_the_order():
    numbers = read.readings(summary_of(np.ones((2, 5)), np.full((2, 5), 0.1)))
    assert np.ma.getmaskarray(numbers["before"]).all()
    assert np.ma.getmaskarray(numbers["longer"]).all()
