"""What every discovered sequence model and every law of position weights owes its users.

A class's examples are asked everything by one compiled program or two, and refusals are traced, not computed.
"""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.constructions
import mesascope.models
from mesascope.constructions._base import AbstractSequenceConstruction
from mesascope.discovery import concrete_classes
from mesascope.models.position_weights import AbstractPositionWeights
from mesascope.predictor import AbstractForecaster, AbstractSequencePredictor
from mesascope.prompt import Prompt, Sequence
from mesascope.random import FAST
from mesascope.tasks.orthogonal import ConjugatePairProcess, RotationProcess

EPS = np.finfo(np.float64).eps
LENGTHS = (1, 2, 5)


@cache
def examples(cls):
    """Made once; to be asked for outside of compiled functions, whose tracers they would hold."""
    return eqx.filter_jit(cls.examples)()


def examples_of(classes):
    return [example for cls in classes for example in examples(cls)]


MODELS = concrete_classes(mesascope.models, AbstractSequencePredictor)
FORECASTERS = concrete_classes(mesascope.algorithms, AbstractForecaster)
SEQUENCE_MODELS = [*MODELS, *(cls for cls in FORECASTERS if issubclass(cls, AbstractSequencePredictor))]


prompts_of = jax.jit(lambda sequence: [sequence.prompt(length) for length in LENGTHS])


@pytest.fixture(scope="module")
def real():
    return jax.jit(RotationProcess(6, 4).sample)(jax.random.key(20240))


@pytest.fixture(scope="module")
def complex_():
    return jax.jit(ConjugatePairProcess(6, 4).sample)(jax.random.key(20240))


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e3 * EPS * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("cls", SEQUENCE_MODELS)
def test_a_row_is_the_answer_to_the_prompt_that_ends_there_and_does_not_look_ahead(cls, real, complex_):
    """Other states from the fourth on leave the first three predictions as they are."""
    models, sequence = examples(cls), complex_ if cls.takes_complex else real
    others = Sequence(jax.device_put(np.asarray(sequence.states) + (np.arange(6) >= 3)[:, None]))

    @jax.jit
    def answer(of):
        return [(model.next_states(of), [model(of.prompt(length)) for length in LENGTHS]) for model in models]

    found = jax.tree.map(np.asarray, (answer(sequence), answer(others)))
    for (together, alone), (changed, _) in zip(*found, strict=True):
        assert together.shape == sequence.states.shape
        for length, prediction in zip(LENGTHS, alone, strict=True):
            assert_close(together[length - 1], prediction)
        assert_close(changed[:3], together[:3])
        assert np.abs(changed[3:] - together[3:]).max() > 1e-3


def test_real_sequences_are_answered_as_their_complex_selves(real):
    models = examples_of([cls for cls in SEQUENCE_MODELS if cls.takes_complex])
    as_complex = Sequence(jax.device_put(np.asarray(real.states).astype(complex)))
    answer = jax.jit(lambda *sequences: [[model.next_states(of) for of in sequences] for model in models])
    for ours, theirs in answer(real, as_complex):
        assert not jnp.iscomplexobj(ours)
        assert_close(theirs, np.asarray(ours).astype(complex))


def test_a_model_of_real_weights_refuses_complex_sequences(complex_):
    for model in examples_of(MODELS):
        if not model.takes_complex:
            with pytest.raises(ValueError, match="`sequence` must have real states for this model; got complex128"):
                model.next_states(complex_)


def test_fewer_positions_have_the_weights_of_the_first_ones():
    """Where a query looks, up to one key after it; and no entry is lost to a number that is not finite."""
    laws = examples_of(concrete_classes(mesascope.models, AbstractPositionWeights))
    seen = np.tri(4, k=1, dtype=bool)
    matrices = jax.jit(lambda: [[of.matrix(n) for of in laws] for n in (4, 6)])()
    for weights, few, many in zip(laws, *jax.tree.map(np.asarray, matrices), strict=True):
        assert many.shape == (6, 6)
        assert np.isfinite(many).all()
        rows = (
            slice(0, 3) if "Softmax" in type(weights).__name__ else slice(None)
        )  # its last row sees a key more of six
        np.testing.assert_allclose(few[rows][seen[rows]], many[:4, :4][rows][seen[rows]], rtol=1e3 * EPS)


