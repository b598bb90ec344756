"""Trainings that start from any scale of weights, and how long their loss stays where it began."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.study.base import Arrays
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss, one_step_optimum


def draw_of_any_scale(
    dim_x: int, *, num_heads: int, smallest: float, largest: float, key: Key[Array, ""]
) -> Transformer:
    """One layer whose `init_scale` is drawn too, log-uniformly from `smallest` to `largest`.

    One program then trains a whole sweep, a seed for each scale; a key's scale does not depend on the number of heads.
    """
    scale_key, model_key = jax.random.split(key)
    model = Transformer.initialise(dim_x, num_heads=num_heads, init_scale=1.0, key=model_key)
    log_scale = jax.random.uniform(scale_key, minval=math.log(smallest), maxval=math.log(largest))
    weights, static = eqx.partition(model, eqx.is_inexact_array)
    return eqx.combine(jax.tree.map(lambda leaf: jnp.exp(log_scale / 2) * leaf, weights), static)


def sweep(training: Training, smallest: float, largest: float, seeds: int) -> Training:
    """The same training, of `seeds` models that start from weights of any scale between the two."""
    num_heads = training.make_model.keywords["num_heads"]
    bounds = {"num_heads": num_heads, "smallest": smallest, "largest": largest}
    make_model = partial(draw_of_any_scale, training.task.dim_x, **bounds)
    return Training(make_model, training.task, training.config, seeds, training.first_seed)


def linear_training(num_heads: int, task: LinearRegression, seeds: int, init_scale: float, **sizes: int) -> Training:
    """One layer of linear heads, as the authors' code trains it."""
    return stack_training(seeds=seeds, task=task, num_heads=num_heads, init_scale=init_scale, **sizes)


def initial_std(results: Arrays) -> np.ndarray:
    """The standard deviation of the entries of W_K, W_Q and W_V that each seed started from."""
    squares = [np.square(results[f"weights_{leaf:03d}"][:, 0]).mean(axis=(1, 2, 3)) for leaf in range(3)]
    return np.sqrt(np.mean(squares, axis=0))


def swapped_share(results: Arrays, step: float) -> np.ndarray:
    """How much of each seed's step goes the swapped way at the last snapshot up to `step`: 0 for none, 1 for all.

    The y-entry that one linear head adds to the query is P W_V times sum_i e_i e_i^T times W_KQ, of which two parts are
    of the form y_i x_i: the value takes y_i and the key x_i, of strength |P W_V,yy| |W_KQ,xx|; or the value takes x_i
    and the key y_i, of strength |P W_V,yx| |W_KQ,yx|. The second is of rank one in x_i, the query: a head can
    learn one direction with it and no more. Strengths (Frobenius norms) are summed over heads.
    """
    snapshot = np.searchsorted(results["snapshot_steps"], step, side="right") - 1
    key, query, value, output = (results[f"weights_{leaf:03d}"][:, snapshot] for leaf in range(4))
    key_query, output_value = np.swapaxes(key, -1, -2) @ query, output @ value
    dim_x = key_query.shape[-1] - 1
    straight = np.abs(output_value[..., dim_x, dim_x]) * np.linalg.norm(key_query[..., :dim_x, :dim_x], axis=(-2, -1))
    swapped = np.linalg.norm(output_value[..., dim_x, :dim_x], axis=-1) * np.linalg.norm(
        key_query[..., dim_x, :dim_x], axis=-1
    )
    return swapped.sum(axis=1) / (swapped + straight).sum(axis=1)


def plateau_lengths(losses: np.ndarray, task: LinearRegression) -> np.ndarray:
    """The step, by seed, at which half of the way from the first loss to gradient descent's best is done.

    Both ends are closed forms; the losses [seeds, steps] are averaged over 20 steps. The number of steps where that
    never happens, nan where the loss was lost.
    """
    scale = float(task.input_scale)
    ends = {
        "training_loss": losses,
        "validation_loss": np.full((len(losses), 1), initial_loss(task.dim_x, scale)),
        "loss_gradient_descent": np.full(len(losses), one_step_optimum(task.num_examples, task.dim_x, scale).loss),
    }
    steps = np.array(plateau_ends(ends), float)
    steps[steps < 0] = losses.shape[1]
    return np.where(np.isfinite(losses[:, -1]), steps, np.nan)


def levels(task: LinearRegression) -> dict[str, float]:
    """The best step's loss, and that of the best step in one direction only: a dim_x-th of the way there."""
    start = initial_loss(task.dim_x, float(task.input_scale))
    best = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).loss
    return {"gradient descent": best, "one direction of it": start - (start - best) / task.dim_x}


def fastest_length(task: LinearRegression, num_heads: int, learning_rate: float) -> float:
    """The plateau's end if every weight grew by `learning_rate` a step, as fast as Adam lets it, all signs right.

    After t steps W_KQ on x and P W_V on y are sums of k = dim_x + 1 products (t learning_rate)^2, and the layer's step
    is n times the product of both, summed over heads. The loss is half of the way down at 1 - 1 / sqrt(2) of the best
    step eta*: at t = (0.29 eta* / (n num_heads k^2))^(1/4) / learning_rate.
    """
    best = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).learning_rate
    half_way = (1 - math.sqrt(0.5)) * best / task.num_examples
    return (half_way / (num_heads * (task.dim_x + 1) ** 2)) ** 0.25 / learning_rate


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the least-squares line."""
    centred = x - x.mean()
    slope = float(np.sum(centred * y) / np.sum(centred**2))
    return slope, float(y.mean() - slope * x.mean())
