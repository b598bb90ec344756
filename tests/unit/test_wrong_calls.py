"""What a user writes by mistake is refused in a sentence: what must be, what was got, what to do."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import mesascope as ms

TASK, PROCESS = ms.LinearRegression(4, 3), ms.HaarProcess(5, 3)
CONFIG = ms.FitConfig(num_steps=2, batch_size=4)
REFERENCES = {"zero": ms.ZeroPredictor()}
SMALL = {"num_prompts": 2, "num_held_out": 2}
STUDY = ms.study("oswald2023-prop1", preset="smoke")
DESCENT = ms.GradientDescent(jnp.asarray(0.5))


def new():
    """A key, unused."""
    return jax.random.key(0)


@eqx.filter_jit
def models():
    other_size = ms.Transformer.initialise(5, key=jax.random.key(0))
    return ms.Transformer.initialise(3, key=jax.random.key(0)), other_size, jax.random.split(jax.random.key(0), 3)


MODEL, OF_FIVE, KEYS = models()
STACKED = jax.tree.map(lambda leaf: leaf[None], MODEL)
LAYER = MODEL.layers[0]


class OfFive(ms.AbstractPredictor):
    """A model of one's own, for five inputs."""

    def __call__(self, prompt):
        return jnp.ones((1, 5)) @ prompt.query


def probe(predictor, verb=ms.half_squared_error):
    return verb(predictor, ms.Prompt(jnp.ones((4, 3)), jnp.ones((4, 1)), jnp.ones(3), jnp.ones(1)))


def generalise(predictors=REFERENCES, sample_fn=lambda key, _: TASK.sample(key), shifts=None, keys=KEYS):
    return ms.generalisation_errors(predictors, sample_fn, jnp.ones(2) if shifts is None else shifts, keys)


