"""What every discovered task, model, algorithm and construction owes its users."""

import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.constructions
import mesascope.models
import mesascope.tasks
from mesascope.constructions._base import AbstractConstruction
from mesascope.discovery import concrete_classes
from mesascope.models.layer import AbstractLayer
from mesascope.predictor import AbstractForecaster, AbstractLinearLearner, AbstractPredictor, AbstractStepwise
from mesascope.prompt import Sequence
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.linear_regression import LinearRegression


def every_example(package, base):
    found = [example for cls in concrete_classes(package, base) for example in cls.examples()]
    return [pytest.param(example, id=f"{type(example).__name__}-{i}") for i, example in enumerate(found)]


def without_forecasters(cases):
    """Predictors of prompts of any kind; those of sequences have a contract of their own."""
    return [case for case in cases if not isinstance(case.values[0], AbstractForecaster)]


TASKS = every_example(mesascope.tasks, AbstractTask)
MODELS = without_forecasters(every_example(mesascope.models, AbstractPredictor))
LAYERS = every_example(mesascope.models, AbstractLayer)
PREDICTORS = [*without_forecasters(every_example(mesascope.algorithms, AbstractPredictor)), *MODELS]
CONSTRUCTIONS = every_example(mesascope.constructions, AbstractConstruction)


def tolerance(*arrays):
    """1e3 * eps times the size of what is compared."""
    return 1e3 * np.finfo(np.float64).eps * max(1.0, *(float(jnp.abs(a).max()) for a in arrays))


# Whole functions are compiled: one program is made sooner than its hundred operations one by one.
sample = eqx.filter_jit(lambda task, key: task.sample(key))
sample_batch = eqx.filter_jit(lambda task, key, size: task.sample_batch(key, size))
predict = eqx.filter_jit(lambda predictor, prompt: predictor(prompt))
predict_batch = eqx.filter_jit(lambda predictor, prompts: jax.vmap(predictor)(prompts))
trajectories = eqx.filter_jit(lambda predictor, prompts: jax.vmap(predictor.trajectory)(prompts))
REGRESSION = LinearRegression(num_examples=4, dim_x=3, dim_y=2)


def same(first, second):
    return [bool((a == b).all()) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_draws_prompts_of_its_shapes(task, key):
    batch = sample_batch(task, key, 4)
    n, dx, dy = task.num_examples, task.dim_x, task.dim_y
    assert [leaf.shape for leaf in jax.tree.leaves(batch)] == [(4, n, dx), (4, n, dy), (4, dx), (4, dy)]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(batch))


@pytest.mark.parametrize("task", TASKS)
def test_a_batch_is_its_prompts_one_by_one(task, key):
    batch = sample_batch(task, jax.random.clone(key), 3)
    for i, prompt_key in enumerate(jax.random.split(key, 3)):
        for one, many in zip(jax.tree.leaves(sample(task, prompt_key)), jax.tree.leaves(batch), strict=True):
            np.testing.assert_allclose(one, many[i], rtol=0, atol=tolerance(one))


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_a_function_of_its_key(task, key):
    first, again = (sample(task, jax.random.clone(key)) for _ in range(2))
    other = sample(task, jax.random.fold_in(key, 1))
    assert all(same(first, again))
    assert not any(same(first, other))


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_a_predictor_answers_without_looking_at_the_target(predictor, key):
    prompt = sample(REGRESSION, key)
    blinded = eqx.tree_at(lambda p: p.target, prompt, jnp.full_like(prompt.target, jnp.nan))
    prediction = predict(predictor, blinded)
    assert prediction.shape == (2,)
    assert bool((prediction == predict(predictor, prompt)).all())


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_a_batch_of_predictions_is_the_predictions_one_by_one(predictor, key):
    batch = sample_batch(REGRESSION, key, 3)
    together = predict_batch(predictor, batch)
    for i in range(3):
        alone = predict(predictor, jax.tree.map(operator.itemgetter(i), batch))
        np.testing.assert_allclose(together[i], alone, rtol=0, atol=1e2 * tolerance(alone))


