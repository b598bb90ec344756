"""What every discovered task, model, algorithm and construction owes its users.

A class's examples are asked everything at once, by one compiled program: compiling takes longer than computing.
"""

import dataclasses
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import mesascope.algorithms
import mesascope.constructions
import mesascope.models
import mesascope.tasks
from mesascope.constructions._base import AbstractConstruction
from mesascope.discovery import concrete_classes
from mesascope.models.layer import AbstractLayer
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractForecaster, AbstractLinearLearner, AbstractPredictor, AbstractStepwise
from mesascope.prompt import Prompt, Sequence
from mesascope.random import FAST
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.linear_regression import LinearRegression


def every_class(package, base):
    """Their examples are not made yet. Predictors of sequences are left out, which have a contract of their own."""
    return [cls for cls in concrete_classes(package, base) if not issubclass(cls, AbstractForecaster)]


@cache
def examples(cls):
    """Made once; to be asked for outside of compiled functions, whose tracers they would hold."""
    return cls.examples()


def examples_of(classes):
    return [example for cls in classes for example in examples(cls)]


MODELS = every_class(mesascope.models, AbstractPredictor)
PREDICTORS = [*every_class(mesascope.algorithms, AbstractPredictor), *MODELS]
sample = eqx.filter_jit(lambda task, key: task.sample(key))


def tolerance(*arrays):
    """1e3 * eps times the size of what is compared."""
    return 1e3 * np.finfo(np.float64).eps * max(1.0, *(np.abs(a).max() for a in arrays))


def assert_close(actual, expected, factor=1.0):
    for ours, theirs in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=factor * tolerance(theirs))


def assert_same(actual, expected):
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True))


@pytest.fixture(scope="module")
def prompts():
    """Three prompts of 4 examples, then the first one asked about each unit vector."""
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(-1, 1, (3, *shape)) for shape in ((4, 3), (4, 2), (3,), (2,))]
    xs, ys, query, target = (leaf[[0, 1, 2, 0, 0, 0]] for leaf in drawn)
    return batch_of(xs, ys, np.concatenate([query[:3], np.eye(3)]), target)


def batch_of(*arrays):
    return jax.vmap(Prompt)(*jax.device_put(arrays))


def arrays_of(prompt):
    return prompt.xs, prompt.ys, prompt.query, prompt.target


@jax.jit
def data_keys():
    """A key of the generator that training data is drawn with, which compiles faster, and three that are made of it."""
    key = jax.random.key(20240, impl=FAST)
    return key, [*jax.random.split(jax.random.clone(key), 3)]


@pytest.mark.parametrize("cls", every_class(mesascope.tasks, AbstractTask))
def test_a_task_draws_prompts_of_its_shapes_by_its_key(cls):
    tasks, (key, (other_key, *_)) = examples(cls), data_keys()
    draw = jax.jit(lambda key: [task.sample(jax.random.clone(key)) for task in tasks])
    drawn, again, others = draw(key), draw(key), draw(other_key)
    assert_same(again, drawn)
    for task, prompt, other in zip(tasks, drawn, others, strict=True):
        n, dx, dy = task.num_examples, task.dim_x, task.dim_y
        assert [leaf.shape for leaf in arrays_of(prompt)] == [(n, dx), (n, dy), (dx,), (dy,)]
        assert all(np.isfinite(leaf).all() for leaf in arrays_of(prompt))
        assert not any(map(np.array_equal, arrays_of(other), arrays_of(prompt)))
        batch = jax.eval_shape(lambda key, task=task: task.sample_batch(key, 3), key)
        assert [leaf.shape for leaf in arrays_of(batch)] == [(3, n, dx), (3, n, dy), (3, dx), (3, dy)]


def test_a_batch_is_drawn_one_by_one():
    """`sample_batch` is the same function for all tasks."""
    task, (key, keys) = examples(LinearRegression)[-1], data_keys()
    together = jax.jit(lambda key: task.sample_batch(key, 3))(key)
    one_by_one = [sample(task, each) for each in keys]
    assert_close(jax.tree.map(lambda *leaves: np.stack(leaves), *one_by_one), together)
    for cls in every_class(mesascope.tasks, AbstractTask):
        assert [each for each in cls.mro() if "sample_batch" in vars(each)] == [AbstractTask]


def answers(predictor, prompts):
    """At once, of a stepwise predictor after its last step; by each prompt itself; a linear learner's weights."""
    steps = jax.vmap(predictor.trajectory)(prompts)[:, -1] if isinstance(predictor, AbstractStepwise) else None
    together = jax.vmap(predictor)(prompts) if steps is None else steps
    one_by_one = lax.map(predictor, prompts)
    if not isinstance(predictor, AbstractLinearLearner):
        return together, one_by_one, None
    intercepts = jax.vmap(predictor.intercept_trajectory)(prompts)
    weights = jax.vmap(predictor.weights)(prompts)
    return together, one_by_one, (weights, 0.0 if intercepts is None else intercepts[:, -1])


