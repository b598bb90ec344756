"""Pools of teachers: which they hold, how often each is drawn, and that all else of a prompt is fresh."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest

from mesascope.random import data_key
from mesascope.tasks.gaussian_regression import GaussianRegression
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.teacher_pool import TeacherPool

TASK = GaussianRegression(num_examples=2, dim_x=2, dim_y=3)
POOL = TeacherPool(TASK, num_teachers=3)
EPS = np.finfo(np.float64).eps
Z, NUM_DRAWS = 5, 20_000

teachers_of = eqx.filter_jit(lambda pool: pool.teachers())


@pytest.fixture(scope="module")
def prompts():
    """Drawn with the generator of training."""
    draw = jax.jit(lambda key: POOL.sample_batch(data_key(key), NUM_DRAWS))
    return jax.tree.map(np.asarray, draw(jax.random.key(20240)))


def which(prompts):
    """The number of each prompt's teacher: of labels without noise, exact up to what the inputs' condition allows."""
    teachers = np.asarray(teachers_of(POOL))
    found = np.linalg.solve(prompts.xs, prompts.ys).swapaxes(1, 2)
    apart = np.abs(found[:, None] - teachers[None]).max(axis=(2, 3))
    assert (apart.min(axis=1) <= 1e3 * EPS * np.linalg.cond(prompts.xs) ** 2).all()
    return apart.argmin(axis=1)


def test_every_prompt_has_a_teacher_of_the_pool_and_each_is_as_likely(prompts):
    """Counts of 20000 draws among 3, and of pairs of one half with the other among 9: within z = 5 deviations."""
    found = which(prompts)
    first, second = found.reshape(2, -1)
    for numbers, size in ((found, 3), (3 * first + second, 9)):
        counts, expected = np.bincount(numbers, minlength=size), len(numbers) / size
        assert (np.abs(counts - expected) <= Z * np.sqrt(expected * (1 - 1 / size))).all()
    targets = np.einsum("bod,bd->bo", np.asarray(teachers_of(POOL))[found], prompts.query)
    np.testing.assert_allclose(prompts.target, targets, rtol=0, atol=1e3 * EPS * np.abs(targets).max())


def test_inputs_are_fresh_and_independent_of_the_teacher(prompts):
    """No two prompts of 20000 agree; the inputs' second moments are one for each teacher, within z = 5."""
    inputs = np.concatenate([prompts.xs.reshape(NUM_DRAWS, -1), prompts.query], axis=1)
    assert len(np.unique(inputs, axis=0)) == NUM_DRAWS
    teachers = which(prompts)
    for number in range(3):
        squares = inputs[teachers == number] ** 2
        error = squares.std(axis=0, ddof=1) / np.sqrt(len(squares))
        assert (np.abs(squares.mean(axis=0) - 1) <= Z * error).all()


def test_a_larger_pool_begins_with_the_smaller_and_one_of_another_seed_does_not():
    large, small = (np.asarray(teachers_of(TeacherPool(TASK, size))) for size in (20, 7))
    np.testing.assert_array_equal(large[:7], small)
    assert large.shape == (20, 3, 2)
    other = np.asarray(teachers_of(TeacherPool(TASK, 20, seed=1)))
    assert len(np.unique(np.concatenate([large, other]).reshape(40, -1), axis=0)) == 40


def test_a_large_pool_has_the_law_of_the_task_s_teachers():
    """Standard normal: moments of 1, 2 and 4 over 20000 teachers, within z = 5 standard errors."""
    teachers = np.asarray(teachers_of(TeacherPool(TASK, NUM_DRAWS))).reshape(NUM_DRAWS, -1)
    for power, expected in ((1, 0), (2, 1), (4, 3)):
        values = teachers**power
        error = values.std(axis=0, ddof=1) / np.sqrt(NUM_DRAWS)
        assert (np.abs(values.mean(axis=0) - expected) <= Z * error).all()


def test_labels_have_the_task_s_noise(key):
    pool = TeacherPool(dataclasses.replace(TASK, noise_std=0.3), num_teachers=1)
    prompts = jax.jit(lambda key: pool.sample_batch(data_key(key), NUM_DRAWS))(key)
    noise = (np.asarray(prompts.ys) - np.asarray(prompts.xs) @ np.asarray(teachers_of(pool))[0].T).ravel()
    assert abs(noise.std() / 0.3 - 1) <= Z / np.sqrt(2 * len(noise))
    assert pool.noise_std == 0.3


@pytest.mark.usefixtures("as_installed")
def test_what_makes_no_pool_is_refused():
    for make, message in (
        (lambda: TeacherPool(TASK, 0), "`num_teachers` must be an integer of at least 1; got 0"),
        (lambda: TeacherPool(TASK, seed=-1), "`seed` must be an integer from 0 to"),
        (lambda: TeacherPool(LinearRegression), "`task` must be an object of class AbstractTeacherTask"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
