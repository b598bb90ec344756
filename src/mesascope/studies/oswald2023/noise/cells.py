"""Layers trained on noisy linear regression, held against the best algorithms of their depth and against Bayes."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import compiled_errors_of, errors_of_each, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import BestRates, best_gdpp, best_gradient_descent, best_step
from mesascope.studies.oswald2023.noise.weights import read_rates, unmatched
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class Level(NamedTuple):
    """Losses and rates at one noise level [depths seeds], of the best algorithms [depths], and the Bayes predictor's.

    `excess` is a loss less the Bayes predictor's. `label_match` is how much W_KQ compares labels with labels, and
    `unmatched` the loss without that.
    """

    loss: np.ndarray
    excess: np.ndarray
    learning_rate: np.ndarray
    curvature: np.ndarray
    label_match: np.ndarray
    unmatched: np.ndarray
    gd_loss: np.ndarray
    gdpp_loss: np.ndarray
    gdpp_curvature: np.ndarray
    best_learning_rate: np.ndarray
    best_loss: np.ndarray
    bayes_loss: np.ndarray


class Decay(NamedTuple):
    """Learned rate and loss [strengths seeds] of one layer at every strength of weight decay."""

    learning_rate: np.ndarray
    loss: np.ndarray


class LevelCell(AbstractConfig):
    """One noise level: a training for each depth, the first of them 1, and what the models are measured on."""

    task: LinearRegression
    depths: tuple[int, ...]
    trainings: tuple[Training, ...]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Level`."""
        prompts = noisy_prompts(self.task, self.num_validation)
        ideal = np.asarray(compiled_errors_of(bayes(self.task), prompts), float)
        best = best_step(self.task)
        rows = []
        for i, (depth, training) in enumerate(zip(self.depths, self.trainings, strict=True)):
            models = training.trained(workspace).model
            rows.append((*self.of_models(models, prompts, ideal), *self.of_rivals(depth, prompts)))
            workspace.report(i + 1, len(self.depths), f"depth {depth} measured")
        columns = (np.stack(column) for column in zip(*rows, strict=True))
        return Level(*columns, *map(np.asarray, (best.learning_rate, best.loss, ideal.mean())))._asdict()

    def of_models(self, models: Any, prompts: Prompt, ideal: Float[np.ndarray, " prompts"]) -> tuple[np.ndarray, ...]:
        """The first six of a level's numbers, one a seed."""
        errors = errors_of_each(models, prompts)
        without = errors_of_each(unmatched(models, self.task.dim_x), prompts)
        rates = read_rates(models, self.task.dim_x, self.task.num_examples)
        of_weights = (rates[name] for name in ("learning_rate", "curvature", "label_match"))
        return errors.mean(axis=1), (errors - ideal).mean(axis=1), *of_weights, without.mean(axis=1)

    def of_rivals(self, depth: int, prompts: Prompt) -> tuple[np.ndarray, ...]:
        """Losses of the best gradient descent and the best GD++ of as many steps, and the curvature of that."""
        gd = best_step(self.task) if depth == 1 else best_gradient_descent(self.task, depth)
        gdpp = best_step(self.task) if depth == 1 else best_gdpp(self.task, depth)
        return _loss(gd, depth, prompts), _loss(gdpp, depth, prompts), np.asarray(gdpp.curvature)


class DecayCell(AbstractConfig):
    """One layer trained at several strengths of weight decay."""

    task: LinearRegression
    trainings: tuple[Training, ...]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Decay`."""
        prompts = noisy_prompts(self.task, self.num_validation)
        models = [training.trained(workspace).model for training in self.trainings]
        losses = [errors_of_each(each, prompts).mean(axis=1) for each in models]
        rates = [read_rates(each, self.task.dim_x, self.task.num_examples)["learning_rate"] for each in models]
        workspace.report(1, 1, "weight decay measured")
        return Decay(np.stack(rates), np.stack(losses))._asdict()


def noisy_prompts(task: LinearRegression, num_prompts: int) -> Prompt:
    """The validation prompts: of all noise levels the same but for the size of the noise, by one program."""
    return validation(eqx.tree_at(lambda t: t.noise_std, task, jnp.asarray(task.noise_std, float)), num_prompts)


def bayes(task: LinearRegression) -> AbstractPredictor:
    """The mean of the posterior: ridge regression with the noise's variance for penalty, and least squares without."""
    variance = float(task.noise_std) ** 2
    return Ridge(jnp.asarray(variance)) if variance else LeastSquares()


def _loss(best: BestRates, num_steps: int, prompts: Prompt) -> np.ndarray:
    rates = jnp.asarray(best.learning_rate), jnp.asarray(best.curvature)
    return np.asarray(np.mean(np.asarray(compiled_errors_of(GDPlusPlus(*rates, num_steps), prompts), float)))
