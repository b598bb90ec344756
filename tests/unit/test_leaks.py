"""Predictors that read what they have to predict, by every way, are found; those that don't are not accused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.models
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.discovery import concrete_classes
from mesascope.leaks import check_leaks
from mesascope.predictor import AbstractForecaster, AbstractPredictor, AbstractSequencePredictor, AbstractStepwise
from mesascope.probes.alignment import alignment, sensitivity
from mesascope.probes.error import half_squared_error, half_squared_errors_by_step
from mesascope.probes.generalisation import generalisation_errors
from mesascope.prompt import Prompt, Sequence
from mesascope.report.comparison import compare
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.random_length import RandomLength, RandomLengthProcess
from mesascope.training.config import FitConfig
from mesascope.training.fit import fit
from mesascope.training.tune import tune

TASK, PROCESS = LinearRegression(4, 3, 2), HaarProcess(6, 3)
CONFIG = FitConfig(num_steps=2, batch_size=4, chunk_size=1)
READS_TARGET = "must not read the target, which it has to predict; its answer changes by up to"


@pytest.fixture(autouse=True)
def _optax_promotes_types():
    with jax.numpy_dtype_promotion("standard"):
        yield


class OfPrompt(AbstractPredictor):
    answer: object = eqx.field(static=True)
    weight: jax.Array = eqx.field(default_factory=lambda: jnp.asarray(0.5))

    def __call__(self, prompt):
        return self.weight * self.answer(prompt)


class OfStates(AbstractSequencePredictor):
    answer: object = eqx.field(static=True)
    weight: jax.Array = eqx.field(default_factory=lambda: jnp.asarray(0.5))

    def predictions(self, sequence):
        return self.weight.astype(sequence.states.dtype) * self.answer(sequence.states)


class InItsFirstStep(AbstractStepwise):
    def trajectory(self, prompt):
        return jnp.stack([prompt.target, prompt.ys[0]])


class Prepared(AbstractSequencePredictor):
    """What training asks reads ahead, what everybody else does not."""

    def predictions(self, sequence):
        return sequence.states

    def prepared(self, num_states):
        return lambda sequence: jnp.roll(sequence.states, -1, axis=0)


def numbers(*shapes):
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.normal(size=shape)) for shape in shapes]


@pytest.fixture(scope="module")
def prompt():
    return Prompt(*numbers((4, 3), (4, 2), 3, 2))


@pytest.fixture(scope="module")
def sequence():
    return Sequence(*numbers((12, 3)))


def honest(prompt):
    return prompt.ys.sum(axis=0) * prompt.query.sum()


@pytest.mark.parametrize("answer", [
    lambda prompt: prompt.target,
    lambda prompt: honest(prompt) + 1e-9 * prompt.target,
    lambda prompt: honest(prompt) * jnp.argmax(prompt.target).astype(float),
    lambda prompt: honest(prompt) * jnp.sign(prompt.target[0]),
    lambda prompt: honest(prompt) + jnp.round(prompt.target),
    lambda prompt: honest(prompt) + jnp.clip(prompt.target, -0.01, 0.01),
    lambda prompt: honest(prompt).at[0].add(prompt.target[1]),
    lambda prompt: honest(prompt) + prompt.target**2,
    lambda prompt: honest(prompt) + (jnp.abs(prompt.target) > 50).astype(float),
    jax.jit(lambda prompt: prompt.target),
])  # fmt: skip
def test_a_reader_of_the_target_is_found(answer, prompt):
    with pytest.raises(ValueError, match=f"`mine` {READS_TARGET}"):
        check_leaks(OfPrompt(answer), prompt, "mine")


def test_of_two_predictors_the_one_that_reads_is_named(prompt):
    with pytest.raises(ValueError, match=f"`reference` {READS_TARGET}"):
        alignment(OfPrompt(honest), OfPrompt(lambda prompt: prompt.target), prompt)


@pytest.mark.parametrize("answer", [
    honest,
    lambda prompt: jnp.zeros_like(prompt.target),
    lambda prompt: jnp.concatenate([prompt.ys, prompt.target[None]]).at[-1].set(0.0).sum(axis=0),
    lambda prompt: honest(prompt) + jnp.nan * prompt.target,
])  # fmt: skip
def test_what_does_not_read_the_target_is_not_accused(answer, prompt):
    check_leaks(OfPrompt(answer), prompt)


def test_one_reader_in_a_sequence_of_128_states_is_found():
    (states,) = numbers((128, 2))
    with pytest.raises(ValueError, match=r"its prediction after state 91 reads state 92, and at least 1 of 128"):
        check_leaks(OfStates(lambda states: states.at[90].set(states[91])), Sequence(states))


@pytest.mark.parametrize(("answer", "row", "read", "count"), [
    (lambda states: jnp.roll(states, -1, axis=0), 1, 2, 11),
    (lambda states: states.at[6].set(states[7]), 7, 8, 1),
    (lambda states: states.at[6, 1].add(states[7, 2]), 7, 8, 1),
    (lambda states: states.at[3].add(states[10]), 4, 11, 1),
    (lambda states: states + states[-1:], 1, 12, 11),
    (lambda states: states.at[-2].set(states[-1]), 11, 12, 1),
    (lambda states: states - states.mean(axis=0)[None], 1, 12, 11),
    (lambda states: states.at[:-1, 0].add(jnp.argmax(states[1:], axis=1).astype(float)), 1, 2, 11),
    (lambda states: states * jnp.sign(jnp.roll(states[:, :1], -1, axis=0)), 1, 2, 11),
    (lambda states: states + 1e-9 * jnp.roll(states, -1, axis=0), 1, 2, 11),
])  # fmt: skip
def test_a_reader_of_later_states_is_found_with_its_position(answer, row, read, count, sequence):
    message = f"its prediction after state {row} reads state {read}, and at least {count} of 12 predictions read ahead"
    with pytest.raises(ValueError, match=f"`predictor` must predict the next state from those before; {message}"):
        check_leaks(OfStates(answer), sequence)


def by_fourier(states):
    """A causal mean: what later states change is rounding."""
    length = len(states)
    kernel = jnp.fft.rfft(1 / (1 + jnp.arange(length, dtype=states.dtype)), 2 * length)
    return jnp.fft.irfft(jnp.fft.rfft(states, 2 * length, axis=0) * kernel[:, None], axis=0)[:length]


def masked_late(states):
    """Scores of large states overflow before they are masked: nan, which tells nothing."""
    weights = jnp.exp(states @ states.T) * jnp.tri(len(states), dtype=states.dtype)
    return weights @ states


@pytest.mark.parametrize("answer", [lambda states: jnp.cumsum(states, axis=0), by_fourier, masked_late])
def test_what_is_causal_is_not_accused(answer, sequence):
    check_leaks(OfStates(answer), sequence)
    check_leaks(OfStates(answer), Sequence(sequence.states[:1]))
    check_leaks(OfStates(answer), Sequence(sequence.states.astype(np.float32)))


def test_of_a_long_sequence_some_places_are_asked_about():
    (states,) = numbers((3000, 2))
    with pytest.raises(ValueError, match=r"reads one of the states \d+ to \d+, and at least 5 of 3000"):
        check_leaks(OfStates(lambda states: jnp.roll(states, -1, axis=0)), Sequence(states))


def test_every_discovered_predictor_passes(prompt):
    packages = mesascope.algorithms, mesascope.models
    classes = [cls for package in packages for cls in concrete_classes(package, AbstractPredictor)]
    sequence = Sequence(*numbers((4, 4)))
    for cls in classes:
        for example in eqx.filter_jit(cls.examples)():
            check_leaks(example, sequence if issubclass(cls, AbstractForecaster) else prompt)
    assert any(issubclass(cls, AbstractSequencePredictor) for cls in classes)


@pytest.mark.parametrize(("answer", "got"), [
    (lambda prompt: jnp.zeros(3), r"shape \(3,\) of float64"),
    (lambda prompt: jnp.zeros(()), r"shape \(\) of float64"),
])  # fmt: skip
def test_an_answer_has_the_shape_of_the_target(answer, got, prompt):
    with pytest.raises(ValueError, match=rf"must answer with .* in the shape of what it predicts, \(2,\); got {got}"):
        check_leaks(OfPrompt(answer), prompt)


def test_a_model_that_answers_by_chance_is_told_so(prompt):
    rng = np.random.default_rng(0)

    def by_chance(prompt):
        return jax.pure_callback(lambda target: rng.normal(size=2), prompt.target, prompt.target)

    with pytest.raises(ValueError, match="must give the same answer to the same prompt; got two that differ by"):
        check_leaks(OfPrompt(by_chance), prompt)


READER = OfPrompt(lambda prompt: prompt.target)


@pytest.mark.parametrize("verb", [
    lambda key, _: fit(READER, TASK, CONFIG, key=key),
    lambda key, _: fit(READER, RandomLength(TASK), CONFIG, key=key),
    lambda key, _: tune(READER, TASK, key=key),
    lambda key, _: compare(READER, {"zero": ZeroPredictor()}, TASK, key=key, num_prompts=2),
    lambda key, _: compare(GradientDescent(), {"reader": READER}, TASK, key=key, num_prompts=2),
    lambda _, prompt: half_squared_error(READER, prompt),
    lambda _, prompt: jax.jit(lambda prompt: half_squared_error(READER, prompt))(prompt),
    lambda _, prompt: jax.vmap(lambda query: sensitivity(READER, prompt.with_query(query)))(prompt.query[None]),
    lambda _, prompt: alignment(GradientDescent(), READER, prompt),
    lambda _, prompt: half_squared_errors_by_step(InItsFirstStep(), prompt),
    lambda key, _: generalisation_errors(
        {"reader": READER}, lambda key, _: TASK.sample(key), jnp.ones(1), jax.random.split(key, 2)
    ),
])  # fmt: skip
def test_every_verb_asks(verb, key, prompt):
    with pytest.raises(ValueError, match=f"`.*` {READS_TARGET}"):
        verb(key, prompt)


def test_the_padding_of_a_prompt_hides_no_reader(prompt):
    padded = prompt.padded(6)
    check_leaks(GradientDescent(), padded)
    with pytest.raises(ValueError, match=READS_TARGET):
        check_leaks(READER, padded)


@pytest.mark.parametrize("verb", [
    lambda model, key: fit(model, PROCESS, CONFIG, key=key),
    lambda model, key: fit(model, RandomLengthProcess(PROCESS), CONFIG, key=key),
    lambda model, key: compare(model, {"zero": ZeroPredictor()}, PROCESS, key=key, num_prompts=2),
])  # fmt: skip
def test_every_verb_asks_a_model_of_sequences(verb, key):
    with pytest.raises(ValueError, match="`model` must predict the next state from those before"):
        verb(OfStates(lambda states: jnp.roll(states, -1, axis=0)), key)


def test_what_training_prepares_is_asked(sequence):
    with pytest.raises(ValueError, match="reads state 2, and at least 11 of 12"):
        check_leaks(Prepared(), sequence)


def test_a_weight_that_starts_at_zero_is_found_after_the_first_chunk(key):
    model, chunks = OfPrompt(lambda prompt: prompt.target, jnp.asarray(0.0)), []
    check_leaks(model, jax.eval_shape(TASK.sample, key))
    with pytest.raises(ValueError, match=READS_TARGET):
        fit(model, TASK, CONFIG, key=key, on_chunk=lambda *_: chunks.append(1))
    assert not chunks


def test_a_model_whose_weights_are_traced_is_not_asked(prompt):
    error = eqx.filter_jit(half_squared_error)(OfPrompt(lambda prompt: prompt.target, jnp.asarray(1.0)), prompt)
    assert error == 0


def over_all_rows(prompt):
    return jnp.mean(prompt.ys, axis=0)


def over_what_counts(prompt):
    return jnp.sum(prompt.ys, axis=0) / jnp.maximum(jnp.asarray(prompt.num_examples, float), 1.0)


def test_a_model_that_takes_padding_for_examples_is_found(key):
    """By training, comparisons and probes, of tasks that draw lengths; and by none of a task that draws none."""
    task, model = RandomLength(TASK), OfPrompt(over_all_rows)
    refused = "`{}` must answer a padded prompt as the short one"
    keys = jax.random.split(key, 5)
    with pytest.raises(ValueError, match=refused.format("model")):
        fit(model, task, CONFIG, key=keys[0])
    with pytest.raises(ValueError, match=refused.format("model")):
        compare(model, {"zero": ZeroPredictor()}, task, key=keys[1], num_prompts=4)
    with pytest.raises(ValueError, match=refused.format("predictor") + ".*; with 2 rows that count"):
        half_squared_error(model, task.sample(keys[2]))
    fit(model, TASK, CONFIG, key=keys[3])
    fit(OfPrompt(over_what_counts), task, CONFIG, key=keys[4])


def test_a_model_of_sequences_whose_answers_depend_on_their_room_is_found(key):
    process, keys = RandomLengthProcess(PROCESS), jax.random.split(key, 2)
    with pytest.raises(ValueError, match="`model` must answer a padded prompt as the short one"):
        fit(OfStates(lambda states: states / states.shape[0]), process, CONFIG, key=keys[0])
    fit(OfStates(lambda states: states), process, CONFIG, key=keys[1])


def test_a_model_for_prompts_of_one_size_has_no_short_ones_to_answer(prompt):
    check_leaks(OfPrompt(lambda prompt: jnp.ones((2, 12)) @ prompt.xs.ravel()), prompt.shortened(3))
