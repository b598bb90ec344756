"""Stacks trained with noisy labels, held against ridge regression with every penalty."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import compiled_predictions, one_of, relative_distance, validation
from mesascope.studies._shared.training import Training
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.shifted import Shifted


class PenaltyFit(NamedTuple):
    """Of the models of one level [seeds]: the nearest ridge regression, and how far others are.

    A distance is sqrt(sum |f - g|^2 / sum |f|^2) over prompts, f the model's predictions and g the other's. `penalty`
    is the nearest ridge regression's and `nearest` its distance; `to_bayes` is the distance at the Bayes penalty,
    `to_least_squares` that of least squares. `to_penalties` [seeds penalties] and `curve` [seeds points] are those of
    ridge regression with each of the level's penalties and of the figure's. The losses are on clean targets.
    """

    penalty: np.ndarray
    nearest: np.ndarray
    to_bayes: np.ndarray
    to_least_squares: np.ndarray
    to_penalties: np.ndarray
    curve: np.ndarray
    loss: np.ndarray
    bayes_loss: np.ndarray


class PenaltyCell(AbstractConfig):
    """One level of noise: a training, and the penalties that its models are held against.

    The nearest penalty is searched between the first and the last of `curve`.
    """

    training: Training[Shifted]
    bayes_penalty: float
    penalties: tuple[float, ...]
    curve: tuple[float, ...]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`PenaltyFit`."""
        models = self.training.trained(workspace).model
        prompts = self._prompts()
        targets = np.asarray(prompts.target, float)
        bayes = _ridge(self.bayes_penalty, prompts)
        each = (one_of(models, i) for i in range(self.training.seeds))
        found = [self._of_model(model, prompts, targets) for model in each]
        workspace.report(1, 1, "measured")
        columns = map(np.array, zip(*found, strict=True))
        return PenaltyFit(*columns, bayes_loss=np.asarray(_half_square(bayes - targets)))._asdict()

    def _prompts(self) -> Prompt:
        """The validation prompts: of all levels by one program."""
        task = self.training.task
        sizes = tuple(jnp.asarray(each, float) for each in (task.task.noise_std, task.weight_scale))
        return validation(
            eqx.tree_at(lambda of: (of.task.noise_std, of.weight_scale), task, sizes), self.num_validation
        )

    def _of_model(self, model: AbstractPredictor, prompts: Prompt, targets: Float[np.ndarray, "prompts 1"]) -> tuple:
        """All of `PenaltyFit` but the last, of one model."""
        predictions = np.asarray(compiled_predictions(model, prompts), float)

        def distance(penalty: float) -> float:
            return relative_distance(predictions, _ridge(penalty, prompts))

        penalty = nearest_penalty(distance, self.curve[0], self.curve[-1])
        least_squares = np.asarray(compiled_predictions(LeastSquares(), prompts), float)
        return (
            penalty,
            distance(penalty),
            distance(self.bayes_penalty),
            relative_distance(predictions, least_squares),
            [distance(each) for each in self.penalties],
            [distance(each) for each in self.curve],
            _half_square(predictions - targets),
        )


def nearest_penalty(distance: Any, low: float, high: float) -> float:
    """The penalty of the least distance, searched by its logarithm between two bounds; nan where it is not finite."""
    from scipy.optimize import minimize_scalar

    if not math.isfinite(distance(high)):
        return math.nan
    found = minimize_scalar(lambda log: distance(math.exp(log)), bounds=(math.log(low), math.log(high)))
    return math.exp(found.x)


def _ridge(penalty: float, prompts: Prompt) -> np.ndarray:
    return np.asarray(compiled_predictions(Ridge(jnp.asarray(penalty, float)), prompts), float)


def _half_square(errors: np.ndarray) -> float:
    return float(np.mean(np.sum(errors**2, axis=1)) / 2)
