"""Linear attention on normalised tokens: its training, and its measurements."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.layer_norm import Normalised
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.probes.generalisation import generalisation_errors
from mesascope.random import VALIDATION_SEED
from mesascope.studies._shared.measure import mean_alignment, mean_error, over_models, validation
from mesascope.studies._shared.training import Training, every
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.shifted import Shifted
from mesascope.training.config import FitConfig
from mesascope.training.tune import tune

NUM_SNAPSHOTS = 21  # that are measured


class NormalisedCell(NamedTuple):
    """A training of as many layers as gradient steps it is held against."""

    training: Training
    task: LinearRegression
    num_steps: int
    num_validation: int
    input_scales: tuple[float, ...]


def initialise(dim_x: int, num_repeats: int, *, init_scale: float = 0.002, key: Key[Array, ""]) -> Transformer:
    """One linear attention layer behind a layer normalisation, both applied `num_repeats` times."""
    tokens = JoinedTokens(dim_x)
    attention = LinearSelfAttention.initialise(tokens.dim_token, init_scale=init_scale / num_repeats, key=key)
    return Transformer((Normalised.before(attention, tokens.dim_token),), tokens, num_repeats)


def train_normalised(task: LinearRegression, num_repeats: int, config: FitConfig, seeds: tuple[int, int]) -> Training:
    """The training of such a stack; `seeds` are the first one and how many."""
    first_seed, num_seeds = seeds
    return Training(partial(initialise, task.dim_x, num_repeats), task, config, num_seeds, first_seed)


def measure(cell: NormalisedCell, workspace: Workspace) -> Arrays:
    """Loss and alignment with gradient descent over training [seeds, snapshots]; losses over input scales.

    Gradient descent has as many steps, and the rate that is best for the training task, tuned on prompts of its own.
    """
    trained, task = cell.training.trained(workspace), cell.task
    prompts = validation(task, cell.num_validation)
    descent = tune(
        GradientDescent(5.0, cell.num_steps),
        task,
        key=jax.random.key(VALIDATION_SEED - 1),
        num_prompts=cell.num_validation,
        num_held_out=cell.num_validation,
    ).algorithm
    snapshots, steps = every(trained, NUM_SNAPSHOTS)

    def along(model: Transformer) -> dict[str, Array]:
        return {
            "validation_loss": mean_error(model, prompts),
            **mean_alignment(model, descent, prompts),
        }

    keys = jax.random.split(jax.random.key(VALIDATION_SEED), cell.num_validation)

    def away(predictors: dict[str, AbstractPredictor]) -> dict[str, Array]:
        def sample(key: Key[Array, ""], scale: Array):
            return Shifted(task, input_scale=scale).sample(key)

        errors = generalisation_errors(predictors, sample, jnp.asarray(cell.input_scales), keys)
        return {f"input_scale_{name}": error.mean(axis=-1) for name, error in errors.items()}

    rivals = {"gradient_descent": descent, "zero": ZeroPredictor()}
    return {
        "snapshot_steps": steps,
        "loss_gradient_descent": np.asarray(jax.jit(mean_error)(descent, prompts)),
        **over_models(along, snapshots, 2),
        **over_models(lambda model: away({**rivals, "trained": model}), trained.model),
    }
