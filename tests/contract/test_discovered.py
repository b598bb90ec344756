"""What every discovered task, model, algorithm and construction owes its users."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mesascope.algorithms
import mesascope.constructions
import mesascope.tasks
from mesascope.constructions._base import AbstractConstruction
from mesascope.discovery import concrete_classes
from mesascope.predictor import AbstractLinearLearner, AbstractPredictor, AbstractStepwise
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.linear_regression import LinearRegression


def every_example(package, base):
    found = [example for cls in concrete_classes(package, base) for example in cls.examples()]
    return [pytest.param(example, id=f"{type(example).__name__}-{i}") for i, example in enumerate(found)]


TASKS = every_example(mesascope.tasks, AbstractTask)
ALGORITHMS = every_example(mesascope.algorithms, AbstractPredictor)
CONSTRUCTIONS = every_example(mesascope.constructions, AbstractConstruction)


def tolerance(*arrays):
    """1e3 * eps times the size of what is compared."""
    return 1e3 * np.finfo(np.float64).eps * max(1.0, *(float(jnp.abs(a).max()) for a in arrays))


@pytest.mark.parametrize("task", TASKS)
def test_a_task_draws_prompts_of_its_shapes(task, key):
    batch = task.sample_batch(key, 4)
    n, dx, dy = task.num_examples, task.dim_x, task.dim_y
    shapes = [leaf.shape for leaf in jax.tree.leaves(batch)]
    assert shapes == [(4, n, dx), (4, n, dy), (4, dx), (4, dy)]
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(batch))


@pytest.mark.parametrize("task", TASKS)
def test_a_batch_is_its_prompts_one_by_one(task, key):
    batch = task.sample_batch(jax.random.clone(key), 3)
    for i, prompt_key in enumerate(jax.random.split(key, 3)):
        alone = task.sample(prompt_key)
        for one, many in zip(jax.tree.leaves(alone), jax.tree.leaves(batch), strict=True):
            np.testing.assert_allclose(one, many[i], rtol=0, atol=tolerance(one))


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_a_function_of_its_key(task, key):
    first, again = (task.sample(jax.random.clone(key)) for _ in range(2))
    other = task.sample(jax.random.fold_in(key, 1))
    assert all(bool((a == b).all()) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True))
    assert all(bool((a != b).any()) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(other), strict=True))


@pytest.mark.parametrize("predictor", ALGORITHMS)
def test_a_predictor_answers_without_looking_at_the_target(predictor, key):
    prompt = LinearRegression(num_examples=4, dim_x=3, dim_y=2).sample(key)
    blinded = type(prompt)(prompt.xs, prompt.ys, prompt.query, jnp.full_like(prompt.target, jnp.nan))
    prediction = predictor(blinded)
    assert prediction.shape == (2,)
    assert bool((prediction == predictor(prompt)).all())


@pytest.mark.parametrize("predictor", ALGORITHMS)
def test_a_batch_of_predictions_is_the_predictions_one_by_one(predictor, key):
    batch = LinearRegression(num_examples=4, dim_x=3, dim_y=2).sample_batch(key, 3)
    together = jax.vmap(predictor)(batch)
    for i in range(3):
        alone = predictor(jax.tree.map(operator.itemgetter(i), batch))
        np.testing.assert_allclose(together[i], alone, rtol=0, atol=1e2 * tolerance(alone))


@pytest.mark.parametrize("predictor", ALGORITHMS)
def test_a_stepwise_predictor_ends_on_its_prediction(predictor, key):
    if not isinstance(predictor, AbstractStepwise):
        pytest.skip("not stepwise")
    prompt = LinearRegression(num_examples=4, dim_x=3).sample(key)
    assert bool((predictor.trajectory(prompt)[-1] == predictor(prompt)).all())


@pytest.mark.parametrize("predictor", ALGORITHMS)
def test_a_linear_learner_is_linear_in_its_query(predictor, key):
    if not isinstance(predictor, AbstractLinearLearner):
        pytest.skip("not a linear learner")
    prompt = LinearRegression(num_examples=4, dim_x=3, dim_y=2).sample(key)
    weights = predictor.weights(prompt)
    assert weights.shape == (2, 3)
    jacobian = jax.jacrev(lambda query: predictor(prompt.with_query(query)))(prompt.query)
    np.testing.assert_allclose(jacobian, weights, rtol=0, atol=tolerance(weights))


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_a_construction_equals_its_algorithm_on_the_query(construction, key):
    model, algorithm = construction.build(), construction.emulates()
    prompts = construction.holds_on().sample_batch(key, 5)
    ours, theirs = (jax.jit(jax.vmap(each.trajectory))(prompts) for each in (model, algorithm))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(theirs))


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_a_construction_equals_its_algorithm_on_the_context(construction, key):
    prompts = construction.holds_on().sample_batch(key, 5)
    contexts, queries = jax.jit(jax.vmap(construction.build().token_trajectory))(prompts)
    expected = jax.jit(jax.vmap(construction.emulated_context))(prompts)
    assert contexts.shape == expected.shape
    np.testing.assert_allclose(contexts, expected, rtol=0, atol=tolerance(expected))
    read = jax.vmap(jax.vmap(construction.build().tokens.read))(queries)
    np.testing.assert_allclose(
        read, jax.jit(jax.vmap(construction.build().trajectory))(prompts), rtol=0, atol=tolerance(read)
    )


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
def test_the_algorithm_does_not_ignore_its_prompt(construction, key):
    """Guards the two tests above against agreeing on nothing."""
    prompts = construction.holds_on().sample_batch(key, 5)
    predictions = jax.vmap(construction.emulates())(prompts)
    assert float(jnp.abs(predictions).min()) > 0
