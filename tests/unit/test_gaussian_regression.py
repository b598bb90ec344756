"""Gaussian inputs, and the triangular examples that stand for many of them."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from mesascope.models.transformer import Transformer
from mesascope.tasks.gaussian_regression import GaussianRegression, SecondMoments

SIZE, NUM_EXAMPLES = 4000, 12


@functools.cache
def draw(task):
    seed = 1 if isinstance(task, SecondMoments) else 0
    return jax.tree.map(np.asarray, jax.jit(lambda: task.sample_batch(jax.random.key(seed), SIZE))())


def regression(num_examples=NUM_EXAMPLES, noise_std=0.0):
    return GaussianRegression(num_examples, dim_x=2, input_scale=0.7, noise_std=noise_std)


def scatter(xs, ys):
    """The second moments of (x, y), [SIZE, p, p]."""
    rows = np.concatenate([xs, ys], axis=-1)
    return rows.transpose(0, 2, 1) @ rows


def test_inputs_have_their_variance_and_labels_are_linear():
    prompts = draw(regression())
    squares = prompts.xs**2
    assert abs(squares.mean() - 0.7**2) < 5 * squares.std() / np.sqrt(squares.size)
    solve = np.linalg.lstsq(prompts.xs[0], prompts.ys[0], rcond=None)[0]
    np.testing.assert_allclose(prompts.query[0] @ solve, prompts.target[0], rtol=1e-10)


@pytest.mark.parametrize(("num_examples", "noise_std"), [(3, 0.5), (NUM_EXAMPLES, 0.0)])
def test_second_moments_have_the_law_of_the_examples_they_stand_for(num_examples, noise_std):
    """Every entry's law, and that of the determinant, by two-sample Kolmogorov-Smirnov tests at z = 5.

    Against numpy's examples: `test_a_stack_loses_the_same_on_both` is about the task's own.
    """
    rng = np.random.default_rng(0)
    xs = 0.7 * rng.normal(size=(SIZE, num_examples, 2))
    ys = xs @ rng.normal(size=(SIZE, 2, 1)) + noise_std * rng.normal(size=(SIZE, num_examples, 1))
    prompts = draw(SecondMoments(regression(num_examples, noise_std)))
    direct, drawn = scatter(xs, ys), scatter(prompts.xs, prompts.ys)
    readings = [(direct[:, i, j], drawn[:, i, j]) for i in range(3) for j in range(i + 1)]
    readings += [(np.linalg.det(direct[:, :2, :2]), np.linalg.det(drawn[:, :2, :2]))]
    readings += [(np.trace(direct @ direct, axis1=1, axis2=2), np.trace(drawn @ drawn, axis1=1, axis2=2))]
    smallest = min(scipy.stats.ks_2samp(*pair).pvalue for pair in readings)
    assert smallest > 5.7e-7  # z = 5, two-sided


def test_second_moments_do_not_grow_with_the_number_of_examples():
    tasks = [SecondMoments(GaussianRegression(n, dim_x=2)) for n in (3, 10_000)]
    shapes = [jax.tree.map(lambda leaf: leaf.shape, jax.eval_shape(task.sample, jax.random.key(0))) for task in tasks]
    assert shapes[0] == shapes[1]


def test_a_stack_loses_the_same_on_both():
    """z = 5 on the mean loss of two tied layers."""
    rng = np.random.default_rng(0)
    like = eqx.filter_eval_shape(Transformer.initialise, 2, num_repeats=2, key=jax.random.key(0))
    model = jax.tree.map(lambda leaf: jnp.asarray(0.3 * rng.normal(size=leaf.shape)), like)
    predict = jax.jit(jax.vmap(model))

    def errors(task):
        prompts = draw(task)
        return np.sum((np.asarray(predict(prompts)) - prompts.target) ** 2, axis=-1)

    first, second = errors(regression()), errors(SecondMoments(regression()))
    assert abs(first.mean() - second.mean()) < 5 * np.sqrt((first.var() + second.var()) / SIZE)


def test_fewer_examples_than_rows_are_refused():
    with pytest.raises(ValueError, match="`task` must have at least 3 examples"):
        SecondMoments(GaussianRegression(num_examples=2, dim_x=2))
