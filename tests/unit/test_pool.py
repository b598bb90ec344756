"""Finite pools: which prompts they hold, how often each is drawn, and what they do not depend on."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.transformer import Transformer
from mesascope.random import data_key
from mesascope.tasks.corrupted import CorruptedTargets
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.training.config import FitConfig
from mesascope.training.fit import fit_seeds

TASK = LinearRegression(num_examples=3, dim_x=2)
POOL = FinitePool(TASK, num_tasks=3)
EPS = np.finfo(np.float64).eps
Z = 5
NUM_DRAWS = 20_000


all_prompts = eqx.filter_jit(lambda pool: pool.prompts())


def every(pool):
    return jax.tree.map(np.asarray, all_prompts(pool))


def rows(prompts):
    """One row of all numbers a prompt."""
    return np.concatenate([np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(prompts)], axis=1)


@eqx.filter_jit
def draw(pool, key, size):
    return pool.sample_batch(key, size)


def indices(pool_prompts, prompts):
    """Which of the pool's prompts each one is: the row equal to it, -1 for none."""
    equal = (rows(prompts)[:, None] == rows(pool_prompts)[None]).all(axis=2)
    return np.where(equal.any(axis=1), equal.argmax(axis=1), -1)


@pytest.fixture(scope="module")
def large():
    """A pool that begins with smaller ones: `test_a_larger_pool_begins_with_the_smaller`."""
    return every(FinitePool(TASK, num_tasks=20_000))


@pytest.fixture(scope="module")
def other():
    """A pool of another seed."""
    return every(FinitePool(TASK, num_tasks=500, seed=1))


def first(pool_prompts, size):
    return jax.tree.map(lambda leaf: leaf[:size], pool_prompts)


@pytest.fixture(scope="module")
def found(large):
    """Which prompts were drawn with the generator of training."""
    return indices(first(large, 3), draw(POOL, data_key(jax.random.key(20240)), NUM_DRAWS))


def test_every_draw_is_a_prompt_of_the_pool_and_each_is_as_likely(found):
    """Counts of 20000 draws among 3: each a binomial of probability 1/3, within z = 5 standard deviations."""
    assert found.min() == 0
    counts = np.bincount(found, minlength=3)
    assert (np.abs(counts - NUM_DRAWS / 3) <= Z * np.sqrt(NUM_DRAWS / 3 * 2 / 3)).all()


def test_draws_are_independent(found):
    """Of two halves of one batch: a pair of prompts is as likely as any of 9, within z = 5 standard deviations."""
    first, second = found.reshape(2, -1)
    counts = np.bincount(3 * first + second, minlength=9)
    size = NUM_DRAWS / 2
    assert (np.abs(counts - size / 9) <= Z * np.sqrt(size / 9 * 8 / 9)).all()


def test_the_pool_does_not_know_who_draws_from_it(found, large):
    """Keys of both generators find the same prompts."""
    default = indices(first(large, 3), draw(POOL, jax.random.key(2), 100))
    assert set(found) == set(default) == {0, 1, 2}


def test_a_larger_pool_begins_with_the_smaller(large):
    np.testing.assert_array_equal(rows(every(FinitePool(TASK, 25))), rows(large)[:25])


def test_prompts_of_a_pool_differ_and_so_do_pools_of_different_seeds(large, other):
    assert len(np.unique(np.concatenate([rows(large)[:500], rows(other)]), axis=0)) == 1000


def test_a_large_pool_has_the_task_s_law(large):
    """Inputs U(-1/2, 1/2), teachers N(0, 1): second moments over 20000 prompts, within z = 5 standard errors."""
    inputs = np.concatenate([large.xs.reshape(20_000, -1), large.query], axis=1)
    targets = large.target[:, 0] ** 2 / np.sum(large.query**2, axis=1)  # w^T x / |x| is standard normal
    for values, expected in ((inputs**2, 1 / 12), (inputs, 0), (targets, 1)):
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        assert (np.abs(values.mean(axis=0) - expected) <= Z * error).all()


def test_labels_belong_to_one_teacher(large):
    """Two noiseless examples of two inputs give the teacher, which gives the third label and the target."""
    prompts = first(large, 50)
    teachers = np.linalg.solve(prompts.xs[:, :2], prompts.ys[:, :2])
    condition = np.linalg.cond(prompts.xs[:, :2]).max()
    for inputs, labels in ((prompts.xs[:, 2], prompts.ys[:, 2]), (prompts.query, prompts.target)):
        ours = np.einsum("bi,bij->bj", inputs, teachers)
        np.testing.assert_allclose(ours, labels, rtol=0, atol=1e3 * EPS * condition)


def test_any_task_can_be_pooled_and_noise_is_pooled_with_it(key):
    pool = FinitePool(CorruptedTargets(LinearRegression(3, 2, 2, noise_std=0.3), 1), num_tasks=2)
    assert (pool.num_examples, pool.dim_x, pool.dim_y) == (3, 2, 2)
    assert set(indices(every(pool), draw(pool, data_key(key), 50))) == {0, 1}


def test_training_sees_the_pool_and_nothing_else(other):
    """With one prompt, a model whose weights are zero and stay so has the loss |target|^2 / 2 at every step."""
    pool = FinitePool(TASK, num_tasks=1, seed=1)
    config = FitConfig(num_steps=3, batch_size=4, chunk_size=3)
    keys = jax.random.split(jax.random.key(0), 1)
    like = eqx.filter_eval_shape(Transformer.initialise, 2, key=jax.random.key(0))
    model = jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape)), like)
    with jax.numpy_dtype_promotion("standard"):  # Optax mixes its counter with floats
        trained = fit_seeds(lambda _: model, pool, config, keys=keys)
    expected = np.square(other.target[0]).sum() / 2
    np.testing.assert_allclose(trained.losses, expected, rtol=1e3 * EPS)


@pytest.mark.parametrize("value", [0, -1, True])
def test_a_pool_holds_a_prompt(value):
    with pytest.raises(ValueError, match="`num_tasks` must be an integer of at least 1"):
        FinitePool(TASK, num_tasks=value)


@pytest.mark.parametrize("value", [-1, True])
def test_a_seed_is_a_whole_number(value):
    with pytest.raises(ValueError, match="`seed` must be an integer from 0 to"):
        FinitePool(TASK, seed=value)
