"""A padded prompt is answered as the short one: by every predictor, layer and model of sequences, in training, too."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.models
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.ridge import Ridge
from mesascope.discovery import concrete_classes
from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.block import Block
from mesascope.models.embedded import EmbeddedTokens
from mesascope.models.interleaved import InterleavedTokens
from mesascope.models.layer import AbstractLayer
from mesascope.models.layer_norm import Normalised
from mesascope.models.positioned import AddedPositions, ConcatenatedPositions
from mesascope.models.positions import SinusoidalPositions
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractForecaster, AbstractPredictor, AbstractSequencePredictor, AbstractStepwise
from mesascope.probes.alignment import alignment
from mesascope.probes.error import half_squared_errors_by_step
from mesascope.prompt import Prompt, Sequence, stack
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.random_length import RandomLengthProcess
from mesascope.training.loop import loss_and_gradient

LENGTHS = (0, 1, 3)
RNG = np.random.default_rng(7)
ROWS = [RNG.uniform(-1, 1, shape) for shape in ((5, 3), (5, 2), (3,), (2,))]
STATES = RNG.uniform(-1, 1, (6, 4))


def predictors():
    every = [
        *concrete_classes(mesascope.algorithms, AbstractPredictor),
        *concrete_classes(mesascope.models, AbstractPredictor),
    ]
    return [cls for cls in every if not issubclass(cls, AbstractForecaster)]


def forecasters():
    return [
        *concrete_classes(mesascope.algorithms, AbstractForecaster),
        *concrete_classes(mesascope.models, AbstractForecaster),
    ]


def models_that_know_places():
    """With biases, which would write into padding, and tokens of all kinds."""
    interleaved = AddedPositions(InterleavedTokens(3, 2), SinusoidalPositions(5))
    embedded = EmbeddedTokens.initialise(interleaved, 5, 2, init_scale=1.0, key=jax.random.key(3))
    apart = ConcatenatedPositions(JoinedTokens(3, 2), SinusoidalPositions(2))
    softmax = SoftmaxSelfAttention.initialise(7, init_scale=1.0, key=jax.random.key(4))
    block, normalised = Block.examples()[0], Normalised.examples()[1]
    return [
        Transformer((block, block), interleaved),
        Transformer((normalised,), embedded, 2),
        Transformer((softmax,), apart),
    ]


def answers(predictor, prompt):
    return predictor.trajectory(prompt) if isinstance(predictor, AbstractStepwise) else predictor(prompt)


def assert_padding_counts_for_nothing(predictors, short_prompts, padded):
    """One program for all: prompts of their own length, and one batch of those of one length with padding."""

    @jax.jit
    def both(short_prompts, padded):
        alone = [[answers(each, prompt) for prompt in short_prompts] for each in predictors]
        return alone, [jax.vmap(lambda prompt, each=each: answers(each, prompt))(padded) for each in predictors]

    for short, together in zip(*both(short_prompts, padded), strict=True):
        for expected, found in zip(short, together, strict=True):
            size = max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e4 * np.finfo(np.float64).eps * size)


def prompts_with_padding():
    prompt = Prompt(*map(jnp.asarray, ROWS))
    return [prompt.prefix(length) for length in LENGTHS], stack([prompt.shortened(length) for length in LENGTHS])


@pytest.mark.parametrize("cls", predictors())
def test_every_predictor_answers_a_padded_prompt_as_the_short_one(cls):
    assert_padding_counts_for_nothing(cls.examples(), *prompts_with_padding())


def test_so_do_models_whose_tokens_know_their_place():
    assert_padding_counts_for_nothing(models_that_know_places(), *prompts_with_padding())


@pytest.mark.parametrize("cls", forecasters())
def test_every_forecaster_answers_a_padded_prompt_as_the_short_one(cls):
    sequence = Sequence(jnp.asarray(STATES))
    short = [sequence.prompt(length) for length in (1, 2, 4)]
    padded = stack([sequence.shortened(length + 1).last_prompt() for length in (1, 2, 4)])
    np.testing.assert_array_equal(padded.target, [prompt.target for prompt in short])
    assert_padding_counts_for_nothing(eqx.filter_jit(cls.examples)(), short, padded)


@pytest.mark.parametrize("cls", concrete_classes(mesascope.models, AbstractLayer))
def test_every_layer_sees_only_what_counts(cls):
    """Whatever the padding holds by then."""
    layers, (context, tokens) = cls.examples(), np.random.default_rng(0).normal(size=(2, 4, 5))

    @jax.jit
    def both(context, tokens):
        seen = jnp.arange(4) < 3
        return [(layer(context, tokens, seen), layer(context[:3], tokens)) for layer in layers]

    for masked, short in both(context, tokens):
        np.testing.assert_allclose(masked, short, rtol=0, atol=1e-10)


@pytest.mark.parametrize("cls", [cls for cls in forecasters() if issubclass(cls, AbstractSequencePredictor)])
def test_every_model_of_sequences_is_trained_on_what_counts_alone(cls):
    """The loss of a batch is the mean of the losses of its short sequences, and so is its gradient."""
    model = eqx.filter_jit(cls.examples)()[0]
    params, static = eqx.partition(model, eqx.is_inexact_array)
    sequence = Sequence(jnp.asarray(STATES))
    short = [Sequence(sequence.states[:length]) for length in (2, 5, 6)]

    @jax.jit
    def losses(params):
        alone = [loss_and_gradient(static, params, jax.tree.map(lambda leaf: leaf[None], each)) for each in short]
        return loss_and_gradient(static, params, stack(short)), jax.tree.map(lambda *parts: sum(parts) / 3, *alone)

    for found, expected in zip(*map(jax.tree.leaves, losses(params)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_probes_measure_a_padded_prompt_as_the_short_one():
    """One by one, where derivatives are taken of a prompt whose length has a number, and in a batch."""
    prompt, learners = Prompt(*map(jnp.asarray, ROWS)), (Ridge(0.1), GradientDescent(0.3, 2))
    padded, short = prompt.shortened(3), prompt.prefix(3)
    measured = jax.vmap(lambda each: alignment(*learners, each))(stack([padded, short]))
    for found, whole, together in zip(alignment(*learners, padded), alignment(*learners, short), measured, strict=True):
        np.testing.assert_allclose([found, *together], whole, rtol=1e-10)
    errors = [half_squared_errors_by_step(learners[1], each) for each in (padded, short)]
    np.testing.assert_allclose(*errors, rtol=1e-12)


def test_what_stands_in_padding_is_never_read():
    xs, ys, query, target = ROWS
    broken = [np.where(np.arange(5)[:, None] < 3, rows, np.nan) for rows in (xs, ys)]
    prompt = Prompt(*map(jnp.asarray, (*broken, query, target)), length=3)
    assert (np.asarray(prompt.xs)[3:] == 0).all()
    assert (np.asarray(prompt.ys)[3:] == 0).all()
    np.testing.assert_array_equal(prompt.mask, [True, True, True, False, False])
    assert int(prompt.num_examples) == 3
    assert prompt.prefix(2).length == 2
    assert prompt.prefix(4).length == 3
    states = np.where(np.arange(6)[:, None] < 3, STATES, np.inf)
    assert (np.asarray(Sequence(jnp.asarray(states), length=3).states)[3:] == 0).all()


def test_without_padding_nothing_is_added():
    """Batches of one length hold no lengths, and the program of their answers has no mask."""
    prompt = Prompt(*map(jnp.asarray, ROWS))
    assert stack([prompt, prompt]).length is None
    assert stack([prompt, prompt]).xs.shape == (2, 5, 3)
    model = Transformer.examples()[0]
    assert "select_n" not in str(jax.make_jaxpr(model)(prompt))
    assert "select_n" in str(jax.make_jaxpr(model)(prompt.shortened(3)))


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("length", "message"), [
    (6, "must be from 0 to 5, the number of rows; got 6"),
    (-1, "must be from 0 to 5"),
    (2.0, "must be a whole number, or an array of them; got float"),
    (jnp.array(2.0), "must be a whole number, or an array of them; got float64"),
    (True, "got bool"),
    (jnp.array([1, 2]), r"must be one number; got shape \(2,\)"),
])  # fmt: skip
def test_a_wrong_length_is_refused(length, message):
    with pytest.raises(ValueError, match=f"`length` .*{message}"):
        Prompt(*map(jnp.asarray, ROWS), length=length)


@pytest.mark.usefixtures("as_installed")
def test_what_cannot_be_one_batch_is_refused():
    prompt, sequence = Prompt(*map(jnp.asarray, ROWS)), Sequence(jnp.asarray(STATES))
    with pytest.raises(ValueError, match="`items` must hold a prompt or a sequence or more; got none"):
        stack([])
    with pytest.raises(ValueError, match="`items` must be a list of prompts or of sequences; got one Prompt"):
        stack(prompt)
    with pytest.raises(ValueError, match="`items` must be prompts or sequences; got Prompt and Sequence"):
        stack([prompt, sequence])
    with pytest.raises(ValueError, match="`items` must be alike in sizes and precision"):
        stack([prompt, Prompt(prompt.xs[:, :2], prompt.ys, prompt.query[:2], prompt.target)])
    with pytest.raises(ValueError, match="`num_examples` must be at least 5, as many as there are; got 3"):
        prompt.padded(3)
    for entry in (stack([prompt, prompt]).padded, stack([prompt, prompt]).prefix):
        with pytest.raises(ValueError, match=r"`prompt` must be one, not a batch of shape \(2,\)"):
            entry(7)
    with pytest.raises(ValueError, match="`length` must be at least 2, so that a state before the last can be asked"):
        sequence.shortened(1).last_prompt()


def test_lengths_are_drawn_uniformly():
    process = RandomLengthProcess(HaarProcess(5, 2), shortest=3)
    lengths = np.asarray(jax.jit(lambda key: process.sample_batch(key, 3000).length)(jax.random.key(1)))
    counts = np.bincount(lengths, minlength=6)
    assert counts[:3].sum() == 0
    assert np.abs(counts[3:] - 1000).max() < 5 * np.sqrt(3000 * 2 / 9)
