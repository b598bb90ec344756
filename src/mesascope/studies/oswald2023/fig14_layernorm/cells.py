"""Linear attention on normalised tokens: its training, and its measurements."""

from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Key

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.layer_norm import Normalised
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.studies._shared.measure import validation
from mesascope.studies._shared.training import Training, every
from mesascope.studies.oswald2023._shared.along_training import along_training
from mesascope.studies.oswald2023._shared.shifts import Shifts, losses_of, losses_of_models, shifted_prompts
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.training.tune import tune


class NormalisedLosses(NamedTuple):
    """Trained layers along their training, as in `AlongTraining`, and on inputs of other scales.

    `away_trained` [seeds scales], `away_descent` and `away_zero` [scales] are losses of layers, of gradient descent and
    of predicting zero.
    """

    steps: np.ndarray
    loss: np.ndarray
    prediction_distance: np.ndarray
    sensitivity_cosine: np.ndarray
    sensitivity_distance: np.ndarray
    away_trained: np.ndarray
    away_descent: np.ndarray
    away_zero: np.ndarray


class NormalisedCell(AbstractConfig):
    """A training of as many layers as gradient steps it is held against, measured at `num_snapshots` of its snapshots.

    The steps have one rate, the best for the training task, tuned from `first_rate` on prompts of its own.
    """

    training: Training[LinearRegression]
    num_steps: int
    num_validation: int
    input_scales: tuple[float, ...]
    num_snapshots: int = 21
    first_rate: float = 5.0

    def compute(self, workspace: Workspace) -> Arrays:
        """`NormalisedLosses`."""
        trained, task = self.training.trained(workspace), self.training.task
        prompts = validation(task, self.num_validation)
        workspace.report(1, 2, "tuning gradient descent")
        descent = self.best_descent()
        along = along_training(*every(trained, self.num_snapshots), descent, prompts)
        shifted = shifted_prompts(task, Shifts(input_scales=self.input_scales), self.num_validation)
        workspace.report(2, 2, "measured")
        return NormalisedLosses(
            *along,
            away_trained=losses_of_models(trained.model, shifted),
            away_descent=losses_of(descent, shifted),
            away_zero=losses_of(ZeroPredictor(), shifted),
        )._asdict()

    def best_descent(self) -> GradientDescent:
        """Gradient descent of as many steps, its rate tuned."""
        return tune(
            GradientDescent(self.first_rate, self.num_steps),
            self.training.task,
            key=seed_key(VALIDATION_SEED - 1),
            num_prompts=self.num_validation,
            num_held_out=self.num_validation,
        ).algorithm


def initialise(dim_x: int, num_repeats: int, *, init_scale: float = 0.002, key: Key[Array, ""]) -> Transformer:
    """One linear attention layer behind a layer normalisation, both applied `num_repeats` times."""
    tokens = JoinedTokens(dim_x)
    attention = LinearSelfAttention.initialise(tokens.dim_token, init_scale=init_scale / num_repeats, key=key)
    return Transformer((Normalised.before(attention, tokens.dim_token),), tokens, num_repeats)


def train_normalised(
    task: LinearRegression, num_repeats: int, config: FitConfig, seeds: tuple[int, int]
) -> Training[LinearRegression]:
    """The training of such a stack; `seeds` are the first one and how many."""
    first_seed, num_seeds = seeds
    return Training(partial(initialise, task.dim_x, num_repeats), task, config, num_seeds, first_seed)