@pytest.mark.parametrize("cls", PREDICTORS)
def test_a_predictor_answers_one_prompt_at_a_time_without_looking_at_its_target(cls, prompts):
    predictors = examples(cls)
    answer = jax.jit(lambda prompts: [answers(predictor, prompts) for predictor in predictors])
    found = jax.tree.map(np.asarray, answer(prompts))
    blinded = eqx.tree_at(lambda p: p.target, prompts, jax.device_put(np.full_like(prompts.target, np.nan)))
    assert_same(answer(blinded), found)
    queries = np.asarray(prompts.query)
    for together, one_by_one, learned in found:
        assert together.shape == (6, 2)
        assert_close(one_by_one, together)
        if learned is not None:  # linear in the query, but for the intercept: by the unit vectors, and in between
            weights, intercept = learned
            assert_close((together - intercept)[3:], weights[0].T)
            assert_close((together - intercept)[:3], np.einsum("bij,bj->bi", weights[:3], queries[:3]))


@pytest.mark.usefixtures("as_installed")
def test_a_predictor_refuses_what_is_not_one_prompt(prompts):
    for predictor in examples_of(PREDICTORS):
        entries = [predictor, *([predictor.weights] if isinstance(predictor, AbstractLinearLearner) else [])]
        for entry in entries:
            with pytest.raises(ValueError, match="`prompt` must be an object of class Prompt; got Sequence"):
                entry(Sequence(jnp.ones((6, 3))))
            with pytest.raises(ValueError, match=r"`prompt` must be one, not a batch of shape \(6,\): use `jax.vmap"):
                entry(prompts)


def test_an_algorithm_takes_real_inputs_with_complex_outputs(prompts):
    """And the other way round: as if all of the prompt were complex."""
    real = jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)[0]), prompts)
    for predictor in examples_of(every_class(mesascope.algorithms, AbstractLinearLearner)):
        for name in ("xs", "ys"):
            part = dataclasses.replace(real, **{name: (1 + 2j) * getattr(real, name).astype(complex)})
            whole = jax.tree.map(lambda leaf: leaf.astype(complex), part)
            answer = jax.jit(lambda prompt, each=predictor: (each(prompt), each.weights(prompt)))
            of_part, of_whole = jax.tree.map(np.asarray, (answer(part), answer(whole)))
            assert [found.dtype for found in of_part] == [complex, complex]
            assert_close(of_part, of_whole, 1e3)


@pytest.mark.parametrize("cls", MODELS)
def test_a_model_neither_attends_to_its_query_nor_minds_the_order_of_its_examples(cls, prompts):
    models = examples(cls)
    walk = jax.jit(lambda prompts: [jax.vmap(model.token_trajectory)(prompts) for model in models])
    xs, ys, query, target = map(np.asarray, jax.tree.leaves(prompts))
    reversed_, asked_otherwise = batch_of(xs[:, ::-1], ys[:, ::-1], query, target), batch_of(xs, ys, query + 1, target)
    for plain, other, backwards in zip(*map(walk, (prompts, asked_otherwise, reversed_)), strict=True):
        assert_same(other[0], plain[0])
        assert_close(backwards[1], plain[1], 1e2)


def test_a_real_model_refuses_complex_prompts(prompts):
    prompt = jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)[0].astype(complex)), prompts)
    for model in examples_of(MODELS):
        for entry in (model, model.trajectory, model.token_trajectory):
            with pytest.raises(ValueError, match="`prompt` must be real for a model of real weights; got complex128"):
                entry(prompt)


def test_derivatives_by_the_weights_are_the_same_in_both_modes(prompts):
    """Of a model of each kind of layer, one cut off."""
    prompt = jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)[0]), prompts)
    kinds = {type(model.layers[0]): model for model in examples_of(MODELS) if len(model.layers) == 1}
    params, static = eqx.partition(tuple(kinds.values()), eqx.is_inexact_array)

    @jax.jit
    def jacobians(params):
        answers = lambda params: [model(prompt) for model in eqx.combine(params, static)]  # noqa: E731
        return jax.jacfwd(answers)(params), jax.jacrev(answers)(params)

    assert_close(*jacobians(params), factor=1e2)
    assert any(model.token_bound is not None for model in kinds.values())


@pytest.mark.parametrize("cls", every_class(mesascope.constructions, AbstractConstruction))
def test_a_construction_equals_its_algorithm_on_query_and_context(cls):
    constructions = examples(cls)
    prompts = [sample(construction.holds_on(), data_keys()[0]) for construction in constructions]

    def walk(construction, prompt):
        model, algorithm = construction.build(), construction.emulates()
        assert isinstance(model, Transformer)
        contexts, queries = model.token_trajectory(prompt)
        ours = model.trajectory(prompt), jax.vmap(model.tokens.read)(queries), contexts
        theirs = algorithm.trajectory(prompt)
        return ours, (theirs, theirs, construction.emulated_context(prompt))

    for ours, theirs in jax.jit(lambda prompts: [*map(walk, constructions, prompts)])(prompts):
        assert np.abs(theirs[0])[-1].min() > 0  # agreeing on nothing would prove nothing
        assert_close(ours, theirs)


@pytest.mark.parametrize("cls", every_class(mesascope.models, AbstractLayer))
def test_a_layer_updates_each_token_by_itself(cls):
    layers, (context, tokens) = examples(cls), np.random.default_rng(0).normal(size=(2, 4, 5))

    @jax.jit
    def updates(context, tokens):
        alone = lambda layer: lax.map(lambda token: layer(context, token[None])[0], tokens)  # noqa: E731
        return [(layer(context, tokens), alone(layer)) for layer in layers]

    for together, alone in updates(context, tokens):
        assert together.shape == tokens.shape
        assert_close(together, alone, 1e2)
