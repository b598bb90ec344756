"""What every discovered sequence model and every law of position weights owes its users."""

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
from mesascope.prompt import Sequence
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.orthogonal import ConjugatePairs, Rotations

EPS = np.finfo(np.float64).eps


def every_example(base, package=mesascope.models):
    found = [example for cls in concrete_classes(package, base) for example in cls.examples()]
    return [pytest.param(example, id=f"{type(example).__name__}-{i}") for i, example in enumerate(found)]


MODELS = every_example(AbstractSequencePredictor)
FORECASTERS = [*every_example(AbstractForecaster, mesascope.algorithms), *MODELS]
SEQUENCE_MODELS = [*MODELS, *every_example(AbstractSequencePredictor, mesascope.algorithms)]
SEQUENCES = [pytest.param(process, id=type(process).__name__) for process in (ConjugatePairs(6, 4), Rotations(6, 4))]
next_states = eqx.filter_jit(lambda model, sequence: model.next_states(sequence))


def takes(forecaster, process):
    return getattr(forecaster, "takes_complex", True) or not process.is_complex


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("process", SEQUENCES)
def test_a_row_is_the_answer_to_the_prompt_that_ends_there(model, process, key):
    sequence = process.sample(key)
    if not takes(model, process):
        with pytest.raises(ValueError, match="`sequence` must have real states for this model; got complex128"):
            model.next_states(sequence)
        return
    together = next_states(model, sequence)
    assert together.shape == sequence.states.shape
    for length in range(1, 6):
        alone = eqx.filter_jit(lambda model, prompt: model(prompt))(model, sequence.prompt(length))
        np.testing.assert_allclose(together[length - 1], alone, rtol=0, atol=1e3 * EPS * (1 + np.abs(alone).max()))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_does_not_look_ahead(model, key):
    """Other states from the fourth on leave the first three predictions as they are."""
    states = Rotations(6, 4).sample(key).states
    changed = Sequence(states.at[3:].add(1.0))
    first, second = next_states(model, Sequence(states)), next_states(model, changed)
    np.testing.assert_allclose(first[:3], second[:3], rtol=0, atol=1e3 * EPS)
    assert float(jnp.abs(first[3:] - second[3:]).max()) > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_real_sequences_are_answered_as_their_complex_selves(model, key):
    if not model.takes_complex:
        return
    states = Rotations(6, 4).sample(key).states
    real, complex_ = next_states(model, Sequence(states)), next_states(model, Sequence(states.astype(complex)))
    assert not jnp.iscomplexobj(real)
    np.testing.assert_allclose(complex_, real, rtol=0, atol=1e3 * EPS * (1 + np.abs(real).max()))


@pytest.mark.parametrize("weights", every_example(AbstractPositionWeights))
def test_fewer_positions_have_the_weights_of_the_first_ones(weights):
    """Where a query looks, up to one key after it; and no entry is lost to a number that is not finite."""
    few, many = np.asarray(weights.matrix(4)), np.asarray(weights.matrix(6))
    assert many.shape == (6, 6)
    seen = np.tri(4, k=1, dtype=bool)
    assert np.isfinite(many).all()
    rows = slice(0, 3) if "Softmax" in type(weights).__name__ else slice(None)  # its last row sees a key more of six
    np.testing.assert_allclose(few[rows][seen[rows]], many[:4, :4][rows][seen[rows]], rtol=1e3 * EPS)


@pytest.mark.parametrize("forecaster", FORECASTERS)
@pytest.mark.parametrize("process", SEQUENCES)
def test_a_forecaster_answers_every_prompt_without_looking_at_its_target(forecaster, process, key):
    if not takes(forecaster, process):
        return
    predict = eqx.filter_jit(lambda forecaster, prompt: forecaster(prompt))
    sequence = process.sample(key)
    for length in (1, 2, 5):
        prompt = sequence.prompt(length)
        blinded = eqx.tree_at(lambda p: p.target, prompt, jnp.full_like(prompt.target, jnp.nan))
        assert predict(forecaster, prompt).shape == (4,)
        assert bool((predict(forecaster, blinded) == predict(forecaster, prompt)).all())


@pytest.mark.parametrize("forecaster", FORECASTERS)
def test_a_forecaster_refuses_prompts_that_are_no_sequence(forecaster):
    prompt = LinearRegression(num_examples=4, dim_x=3, dim_y=2).sample(jax.random.key(0))
    with pytest.raises(ValueError, match="`prompt` must come from a sequence, with outputs as large as inputs; got 2"):
        forecaster(prompt)


@pytest.mark.parametrize("forecaster", FORECASTERS)
@pytest.mark.usefixtures("as_installed")
def test_a_forecaster_refuses_a_sequence_where_a_prompt_is_needed(forecaster):
    with pytest.raises(
        ValueError, match=r"`prompt` must be an object of class Prompt; got Sequence\. .*prompt\(length\)"
    ):
        forecaster(Sequence(jnp.ones((6, 4))))


def entries(model):
    """All that is called with a sequence."""
    return [model.next_states, model.prepared(6), *([model.trajectory] if hasattr(model, "trajectory") else [])]


@pytest.mark.parametrize("model", SEQUENCE_MODELS)
@pytest.mark.parametrize(("asked", "message"), [
    (np.ones((6, 4)), r"an object of class Sequence; got shape \(6, 4\) of float64. .*`Sequence\(states\)`"),
    (Sequence(jnp.ones((6, 4))).prompt(3), "an object of class Sequence; got Prompt"),
    (jax.vmap(Sequence)(jnp.ones((3, 6, 4))), r"one sequence's, not a batch: use `jax.vmap`; got \(3, 6, 4\)"),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_a_model_refuses_what_is_not_one_sequence(model, asked, message):
    for entry in entries(model):
        with pytest.raises(ValueError, match=f"`sequence` must be {message}"):
            entry(asked)


@pytest.mark.parametrize("model", SEQUENCE_MODELS)
def test_a_model_refuses_states_of_another_size_or_takes_any(model):
    smaller = Sequence(jnp.ones((6, 3)))
    for entry in entries(model):
        if model.dim_state is None:
            assert entry(smaller).shape[-2:] == (6, 3)
        else:
            with pytest.raises(ValueError, match="`sequence` must have states of size 4; got 3"):
                entry(smaller)


@pytest.mark.parametrize("construction", every_example(AbstractSequenceConstruction, mesascope.constructions))
def test_a_construction_equals_its_algorithm_on_every_prompt(construction, key):
    sequence, model = construction.holds_on().sample(key), construction.build()
    for length in range(2, sequence.num_states):
        prompt = sequence.prompt(length)
        ours, theirs = model(prompt), construction.emulates(length - 1)(prompt)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e3 * EPS * (1 + np.abs(theirs).max()))
        assert float(jnp.abs(theirs).min()) > 0  # agreeing on nothing would prove nothing