CALLS = {
    "fit: a class": (lambda: ms.fit(ms.Ridge, TASK, CONFIG, key=new()), "`model` must be .*Make one: `Ridge"),
    "fit: a word": (lambda: ms.fit("gd", TASK, CONFIG, key=new()), "`model` must be .*got str. Take one"),
    "fit: a construction": (
        lambda: ms.fit(ms.GradientDescentConstruction(), TASK, CONFIG, key=new()), r"`model` must .*`model.build\(\)`"
    ),
    "fit: no task": (lambda: ms.fit(MODEL, "linear", CONFIG, key=new()), "`task` must .* or AbstractProcess; got str"),
    "fit: a dict": (lambda: ms.fit(MODEL, TASK, {"num_steps": 3}, key=new()), "`config` must .*FitConfig; got dict"),
    "fit: no function": (lambda: ms.fit(MODEL, TASK, CONFIG, key=new(), on_chunk=3), "`on_chunk` must be a function"),
    "fit: a number": (lambda: ms.fit(MODEL, TASK, CONFIG, key=new(), checkpoint=3), "`checkpoint` must .*Name a file"),
    "fit: a folder": (lambda: ms.fit(MODEL, TASK, CONFIG, key=new(), checkpoint="."), "`checkpoint` must be a file"),
    "fit: nothing to train": (lambda: ms.fit(ms.Ridge(0.1), TASK, CONFIG, key=new()), "must have weights.*Ridge"),
    "fit: other inputs": (lambda: ms.fit(OF_FIVE, TASK, CONFIG, key=new()), "inputs of size 5.* got 3 and 1"),
    "fit_seeds: a model": (lambda: ms.fit_seeds(MODEL, TASK, CONFIG, keys=KEYS), "`make_model` must be a function"),
    "fit_seeds: no argument": (
        lambda: ms.fit_seeds(lambda: MODEL, TASK, CONFIG, keys=KEYS), "`make_model` must take one argument; got <"
    ),
    "fit_seeds: no keys": (lambda: ms.fit_seeds(lambda _: MODEL, TASK, keys=KEYS[:0]), "`keys` must hold one key"),
    "FitConfig": (lambda: ms.FitConfig(b1=jnp.ones(2)), r"`b1` must have shape \(\)"),
    "fit_exact: a word": (
        lambda: ms.fit_exact(jnp.sum, lambda key: jnp.ones(2), "adam", keys=KEYS, num_steps=1), "`optimiser` must be"
    ),
    "fit_exact: a key": (
        lambda: ms.fit_exact(jnp.sum, lambda key: jnp.ones(2), ms.Adam(), keys=new(), num_steps=1), "`keys` must be"
    ),
    "fit_exact: whole numbers": (
        lambda: ms.fit_exact(jnp.sum, lambda key: jnp.ones(2, int), ms.Adam(), keys=KEYS, num_steps=1),
        "`make_params` must be .*real or complex numbers; got",
    ),
    "compare: a list": (lambda: ms.compare(MODEL, [DESCENT], TASK, key=new()), "`references` .*Mapping; got list"),
    "compare: a number": (lambda: ms.compare(MODEL, {1: DESCENT}, TASK, key=new()), "`references` must be .*got int"),
    "compare: a class of tasks": (
        lambda: ms.compare(MODEL, REFERENCES, ms.LinearRegression, key=new()), "`task` must .* LinearRegression itself"
    ),
    "compare: several models": (
        lambda: ms.compare(STACKED, REFERENCES, TASK, key=new(), num_prompts=2), r"`trained.seed\(0\).model`"
    ),
    "compare: for prompts of another kind": (
        lambda: ms.compare(ms.RidgeAlongSequence(), REFERENCES, TASK, key=new()), "`prompt` must come from a sequence"
    ),
    "compare: one's own of other inputs": (
        lambda: ms.compare(OfFive(), REFERENCES, TASK, key=new(), num_prompts=2), r"`model` must take .*\(4, 3\).* got"
    ),
    "tune: a class": (lambda: ms.tune(ms.Ridge, TASK, key=new(), **SMALL), "`algorithm` must be .*Make one: `Ridge"),
    "a probe: a class": (lambda: probe(ms.Ridge), "`predictor` must be an object of class AbstractPredictor"),
    "a probe: other inputs": (lambda: probe(OF_FIVE, ms.sensitivity), "`prompt` must have inputs of size 5"),
    "a probe: no steps": (lambda: probe(OfFive(), ms.half_squared_errors_by_step), "must be .*AbstractStepwise"),
    "a batch": (lambda: DESCENT.trajectory(TASK.sample_batch(new(), 3)), "`prompt` must be one, not a batch"),
    "generalisation: no names": (lambda: generalise([MODEL]), "`predictors` must be .*Mapping; got list"),
    "generalisation: a task": (lambda: generalise(sample_fn=TASK), "`sample_fn` must be a function; got LinearReg"),
    "generalisation: a list": (lambda: generalise(shifts=[1.0]), "`shifts` must be an array of one axis; got list"),
    "generalisation: a key": (lambda: generalise(keys=new()), "`keys` must be an array of keys"),
    "copying": (lambda: ms.copying_sensitivity(lambda tokens: tokens[1:], jnp.ones((3, 2))), "must give as many; got"),
    "interpolate: words": (lambda: ms.interpolate("a", "b"), "`first` and `second` must have weights; got 'a'"),
    "interpolate: kinds": (lambda: ms.interpolate(MODEL, DESCENT), "got Transformer.*GradientDescent"),
    "interpolate: no number": (lambda: ms.interpolate(DESCENT, DESCENT, "half"), "`fraction` must be finite"),
    "rates: a layer's": (
        lambda: ms.learned_rates(LAYER.key_query, LAYER.output_value, 3, 4), r"one head's .*`layer.key_query\[0\]`"
    ),
    "rates: sizes": (lambda: ms.learned_step_size(jnp.ones((4, 4)), jnp.ones((4, 4)), 4, 4), "tokens of 4 inputs and"),
    "Shifted: a word": (lambda: ms.Shifted("linear"), "`task` must be .*AbstractTeacherTask; got str"),
    "Shifted: a law's class": (lambda: ms.Shifted(TASK, input_law=ms.Laplace), "`input_law` must be .*Laplace itself"),
    "FinitePool": (lambda: ms.FinitePool(PROCESS), "`task` must be an object of class AbstractTask; got HaarProcess"),
    "CorruptedTargets": (lambda: ms.CorruptedTargets("x"), "`task` must be an object of class AbstractTask; got str"),
    "SecondMoments": (lambda: ms.SecondMoments(TASK), "`task` must be .*GaussianRegression; got LinearRegression"),
    "Transformer: a word": (lambda: ms.Transformer.initialise(3, attention="l", key=new()), "`attention` must be"),
    "Transformer: one layer": (lambda: ms.Transformer(LAYER, MODEL.tokens), "`layers` must .*`\\(layer,\\)`"),
    "Transformer: no tokens": (lambda: ms.Transformer((LAYER,), 3), "`tokens` must be .*JoinedTokens"),
    "Transformer: other tokens": (
        lambda: probe(ms.Transformer((OF_FIVE.layers[0],), MODEL.tokens)), "of size 4; got one for size 6"
    ),
    "Block": (lambda: ms.Block(DESCENT), "`layers` must be an object of class tuple or list; got GradientDescent"),
    "SequenceTransformer: tokens": (
        lambda: ms.SequenceTransformer.initialise(3, tokens="augmented", key=new()), "`tokens` must be"
    ),
    "SequenceTransformer: asking": (
        lambda: ms.SequenceTransformer.initialise(3, asking=ms.LastAsks, key=new()), "`asking` must .*LastAsks itself"
    ),
    "SequenceTransformer: norm": (
        lambda: ms.SequenceTransformer.initialise(3, norm="layer", key=new()), "`norm` must be a class"
    ),
    "CopyingConstruction": (lambda: ms.CopyingConstruction("a"), "`learning_rate` must be finite"),
    "DeepFeatureConstruction": (lambda: ms.DeepFeatureConstruction("a"), "`mlp` must be .*MLP; got str"),
    "study: a number": (lambda: ms.study(3), "`name` must be a study's name; got 3"),
    "study: no preset": (
        lambda: ms.study("oswald2023-prop1", preset="quik"), "`preset` .*got 'quik'. Did you mean 'quick'"
    ),
    "study: no setting": (
        lambda: ms.study("oswald2023-prop1", seed=3), "must be one of seeds, .*; got 'seed'. Did you mean 'seeds'"
    ),
    "study: a path": (lambda: STUDY.run(store="runs"), r"`store` must be .*got 'runs'. .*`Store\('runs'\)`"),
    "study: a class": (lambda: STUDY.run(store=ms.Store), "`store` must be a store of results"),
    "study: no report": (lambda: STUDY.run(report=3), "`report` must be a function; got int"),
    "Store": (lambda: ms.Store(3), "`directory` must be an object of class str or Path; got int"),
    "Claim": (lambda: ms.Claim("a", "It is.", "it", "at mos", 1.0), "`relation` .*Did you mean 'at most'"),
}  # fmt: skip


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_answered_in_a_sentence(name):
    call, message = CALLS[name]
    with pytest.raises(ValueError, match=message) as refused:
        call()
    assert len(re.findall(r"[.?] [A-Z`]", str(refused.value))) <= 2


