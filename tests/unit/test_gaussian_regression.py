"""Gaussian inputs, and the triangular examples that stand for many of them."""

import equinox as eqx
import jax
import numpy as np
import pytest
import scipy.stats

from mesascope.models.transformer import Transformer
from mesascope.tasks.gaussian_regression import GaussianRegression, SecondMoments

SIZE = 4000


def draw(task, key):
    return jax.tree.map(np.asarray, jax.jit(lambda key: task.sample_batch(key, SIZE))(key))


def scatter(task, key):
    """The second moments of (x, y - W x) / scales, [SIZE, p, p]."""
    prompts = draw(task, key)
    rows = np.concatenate([prompts.xs, prompts.ys], axis=-1)
    return rows.transpose(0, 2, 1) @ rows


def test_inputs_have_their_variance_and_labels_are_linear(key):
    task = GaussianRegression(num_examples=3, dim_x=2, dim_y=1, input_scale=0.5)
    prompts = draw(task, key)
    squares = prompts.xs**2
    assert abs(squares.mean() - 0.25) < 5 * squares.std() / np.sqrt(squares.size)
    solve = np.linalg.lstsq(prompts.xs[0], prompts.ys[0], rcond=None)[0]
    np.testing.assert_allclose(prompts.query[0] @ solve, prompts.target[0], rtol=1e-10)


@pytest.mark.parametrize(("num_examples", "noise_std"), [(3, 0.0), (7, 0.5), (500, 0.5)])
def test_second_moments_have_the_law_of_the_examples_they_stand_for(num_examples, noise_std, key):
    """Every entry's law, and that of the determinant, by two-sample Kolmogorov-Smirnov tests at z = 5."""
    task = GaussianRegression(num_examples, dim_x=2, input_scale=0.7, noise_std=noise_std)
    direct, drawn = scatter(task, jax.random.fold_in(key, 0)), scatter(SecondMoments(task), jax.random.fold_in(key, 1))
    readings = [(direct[:, i, j], drawn[:, i, j]) for i in range(3) for j in range(i + 1)]
    readings += [(np.linalg.det(direct[:, :2, :2]), np.linalg.det(drawn[:, :2, :2]))]
    readings += [(np.trace(direct @ direct, axis1=1, axis2=2), np.trace(drawn @ drawn, axis1=1, axis2=2))]
    smallest = min(scipy.stats.ks_2samp(*pair).pvalue for pair in readings)
    assert smallest > 5.7e-7  # z = 5, two-sided


def test_second_moments_do_not_grow_with_the_number_of_examples():
    tasks = [SecondMoments(GaussianRegression(n, dim_x=2)) for n in (3, 10_000)]
    shapes = [jax.tree.map(lambda leaf: leaf.shape, jax.eval_shape(task.sample, jax.random.key(0))) for task in tasks]
    assert shapes[0] == shapes[1]


def test_a_stack_loses_the_same_on_both(key):
    """z = 5 on the mean loss of two tied layers."""
    task = GaussianRegression(num_examples=6, dim_x=2, input_scale=0.5)
    model = eqx.filter_jit(Transformer.initialise)(2, num_repeats=2, init_scale=0.5, key=key)
    predict = jax.jit(jax.vmap(model))

    def errors(some, key):
        prompts = draw(some, key)
        return np.sum((np.asarray(predict(prompts)) - prompts.target) ** 2, axis=-1)

    first, second = errors(task, jax.random.key(1)), errors(SecondMoments(task), jax.random.key(2))
    assert abs(first.mean() - second.mean()) < 5 * np.sqrt((first.var() + second.var()) / SIZE)


def test_fewer_examples_than_rows_are_refused():
    with pytest.raises(ValueError, match="`task` must have at least 3 examples"):
        SecondMoments(GaussianRegression(num_examples=2, dim_x=2))
