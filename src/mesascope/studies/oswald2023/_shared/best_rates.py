"""The rates that make gradient descent and GD++ best on linear regression, as a study asks for them."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory import gdpp_optimum
from mesascope.theory.gdpp_optimum import Optimum
from mesascope.theory.linear_regression import one_step_optimum


class BestRates(NamedTuple):
    """The best rates of a number of steps, the same for all of them, and the loss they reach."""

    learning_rate: float
    curvature: float
    loss: float


class Rivals(NamedTuple):
    """The best algorithms of one number of steps: one learning rate for all steps, one for each, and GD++ likewise.

    Gradient descent is GD++ whose curvature is zero, so that one program measures them all.
    """

    gd_tied: GDPlusPlus
    gd: GDPlusPlus
    gdpp_tied: GDPlusPlus
    gdpp: GDPlusPlus


def best_step(task: LinearRegression) -> BestRates:
    """The best learning rate of one step of gradient descent, in closed form."""
    scale, noise = float(task.input_scale), float(task.noise_std)
    optimum = one_step_optimum(task.num_examples, task.dim_x, scale, noise, dim_y=task.dim_y)
    return BestRates(optimum.learning_rate, 0.0, optimum.loss)


def best_gradient_descent(task: LinearRegression, num_steps: int) -> BestRates:
    """The best learning rate of `num_steps` steps of gradient descent."""
    return _shared(best_of_family("GD", task, num_steps))


def best_gdpp(task: LinearRegression, num_steps: int) -> BestRates:
    """The best learning rate and curvature of `num_steps` steps of GD++."""
    return _shared(best_of_family("GD++", task, num_steps))


def best_rivals(task: LinearRegression, num_steps: int) -> Rivals:
    """The best algorithms, found on sampled spectra: on other prompts than any that losses are measured on."""
    gd_tied, gdpp_tied = (
        GDPlusPlus(jnp.asarray(best.learning_rate), jnp.asarray(best.curvature), num_steps)
        for best in (best_gradient_descent(task, num_steps), best_gdpp(task, num_steps))
    )
    gd, gdpp = (best_algorithm(family, task, num_steps) for family in ("GD, a rate per step", "GD++, rates per step"))
    return Rivals(gd_tied, gd, gdpp_tied, gdpp)


def best_algorithm(family: str, task: LinearRegression, num_steps: int) -> GDPlusPlus:
    """The algorithm with a family's best rates, given for each step."""
    found = best_of_family(family, task, num_steps)
    return GDPlusPlus(jnp.asarray(found.learning_rate), jnp.asarray(found.curvature), num_steps)


def best_of_family(family: str, task: LinearRegression, num_steps: int) -> Optimum:
    """The best rates of one of theory's families."""
    scales = float(task.input_scale), float(task.noise_std)
    return _search(family, num_steps, Setting(task.num_examples, task.dim_x, task.dim_y, *scales))


def stacked(algorithms: tuple[GDPlusPlus, ...]) -> GDPlusPlus:
    """Algorithms of as many steps on a leading axis, with rates for each step."""
    num_steps = algorithms[0].num_steps
    every = [jax.tree.map(lambda rate: np.broadcast_to(rate, num_steps), each) for each in algorithms]
    return jax.tree.map(lambda *rates: jnp.asarray(np.stack(rates)), *every)


class Setting(NamedTuple):
    """Linear regression, as theory asks for it."""

    num_examples: int
    dim_x: int
    dim_y: int
    input_scale: float
    noise_std: float


@cache
def _search(family: str, num_steps: int, sizes: Setting) -> Optimum:
    """A search takes seconds, and several cells of a study ask for the same one."""
    return gdpp_optimum.best_rates(family, num_steps, **sizes._asdict())


def _shared(best: Optimum) -> BestRates:
    return BestRates(float(best.learning_rate[0]), float(best.curvature[0]), best.loss)
