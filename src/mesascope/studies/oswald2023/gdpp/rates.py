"""The best rates of GD++ and of gradient descent, found twice: by closed form on spectra, by tuning on prompts."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import compiled_errors_of
from mesascope.study.base import Arrays
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory import gdpp as theory
from mesascope.theory.gdpp_optimum import FAMILIES, fit_rates, starting_points
from mesascope.training.tune import tune, tuning_prompts


class Comparison(NamedTuple):
    """The best rates of one family of algorithms, by the closed form on spectra and by `tune` on prompts."""

    family: str
    num_steps: int
    task: LinearRegression
    num_prompts: int
    first_seed: int
    seeds: int

    def measure(self) -> Arrays:
        """Losses and rates, one a seed, which draws the tasks that both are fitted to and as many held out."""
        with jax.enable_x64(True):
            found = [self._of_seed(self.first_seed + seed) for seed in range(self.seeds)]
        return {name: np.array([each[name] for each in found]) for name in found[0]}

    def _of_seed(self, seed: int) -> Arrays:
        sizes = {"num_prompts": self.num_prompts, "num_held_out": self.num_prompts}
        drawn = tuning_prompts(self.task, jax.random.key(seed), **sizes)
        spectra, held_out = (_spectra(prompts) for prompts in drawn)
        fit = fit_rates(self.family, self.num_steps, spectra, held_out)
        start = self.algorithm(starting_points(self.family, self.num_steps, spectra)[0])
        tuned = tune(start, self.task, key=jax.random.key(seed), **sizes)
        rates = self.rates(tuned.algorithm)
        errors = np.asarray(compiled_errors_of(tuned.algorithm, drawn[1])) - self.losses(rates, held_out)
        theirs = self.losses((fit.rates, fit.curvatures), spectra).mean()
        return {
            "fitted_rates": np.array([fit.rates, fit.curvatures]),
            "fitted_loss": self.losses((fit.rates, fit.curvatures), held_out).mean(),
            "tuned_rates": np.array(rates),
            "tuned_loss": np.asarray(tuned.held_out_loss),
            "excess": self.losses(rates, spectra).mean() / theirs - 1,
            "deviation": errors.mean() / errors.std(ddof=1) * np.sqrt(len(errors)),
        }

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

    def rates(self, algorithm: GradientDescent | GDPlusPlus) -> tuple[np.ndarray, np.ndarray]:
        """Its rates and curvatures, one a step, in the units of the theory."""
        curvature = algorithm.curvature if isinstance(algorithm, GDPlusPlus) else 0.0
        rate = np.asarray(algorithm.learning_rate) / self.task.num_examples
        return np.broadcast_to(rate, self.num_steps), np.broadcast_to(np.asarray(curvature), self.num_steps)

    def losses(self, rates: tuple[np.ndarray, np.ndarray], spectra: np.ndarray) -> np.ndarray:
        """The expected loss of each task, given its spectrum."""
        errors = theory.squared_error(*rates, 0.0, spectra).sum(axis=1)
        return float(self.task.input_scale) ** 2 / 6 * self.task.dim_y * errors


def _spectra(prompts: Prompt) -> np.ndarray:
    xs = np.asarray(prompts.xs)
    return np.maximum(np.linalg.eigvalsh(xs.transpose(0, 2, 1) @ xs), 0.0)
