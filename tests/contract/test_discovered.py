"""What every discovered task, model, algorithm and construction owes its users.

A class's examples are asked everything at once, by one compiled program each: compiling takes longer than computing.
"""

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
from mesascope.prompt import Sequence
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.linear_regression import LinearRegression


def every_example(package, base):
    """The examples of each class; predictors of sequences are left out, which have a contract of their own."""
    classes = (cls for cls in concrete_classes(package, base) if not issubclass(cls, AbstractForecaster))
    return [
        pytest.param(example, id=f"{cls.__name__}-{i}") for cls in classes for i, example in enumerate(cls.examples())
    ]


MODELS = every_example(mesascope.models, AbstractPredictor)
PREDICTORS = [*every_example(mesascope.algorithms, AbstractPredictor), *MODELS]
REGRESSION = LinearRegression(num_examples=4, dim_x=3, dim_y=2)


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
    """Three prompts, then the first one asked about each unit vector."""
    drawn = jax.jit(lambda key: REGRESSION.sample_batch(key, 3))(jax.random.key(20240))
    asked = jax.tree.map(lambda leaf: np.asarray(leaf)[[0, 1, 2, 0, 0, 0]], drawn)
    return eqx.tree_at(lambda p: p.query, asked, np.concatenate([drawn.query, np.eye(3)]))


@pytest.mark.parametrize("task", every_example(mesascope.tasks, AbstractTask))
def test_a_task_draws_prompts_of_its_shapes_one_by_one_by_its_key(task, key):
    draw = jax.jit(
        lambda key: (
            task.sample_batch(jax.random.clone(key), 3),
            lax.map(task.sample, jax.random.split(jax.random.clone(key), 3)),
        )
    )
    together, one_by_one = draw(key)
    n, dx, dy = task.num_examples, task.dim_x, task.dim_y
    assert [leaf.shape for leaf in jax.tree.leaves(together)] == [(3, n, dx), (3, n, dy), (3, dx), (3, dy)]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(together))
    assert_close(one_by_one, together)
    assert_same(draw(key)[0], together)
    other = draw(jax.random.fold_in(key, 1))[0]
    assert not any(map(np.array_equal, jax.tree.leaves(other), jax.tree.leaves(together)))


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_a_predictor_answers_one_prompt_at_a_time_without_looking_at_its_target(predictor, prompts):
    @jax.jit
    def answer(prompts):
        weights = jax.vmap(predictor.weights)(prompts) if isinstance(predictor, AbstractLinearLearner) else None
        last = jax.vmap(predictor.trajectory)(prompts)[:, -1] if isinstance(predictor, AbstractStepwise) else None
        return jax.vmap(predictor)(prompts), lax.map(predictor, prompts), last, weights

    together, one_by_one, last, weights = jax.tree.map(np.asarray, answer(prompts))
    assert together.shape == (6, 2)
    assert_close(one_by_one, together, 1e2)
    blinded = eqx.tree_at(lambda p: p.target, prompts, np.full_like(prompts.target, np.nan))
    assert_same(answer(blinded), (together, one_by_one, last, weights))
    if last is not None:
        assert_close(last, together)
    if weights is not None:  # linear in the query: by the unit vectors, and in between
        assert_close(together[3:], np.asarray(weights)[0].T)
        assert_close(together[:3], np.einsum("bij,bj->bi", weights[:3], prompts.query[:3]))


@pytest.mark.usefixtures("as_installed")
def test_a_stepwise_predictor_refuses_what_is_no_prompt():
    for predictor in (case.values[0] for case in PREDICTORS):
        if isinstance(predictor, AbstractStepwise):
            with pytest.raises(ValueError, match="`prompt` must be an object of class Prompt; got Sequence"):
                predictor(Sequence(jnp.ones((6, 3))))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_neither_attends_to_its_query_nor_minds_the_order_of_its_examples(model, prompts):
    walk = jax.jit(jax.vmap(model.token_trajectory))
    contexts, queries = walk(prompts)
    assert_same(walk(eqx.tree_at(lambda p: p.query, prompts, prompts.query + 1.0))[0], contexts)
    reversed_ = eqx.tree_at(lambda p: (p.xs, p.ys), prompts, (prompts.xs[:, ::-1], prompts.ys[:, ::-1]))
    assert_close(walk(reversed_)[1], queries, 1e2)


@pytest.mark.parametrize("model", MODELS)
def test_a_real_model_refuses_complex_prompts(model, prompts):
    prompt = jax.tree.map(lambda leaf: jax.device_put(leaf[0].astype(complex)), prompts)
    for entry in (model, model.trajectory, model.token_trajectory):
        with pytest.raises(ValueError, match="`prompt` must be real for a model of real weights; got complex128"):
            entry(prompt)


def test_derivatives_by_the_weights_are_the_same_in_both_modes(prompts):
    """Of a model of each kind of layer, one cut off."""
    prompt = jax.tree.map(lambda leaf: leaf[0], prompts)
    kinds = {type(model.layers[0]): model for model in (case.values[0] for case in MODELS) if len(model.layers) == 1}
    params, static = eqx.partition(tuple(kinds.values()), eqx.is_inexact_array)

    @jax.jit
    def jacobians(params):
        answers = lambda params: [model(prompt) for model in eqx.combine(params, static)]  # noqa: E731
        return jax.jacfwd(answers)(params), jax.jacrev(answers)(params)

    assert_close(*jacobians(params), factor=1e2)
    assert any(model.token_bound is not None for model in kinds.values())


@pytest.mark.parametrize("construction", every_example(mesascope.constructions, AbstractConstruction))
def test_a_construction_equals_its_algorithm_on_query_and_context(construction, key):
    @jax.jit
    def walk(key):
        model, algorithm = construction.build(), construction.emulates()
        assert isinstance(model, Transformer)
        prompts = construction.holds_on().sample_batch(key, 3)
        contexts, queries = jax.vmap(model.token_trajectory)(prompts)
        ours = (jax.vmap(model.trajectory)(prompts), jax.vmap(jax.vmap(model.tokens.read))(queries), contexts)
        theirs = jax.vmap(algorithm.trajectory)(prompts)
        return ours, (theirs, theirs, jax.vmap(construction.emulated_context)(prompts))

    ours, theirs = walk(key)
    assert np.abs(theirs[0])[:, -1].min() > 0  # agreeing on nothing would prove nothing
    assert_close(ours, theirs)


@pytest.mark.parametrize("layer", every_example(mesascope.models, AbstractLayer))
def test_a_layer_updates_each_token_by_itself(layer, key):
    context, tokens = jax.random.normal(key, (2, 4, 5))
    together, alone = jax.jit(lambda: (layer(context, tokens), lax.map(lambda e: layer(context, e[None])[0], tokens)))()
    assert together.shape == tokens.shape
    assert_close(together, alone, 1e2)
