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
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss, one_step_optimum
from mesascope.theory.residual import squared_error
from mesascope.theory.spectrum import sample_spectra


class Descent(NamedTuple):
    """Losses and their standard errors [dampenings steps], and what diverges.

    Of every dampening the share of prompts [dampenings] that diverge, and the number [dampenings] where the largest
    eigenvalue says otherwise.
    """

    loss: np.ndarray
    standard_error: np.ndarray
    diverged: np.ndarray
    mismatches: np.ndarray


class Population(NamedTuple):
    """Losses and standard errors [dampenings steps] after these `steps`, and the share [dampenings] that diverges.

    `zero_loss` is the loss of predicting zero.
    """

    steps: np.ndarray
    loss: np.ndarray
    standard_error: np.ndarray
    diverged: np.ndarray
    zero_loss: np.ndarray


class DampenedCell(AbstractConfig):
    """Gradient descent on the validation prompts, at every dampening.

    Whether it diverges is decided by 2^num_doublings steps: a factor -1.000001 a step has then grown ten million times.
    """

    task: LinearRegression
    num_steps: int
    num_prompts: int
    dampenings: tuple[float, ...]
    num_doublings: int = 24

    def compute(self, workspace: Workspace) -> Arrays:
        """`Descent`."""
        rates = best_rate(self.task) * np.array(self.dampenings)
        prompts = validation(self.task, self.num_prompts)
        means, standard_errors = map(np.asarray, jax.jit(self.moments)(jnp.asarray(rates), prompts))
        workspace.report(1, 2, "gradient descent applied")
        xs, ys = (np.asarray(each, np.float64) for each in (prompts.xs, prompts.ys))
        steps, largest = rates / self.task.num_examples, largest_eigenvalues(xs)
        diverged = np.stack([diverges(step, xs, ys, self.num_doublings) for step in steps])
        mismatches = (diverged != (steps[:, None] * largest > 2)).sum(axis=1).astype(float)
        workspace.report(2, 2, "divergence decided")
        return Descent(means, standard_errors, diverged.mean(axis=1), mismatches)._asdict()

    def moments(self, rates: Float[Array, " dampenings"], prompts: Prompt) -> tuple[Array, Array]:
        """The mean error on prompts and its standard error, [dampenings steps]."""

        def of_rate(rate: Float[Array, ""]) -> tuple[Array, Array]:
            errors = errors_along(GradientDescent(rate, self.num_steps), prompts)
            return errors.mean(axis=0), errors.std(axis=0, ddof=1) / self.num_prompts**0.5

        return jax.lax.map(of_rate, rates)


class PopulationCell(AbstractConfig):
    """The same by theory on sampled spectra: losses at the steps judged, and on spectra of their own what diverges."""

    task: LinearRegression
    steps: tuple[int, ...]
    num_spectra: int
    dampenings: tuple[float, ...]
    first_seed: int = 0

    def compute(self, workspace: Workspace) -> Arrays:
        """`Population`."""
        rates = best_rate(self.task) * np.array(self.dampenings) / self.task.num_examples
        spectra, others = (self.spectra(seed) for seed in (self.first_seed, self.first_seed + 1))
        with np.errstate(over="ignore", invalid="ignore"):
            losses = np.array([[self.losses(rate, step, spectra) for step in self.steps] for rate in rates])
            errors = losses.std(axis=-1, ddof=1) / self.num_spectra**0.5
        diverged = (rates[:, None] * others.max(axis=1) > 2).mean(axis=1)
        zero = np.array(initial_loss(self.task.dim_x, float(self.task.input_scale)))
        workspace.report(1, 1, "theory sampled")
        return Population(np.array(self.steps), losses.mean(axis=-1), errors, diverged, zero)._asdict()

    def spectra(self, seed: int) -> Float[np.ndarray, "spectra dx"]:
        """Eigenvalues of X^T X."""
        unit = sample_spectra(self.task.num_examples, self.task.dim_x, self.num_spectra, seed)
        return float(self.task.input_scale) ** 2 * np.concatenate(list(unit))

    def losses(self, rate: float, num_steps: int, spectra: Float[np.ndarray, "spectra dx"]) -> np.ndarray:
        """The expected loss given each spectrum, as in `theory.linear_regression`."""
        traces = squared_error(np.full(num_steps, rate), np.zeros(num_steps), 0.0, spectra).sum(axis=1)
        return float(self.task.input_scale) ** 2 / 6 * self.task.dim_y * traces


def best_rate(task: LinearRegression) -> float:
    """The learning rate that makes one gradient step best, in closed form."""
    return one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale)).learning_rate