@pytest.mark.parametrize("cls", FORECASTERS)
def test_a_forecaster_answers_every_prompt_without_looking_at_its_target(cls, real, complex_):
    forecasters = examples(cls)
    predict = jax.jit(lambda prompts: [forecaster(prompt) for forecaster in forecasters for prompt in prompts])
    prompts = prompts_of(complex_ if getattr(cls, "takes_complex", True) else real)
    blinded = [eqx.tree_at(lambda p: p.target, prompt, np.full_like(prompt.target, np.nan)) for prompt in prompts]
    for prediction, blind in zip(predict(prompts), predict(blinded), strict=True):
        assert prediction.shape == (4,)
        assert np.array_equal(blind, prediction)


def test_a_forecaster_refuses_prompts_that_are_no_sequence():
    prompt = Prompt(*jax.device_put([np.ones(shape) for shape in ((4, 3), (4, 2), 3, 2)]))
    for forecaster in examples_of([*FORECASTERS, *MODELS]):
        with pytest.raises(ValueError, match="must come from a sequence, with outputs as large as inputs; got 2"):
            forecaster(prompt)


@pytest.mark.usefixtures("as_installed")
def test_a_forecaster_refuses_a_sequence_where_a_prompt_is_needed():
    for forecaster in examples_of([*FORECASTERS, *MODELS]):
        with pytest.raises(ValueError, match=r"must be an object of class Prompt; got Sequence\. .*prompt\(length\)"):
            forecaster(Sequence(jnp.ones((6, 4))))


def entries(model):
    """All that is called with a sequence."""
    prepared = lambda sequence: model.prepared(6)(sequence)  # noqa: E731
    return [model.next_states, prepared, *([model.trajectory] if hasattr(model, "trajectory") else [])]


@pytest.mark.parametrize(("asked", "message"), [
    (np.ones((6, 4)), r"an object of class Sequence; got shape \(6, 4\) of float64. .*`Sequence\(states\)`"),
    (Sequence(jnp.ones((6, 4))).prompt(3), "an object of class Sequence; got Prompt"),
    (jax.vmap(Sequence)(jnp.ones((3, 6, 4))), r"one sequence's, not a batch: use `jax.vmap`; got \(3, 6, 4\)"),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_a_model_refuses_what_is_not_one_sequence(asked, message):
    for model in examples_of(SEQUENCE_MODELS):
        for entry in entries(model):
            with pytest.raises(ValueError, match=f"`sequence` must be {message}"):
                eqx.filter_eval_shape(lambda entry=entry: entry(asked))


def test_a_model_refuses_states_of_another_size_or_takes_any():
    smaller = Sequence(jnp.ones((6, 3)))
    for model in examples_of(SEQUENCE_MODELS):
        for entry in entries(model):
            if model.dim_state is None:
                assert eqx.filter_eval_shape(entry, smaller).shape[-2:] == (6, 3)
            else:
                with pytest.raises(ValueError, match="`sequence` must have states of size 4; got 3"):
                    eqx.filter_eval_shape(entry, smaller)


@pytest.mark.parametrize("cls", concrete_classes(mesascope.constructions, AbstractSequenceConstruction))
def test_a_construction_equals_its_algorithm_on_every_prompt(cls):
    constructions = examples(cls)

    def both(construction, key):
        model, sequence = construction.build(), construction.holds_on().sample(key)
        prompts = [sequence.prompt(length) for length in range(2, sequence.num_states)]
        return [(model(prompt), construction.emulates(prompt.num_examples)(prompt)) for prompt in prompts]

    answers = jax.jit(lambda key: [both(construction, jax.random.clone(key)) for construction in constructions])
    for of_one in answers(jax.random.key(20240, impl=FAST)):  # the generator that training data is drawn with
        for ours, theirs in of_one:
            assert_close(ours, theirs)
            assert np.abs(theirs).min() > 0  # agreeing on nothing would prove nothing