@pytest.mark.usefixtures("as_installed")
def test_every_model_is_drawn_from_new():
    draws = [
        ms.Transformer.initialise,
        ms.SequenceTransformer.initialise,
        ms.LinearSelfAttention.initialise,
        ms.AugmentedLayer.initialise,
        ms.DiagonalAugmentedLayer.initialise,
        ms.ScalarAugmentedLayer.initialise,
        lambda dim, key: ms.MLP.initialise(dim, 2, key=key),
        lambda dim, key: ms.DiagonalHeads.initialise(dim, 2, 2, key=key),
        lambda dim, key: ms.DenseHeads.initialise(dim, 2, 2, key=key),
    ]
    for draw in draws:
        with pytest.raises(ValueError, match=r"`key` must be a key of `jax.random`; got int"):
            draw(3, key=0)


@pytest.mark.parametrize(("name", "nearest"), [
    ("GradientDecent", "GradientDescent"), ("linear_regression", "LinearRegression"), ("Fit", "fit"),
])  # fmt: skip
def test_a_misspelt_name_is_answered_with_the_nearest(name, nearest):
    with pytest.raises(AttributeError, match=f"mesascope has no '{name}'. Did you mean '{nearest}'?"):
        getattr(ms, name)


def test_a_training_of_one_key_has_no_seeds():
    with jax.numpy_dtype_promotion("standard"):
        one = ms.fit(DESCENT, TASK, CONFIG, key=new())
        several = ms.fit_seeds(lambda _: DESCENT, TASK, CONFIG, keys=KEYS)
    with pytest.raises(ValueError, match="`seed` must be asked of trainings of several keys"):
        one.seed(0)
    with pytest.raises(ValueError, match="`index` must be below 3, the number of seeds; got 3"):
        several.seed(3)
    assert several.seed(-1).losses.shape == (2,)
