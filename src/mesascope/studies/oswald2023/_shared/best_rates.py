"""The rates that make gradient descent and GD++ best on linear regression, as a study asks for them."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp_optimum import FAMILIES, Optimum, best_rates


class BestRates(NamedTuple):
    """The best rates of a number of steps, the same for all of them, and the loss they reach."""

    learning_rate: float
    curvature: float
    loss: float


class Rivals(NamedTuple):
    """The best algorithms of one number of steps: one learning rate for all steps, one for each, and GD++ likewise."""

    gd_tied: GradientDescent
    gd: GradientDescent
    gdpp_tied: GDPlusPlus
    gdpp: GDPlusPlus


def best_gradient_descent(task: LinearRegression, num_steps: int) -> BestRates:
    """The best learning rate of `num_steps` steps of gradient descent."""
    return _shared(best_of_family("GD", task, num_steps))


def best_gdpp(task: LinearRegression, num_steps: int) -> BestRates:
    """The best learning rate and curvature of `num_steps` steps of GD++."""
    return _shared(best_of_family("GD++", task, num_steps))


def best_rivals(task: LinearRegression, num_steps: int) -> Rivals:
    """The best algorithms, found on sampled spectra: on other prompts than any that losses are measured on."""
    best = {family: best_of_family(family, task, num_steps) for family in FAMILIES}

    def rates(family: str, pick: int | slice = slice(None)) -> tuple[Array, Array]:
        return jnp.asarray(best[family].learning_rate[pick]), jnp.asarray(best[family].curvature[pick])

    return Rivals(
        GradientDescent(rates("GD", 0)[0], num_steps),
        GradientDescent(rates("GD, a rate per step")[0], num_steps),
        GDPlusPlus(*rates("GD++", 0), num_steps),
        GDPlusPlus(*rates("GD++, rates per step"), num_steps),
    )


def best_of_family(family: str, task: LinearRegression, num_steps: int) -> Optimum:
    """The best rates of one of theory's families."""
    return best_rates(
        family,
        num_steps,
        num_examples=task.num_examples,
        dim_x=task.dim_x,
        dim_y=task.dim_y,
        input_scale=float(task.input_scale),
        noise_std=float(task.noise_std),
    )


def _shared(best: Optimum) -> BestRates:
    return BestRates(float(best.learning_rate[0]), float(best.curvature[0]), best.loss)