@pytest.mark.parametrize("predictor", [p for p in PREDICTORS if isinstance(p.values[0], AbstractStepwise)])
def test_a_stepwise_predictor_ends_on_its_prediction(predictor, key):
    prompts = sample_batch(REGRESSION, key, 2)
    last = trajectories(predictor, prompts)[:, -1]
    np.testing.assert_allclose(last, predict_batch(predictor, prompts), rtol=0, atol=tolerance(last))


@pytest.mark.parametrize("predictor", [p for p in PREDICTORS if isinstance(p.values[0], AbstractStepwise)])
@pytest.mark.usefixtures("as_installed")
def test_a_stepwise_predictor_refuses_what_is_no_prompt(predictor):
    with pytest.raises(ValueError, match="`prompt` must be an object of class Prompt; got Sequence"):
        predictor(Sequence(jnp.ones((6, 3))))


@pytest.mark.parametrize("model", MODELS)
def test_a_real_model_refuses_complex_prompts(model, key):
    prompt = jax.tree.map(lambda leaf: leaf.astype(complex), sample(REGRESSION, key))
    for entry in (model, model.trajectory, model.token_trajectory):
        with pytest.raises(ValueError, match="`prompt` must be real for a model of real weights; got complex128"):
            entry(prompt)


@pytest.mark.parametrize("predictor", [p for p in PREDICTORS if isinstance(p.values[0], AbstractLinearLearner)])
def test_a_linear_learner_is_linear_in_its_query(predictor, key):
    prompt = sample(REGRESSION, key)
    weights = eqx.filter_jit(lambda p: predictor.weights(p))(prompt)
    assert weights.shape == (2, 3)
    jacobian = eqx.filter_jit(lambda p: jax.jacrev(lambda query: predictor(p.with_query(query)))(p.query))(prompt)
    np.testing.assert_allclose(jacobian, weights, rtol=0, atol=tolerance(weights))


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_a_construction_equals_its_algorithm_on_the_query(construction, key):
    prompts = sample_batch(construction.holds_on(), key, 5)
    ours, theirs = (trajectories(each, prompts) for each in (construction.build(), construction.emulates()))
    assert ours.shape == theirs.shape
    assert float(jnp.abs(theirs[:, -1]).min()) > 0  # agreeing on nothing would prove nothing
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(theirs))


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_a_construction_equals_its_algorithm_on_the_context(construction, key):
    prompts = sample_batch(construction.holds_on(), key, 5)
    model = construction.build()
    contexts, queries = eqx.filter_jit(lambda p: jax.vmap(model.token_trajectory)(p))(prompts)
    expected = eqx.filter_jit(lambda p: jax.vmap(construction.emulated_context)(p))(prompts)
    assert contexts.shape == expected.shape
    np.testing.assert_allclose(contexts, expected, rtol=0, atol=tolerance(expected))
    read = jax.vmap(jax.vmap(model.tokens.read))(queries)
    np.testing.assert_allclose(read, trajectories(model, prompts), rtol=0, atol=tolerance(read))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_neither_attends_to_its_query_nor_minds_the_order_of_its_examples(model, key):
    prompts = sample_batch(REGRESSION, key, 3)
    moved = eqx.tree_at(lambda p: p.query, prompts, prompts.query + 1.0)
    reversed_ = eqx.tree_at(lambda p: (p.xs, p.ys), prompts, (prompts.xs[:, ::-1], prompts.ys[:, ::-1]))
    walk = eqx.filter_jit(lambda model, p: jax.vmap(model.token_trajectory)(p))
    contexts, queries = walk(model, prompts)
    assert bool((walk(model, moved)[0] == contexts).all())
    np.testing.assert_allclose(walk(model, reversed_)[1], queries, rtol=0, atol=1e2 * tolerance(queries))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_updates_each_token_by_itself(layer, key):
    context, tokens = jax.random.normal(key, (2, 4, 5))
    apply = eqx.filter_jit(lambda layer, context, tokens: layer(context, tokens))
    together = apply(layer, context, tokens)
    alone = jnp.concatenate([apply(layer, context, token[None]) for token in tokens])
    assert together.shape == tokens.shape
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e2 * tolerance(together))
