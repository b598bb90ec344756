"""This package's predictors as subjects."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.ridge import Ridge
from mesascope.interop.predictors import PredictorSubject, SequencePredictorSubject
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt, Sequence

RNG = np.random.default_rng(0)
XS, YS, QUERIES = RNG.normal(size=(3, 6, 3)), RNG.normal(size=(3, 6, 2)), RNG.normal(size=(3, 2, 3))
EPS = np.finfo(float).eps


def ridge_weights(penalty):
    """By numpy [b dy dx]."""
    gram = np.einsum("bni,bnj->bij", XS, XS) + penalty * np.eye(3)
    return np.swapaxes(np.linalg.solve(gram, np.einsum("bni,bnj->bij", XS, YS)), 1, 2)


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e3 * EPS * (1 + np.abs(expected).max()))


def test_ridge_answers_as_its_closed_form_and_its_derivatives_are_its_weights():
    subject = PredictorSubject(Ridge(0.3))
    weights = ridge_weights(0.3)
    assert subject.name == "Ridge"
    assert_close(subject.predictions(XS, YS, QUERIES), np.einsum("bji,bmi->bmj", weights, QUERIES))
    assert_close(subject.jacobian(XS, YS, QUERIES), np.broadcast_to(weights[:, None], (3, 2, 2, 3)))
    assert subject.jacobian(XS, YS, QUERIES.astype(complex)) is None
    assert subject.untrained(0) is None
    assert PredictorSubject(Ridge(jnp.asarray(0.3))).untrained(0) is None  # no number to draw but a constant


def test_layers_are_the_steps():
    algorithm = GradientDescent(0.1, num_steps=3)
    found = PredictorSubject(algorithm).layers(XS, YS, QUERIES)
    weights, expected = np.zeros((3, 2, 3)), []
    for _ in range(3):
        residual = YS - np.einsum("bji,bni->bnj", weights, XS)
        weights = weights + 0.1 * np.einsum("bnj,bni->bji", residual, XS) / 6
        expected.append(np.einsum("bji,bmi->bmj", weights, QUERIES))
    assert_close(found, np.stack(expected))
    assert PredictorSubject(lambda prompt: prompt.ys[0]).layers(XS, YS, QUERIES) is None


def test_a_function_of_a_prompt_is_compiled_once_for_many_batches():
    traced = []

    def first_label(prompt):
        traced.append(prompt.xs.shape)
        return jnp.tanh(prompt.query[:2]) + prompt.ys[0]

    subject = PredictorSubject(first_label)
    for size in (3, 4, 3):
        batch = [np.resize(each, (size, *each.shape[1:])) for each in (XS, YS, QUERIES)]
        assert_close(subject.predictions(*batch), np.tanh(batch[2][..., :2]) + batch[1][:, :1])
    assert (traced, subject.name) == ([(6, 3)], "first_label")
    derivative = np.zeros((3, 2, 2, 3))
    derivative[..., [0, 1], [0, 1]] = 1 - np.tanh(QUERIES[..., :2]) ** 2
    assert_close(subject.jacobian(XS, YS, QUERIES), derivative)


def test_a_transformer_shows_its_layers_and_tokens_and_an_untrained_copy(key):
    model = eqx.filter_jit(lambda key: Transformer.initialise(3, 2, num_layers=2, init_scale=1.0, key=key))(key)
    subject = PredictorSubject(model, name="mine")
    layers, hidden = subject.layers(XS, YS, QUERIES), subject.hidden(XS, YS, QUERIES)
    assert_close(layers[-1], subject.predictions(XS, YS, QUERIES))
    prompt = Prompt(*map(jnp.asarray, (XS[1], YS[1], QUERIES[1, 1], np.zeros(2))))
    assert_close(layers[:, 1, 1], np.asarray(eqx.filter_jit(model.trajectory)(prompt)))
    read = jax.jit(jax.vmap(model.tokens.read))(jnp.asarray(hidden.reshape(-1, 5)))
    assert_close(np.asarray(read).reshape(layers.shape), layers)
    other, again, third = (subject.untrained(seed) for seed in (0, 0, 1))
    assert other.name == "mine, untrained"
    weights = [np.asarray(each.predictor.layers[0].key) for each in (subject, other, again, third)]
    assert np.array_equal(weights[1], weights[2])
    assert not any(np.any(weights[1] == each) for each in (weights[0], weights[3]))
    answers = other.predictions(XS, YS, QUERIES)
    assert answers.shape == (3, 2, 2)
    assert np.abs(answers - layers[-1]).max() > 1e-3


def test_weights_drawn_anew_keep_their_mean_square_their_kind_and_their_constants():
    class Weights(eqx.Module):
        real: jax.Array
        complex_: jax.Array
        single: jax.Array
        ones: jax.Array

        def __call__(self, prompt):
            return prompt.ys[0]

    num = 40_000
    scaled = {"real": 3.0, "complex_": 3.0, "single": 3.0}
    arrays = (np.full(num, 3.0), np.full(num, 3j), np.full(num, 3.0, np.float32))
    model = Weights(*(jnp.asarray(each * np.resize([1, -1], num).astype(each.dtype)) for each in arrays), jnp.ones(5))
    drawn = PredictorSubject(model).untrained(0).predictor
    for name, rms in scaled.items():
        before, after = getattr(model, name), np.asarray(getattr(drawn, name))
        assert after.dtype == before.dtype
        share = np.mean(np.abs(after) ** 2) / rms**2  # of mean 1 and variance 2 / num, at most
        assert abs(share - 1) < 5 * np.sqrt(2 / num)
        assert abs(after.mean()) < 5 * rms * np.sqrt(1 / num)
    assert abs(np.mean(np.asarray(drawn.complex_) ** 2)) < 5 * 9 * np.sqrt(2 / num)  # both parts are alike
    assert np.array_equal(drawn.ones, np.ones(5))


def test_a_model_of_sequences_answers_every_prefix_and_shows_its_layers(key):
    model = eqx.filter_jit(lambda key: SequenceTransformer.initialise(4, num_layers=2, key=key))(key)
    states = RNG.normal(size=(3, 5, 4))
    subject = SequencePredictorSubject(model)
    found, layers = subject.next_states(states), subject.layers(states)
    expected = np.asarray(eqx.filter_jit(model.next_states)(Sequence(jnp.asarray(states[2]))))
    assert_close(found[2], expected)
    assert_close(layers[-1], found)
    assert (layers.shape, subject.dim) == ((2, 3, 5, 4), 4)
    assert np.abs(subject.untrained(0).next_states(states) - found).max() > 1e-3
    early = subject.next_states(np.concatenate([states[:, :3], states[:, :2]], axis=1))
    assert_close(early[:, :3], found[:, :3])


@pytest.mark.usefixtures("as_installed")
def test_a_class_and_what_is_not_called_with_a_prompt_are_refused():
    with pytest.raises(ValueError, match=r"`predictor` must be .*the class Ridge itself\. Make one"):
        PredictorSubject(Ridge)
    with pytest.raises(ValueError, match="`predictor` must take one argument"):
        PredictorSubject(lambda xs, ys: xs)
    with pytest.raises(ValueError, match="`predictor` must be an object of class AbstractSequencePredictor"):
        SequencePredictorSubject(Ridge(0.1))
