"""Gradient descent applied many times with dampening: its losses, where it diverges, and the population's."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import errors_along, validation
from mesascope.studies.oswald2023.fig10_rollout.divergence import diverges, largest_eigenvalues
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss, one_step_optimum, sampled_gradient_descent_loss
from mesascope.theory.spectrum import sample_spectra

DAMPENINGS = (1.0, 0.9, 0.75, 0.5)
STEPS_JUDGED = (1, 2, 5, 10, 20, 50)


class DescentCell(NamedTuple):
    """Gradient descent on the validation prompts, at every dampening, and its theory on spectra of their own."""

    task: LinearRegression
    num_steps: int
    num_prompts: int
    num_spectra: int
    dampenings: tuple[float, ...] = DAMPENINGS


def best_rate(task: LinearRegression) -> float:
    """The learning rate that makes one gradient step best, in closed form."""
    return one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).learning_rate


def measure_descent(cell: DescentCell, workspace: Workspace) -> Arrays:
    """Losses of dampened gradient descent with their standard errors, and which prompts it diverges on."""
    rates = best_rate(cell.task) * np.array(cell.dampenings)

    prompts = validation(cell.task, cell.num_prompts)

    @jax.jit
    def losses(rates: Float[Array, " dampenings"], prompts: Prompt) -> tuple[Array, Array]:
        def moments(rate: Float[Array, ""]) -> tuple[Array, Array]:
            errors = errors_along(GradientDescent(rate, cell.num_steps), prompts)
            return errors.mean(axis=0), errors.std(axis=0, ddof=1) / cell.num_prompts**0.5

        return jax.lax.map(moments, rates)

    means, standard_errors = map(np.asarray, losses(jnp.asarray(rates), prompts))
    workspace.report(1, 3, "gradient descent applied")
    xs, ys = (np.asarray(each, np.float64) for each in (prompts.xs, prompts.ys))
    steps = rates / cell.task.num_examples
    predicted = np.stack([step * largest_eigenvalues(xs) > 2 for step in steps])
    diverged = np.stack([diverges(step, xs, ys) for step in steps])
    workspace.report(2, 3, "divergence decided")
    theory = measure_theory(cell, rates)
    workspace.report(3, 3, "theory sampled")
    return {
        "loss": means,
        "standard_error": standard_errors,
        "diverged": diverged.mean(axis=1),
        "mismatches": (diverged != predicted).sum(axis=1).astype(float),
        **theory,
    }


def measure_theory(cell: DescentCell, rates: np.ndarray) -> Arrays:
    """Population losses at the steps judged, and the share of spectra that gradient descent diverges on."""
    task, scale = cell.task, float(cell.task.input_scale)
    sizes = {"num_examples": task.num_examples, "dim_x": task.dim_x, "input_scale": scale}
    steps = [step for step in STEPS_JUDGED if step <= cell.num_steps]
    losses = np.array(
        [
            [sampled_gradient_descent_loss(rate, step, num_samples=cell.num_spectra, **sizes) for step in steps]
            for rate in rates
        ]
    )
    spectra = sample_spectra(task.num_examples, task.dim_x, cell.num_spectra, seed=1)
    largest = scale**2 * np.concatenate([chunk.max(axis=1) for chunk in spectra])
    diverging = [(rate / task.num_examples * largest > 2).mean() for rate in rates]
    return {
        "theory_steps": np.array(steps),
        "theory_loss": losses[..., 0],
        "theory_standard_error": losses[..., 1],
        "theory_diverged": np.array(diverging),
        "zero_loss": np.array(initial_loss(task.dim_x, scale)),
    }
