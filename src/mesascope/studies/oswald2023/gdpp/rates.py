"""The best rates of GD++ and of gradient descent, found twice: by closed form on spectra, by tuning on prompts."""

from abc import abstractmethod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.prompt import Prompt
from mesascope.random import seed_key
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp_optimum import FAMILIES, fit_rates, starting_points
from mesascope.theory.residual import squared_error
from mesascope.training.tune import tune, tuning_prompts

Rates = tuple[Float[np.ndarray, " steps"], Float[np.ndarray, " steps"]]  # and curvatures, in the units of the theory


class Fitted(NamedTuple):
    """Rates and curvatures [seeds 2 steps] by the closed form; losses [seeds] on their tasks, and on others."""

    rates: np.ndarray
    loss: np.ndarray
    held_out_loss: np.ndarray


class Tuned(NamedTuple):
    """Rates and curvatures [seeds 2 steps] by `tune`; what the closed form says of their loss [seeds] on the tasks.

    `held_out_loss` is measured on other prompts.
    """

    rates: np.ndarray
    loss: np.ndarray
    held_out_loss: np.ndarray


class AbstractBestRates(AbstractConfig):
    """One family of algorithms, and the tasks that every seed draws: those its rates are made for, as many others."""

    family: str
    num_steps: int
    task: LinearRegression
    num_prompts: int
    first_seed: int
    seeds: int

    def compute(self, workspace: Workspace) -> Arrays:
        """What `of_seed` gives, stacked over seeds, in float64."""
        with jax.enable_x64(True):
            found = [self.of_seed(self.first_seed + seed) for seed in range(self.seeds)]
        workspace.report(1, 1, "best rates found")
        return type(found[0])(*map(np.array, zip(*found, strict=True)))._asdict()

    @abstractmethod
    def of_seed(self, seed: int) -> Fitted | Tuned:
        """The best rates and their losses for the tasks of one seed."""

    def prompts(self, seed: int) -> tuple[Prompt, Prompt]:
        """The prompts that rates are made for, and those held out."""
        return tuning_prompts(self.task, seed_key(seed), self.num_prompts, self.num_prompts)

    def losses(self, rates: Rates, spectra: Float[np.ndarray, "tasks dx"]) -> Float[np.ndarray, " tasks"]:
        """The expected loss of each task, given its spectrum."""
        errors = squared_error(*rates, 0.0, spectra).sum(axis=1)
        return float(self.task.input_scale) ** 2 / 6 * self.task.dim_y * errors


class FittedRates(AbstractBestRates):
    """The best rates by the closed form on spectra."""

    def of_seed(self, seed: int) -> Fitted:
        spectra, held_out = map(spectra_of, self.prompts(seed))
        fit = fit_rates(self.family, self.num_steps, spectra, held_out)
        found = fit.rates, fit.curvatures
        return Fitted(np.array(found), self.losses(found, spectra).mean(), self.losses(found, held_out).mean())


class TunedRates(AbstractBestRates):
    """The best rates by `tune` on prompts."""

    def of_seed(self, seed: int) -> Tuned:
        spectra = spectra_of(self.prompts(seed)[0])
        start = self.algorithm(starting_points(self.family, self.num_steps, spectra)[0])
        sizes = {"num_prompts": self.num_prompts, "num_held_out": self.num_prompts}
        tuned = tune(start, self.task, key=seed_key(seed), **sizes)
        found = self.rates(tuned.algorithm)
        return Tuned(np.array(found), self.losses(found, spectra).mean(), np.asarray(tuned.held_out_loss))

    def algorithm(self, free: np.ndarray) -> GradientDescent | GDPlusPlus:
        """The algorithm of a family's free numbers: rates, then curvatures, one each where shared."""
        has_curvature = FAMILIES[self.family][1] is not None
        rates, *curvatures = (jnp.asarray(part) for part in np.split(free, 2 if has_curvature else 1))
        rates = rates * self.task.num_examples
        if "per step" not in self.family:
            rates, curvatures = rates[0], [each[0] for each in curvatures]
        if has_curvature:
            return GDPlusPlus(rates, curvatures[0], self.num_steps)
        return GradientDescent(rates, self.num_steps)

    def rates(self, algorithm: GradientDescent | GDPlusPlus) -> Rates:
        """Its rates and curvatures, one a step, in the units of the theory."""
        curvature = algorithm.curvature if isinstance(algorithm, GDPlusPlus) else 0.0
        rate = np.asarray(algorithm.learning_rate) / self.task.num_examples
        return np.broadcast_to(rate, self.num_steps), np.broadcast_to(np.asarray(curvature), self.num_steps)


def spectra_of(prompts: Prompt) -> Float[np.ndarray, "prompts dx"]:
    """The eigenvalues of every prompt's X^T X, those that rounding makes negative as zero."""
    xs = np.asarray(prompts.xs)
    return np.maximum(np.linalg.eigvalsh(xs.transpose(0, 2, 1) @ xs), 0.0)
