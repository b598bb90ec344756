"""How long a layer's loss stays where it began, and how short that could be."""

import math

import numpy as np
from jaxtyping import Float

from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss, one_step_optimum


def plateau_lengths(losses: Float[np.ndarray, "seeds steps"], task: LinearRegression) -> Float[np.ndarray, " seeds"]:
    """The step at which half of the way from the first loss to gradient descent's best is done.

    Both ends are closed forms; the losses are averaged over 20 steps. The number of steps where that never happens, nan
    where the loss was lost.
    """
    return plateau_ends(losses, np.array([half_way_loss(task)])).filled(losses.shape[1])


def half_way_loss(task: LinearRegression) -> float:
    """The loss half of the way from the zero predictor's to the best gradient step's."""
    return (initial_loss(task.dim_x, float(task.input_scale)) + levels(task)["gradient descent"]) / 2


def levels(task: LinearRegression) -> dict[str, float]:
    """The best step's loss, and that of the best step in one direction only: 1/dim_x of the way from the start."""
    start = initial_loss(task.dim_x, float(task.input_scale))
    best = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).loss
    return {"gradient descent": best, "a step in one direction": start - (start - best) / task.dim_x}


def fastest_length(task: LinearRegression, num_heads: int, learning_rate: float) -> float:
    """The plateau's end if every weight grew by `learning_rate` a step, as fast as Adam lets it, all signs right.

    After t steps W_KQ on x and P W_V on y are sums of k = dim_x + 1 products (t learning_rate)^2, and the layer's step
    is n times the product of both, summed over heads. The loss is half of the way down at 1 - 1 / sqrt(2) of the best
    step eta*: at t = (0.29 eta* / (n num_heads k^2))^(1/4) / learning_rate.
    """
    best = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).learning_rate
    half_way = (1 - math.sqrt(0.5)) * best / task.num_examples
    return (half_way / (num_heads * (task.dim_x + 1) ** 2)) ** 0.25 / learning_rate
