"""One trained layer away from what it was trained on: on shifted tasks, and applied many times."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.measure import errors_along, mean_error, over_models, validation
from mesascope.studies.oswald2023._shared.shifts import INPUT_LAWS, shifted_losses
from mesascope.studies.oswald2023.fig2.cells import OneLayerCell
from mesascope.study.base import Arrays
from mesascope.training.fit import Trained

EXPLODED = 100.0


def measure_generalisation(cell: OneLayerCell, trained: Trained, learning_rate: Array | np.ndarray) -> Arrays:
    """Losses of model and gradient descent away from the training task, and under repeated application."""
    descent = GradientDescent(jnp.asarray(learning_rate))
    shifts = {
        "input_scale": cell.input_scales,
        "weight_scale": cell.weight_scales,
        "corrupted": cell.num_corrupted,
        **{f"law_{law}": (1.0,) for law in INPUT_LAWS},
    }

    def losses(model: Transformer) -> dict[str, Array]:
        predictors = {"trained": model, "gradient_descent": descent}
        return shifted_losses(predictors, cell.task, shifts, cell.num_validation)

    arrays = over_models(losses, trained.model)
    return arrays | measure_rollout(cell, trained, learning_rate)


def measure_rollout(cell: OneLayerCell, trained: Trained, learning_rate: Array | np.ndarray) -> Arrays:
    """Loss after each of many dampened applications of the layer, and of as many dampened gradient steps.

    "silenced" is the layer with the rows of P that write to x set to zero: one layer's loss does not depend on them,
    so they get no gradient and stay as they were drawn, but a repeated layer lets x drift through them. "exploded"
    counts the prompts that end with an error above 100 times the zero predictor's loss.
    """
    prompts = validation(cell.task, cell.num_validation)
    descent = GradientDescent(cell.dampening * jnp.asarray(learning_rate), num_steps=cell.num_rollout)

    def losses(model: Transformer) -> dict[str, Array]:
        repeated = Transformer(model.layers, model.tokens, cell.num_rollout, cell.dampening)
        silenced = eqx.tree_at(
            lambda m: m.layers[0].output, repeated, replace_fn=lambda output: output.at[:, : cell.task.dim_x].set(0.0)
        )
        of_repeated = errors_along(repeated, prompts)
        exploded = ~(of_repeated[:, -1] < EXPLODED * mean_error(ZeroPredictor(), prompts))
        return {
            "rollout_trained": of_repeated.mean(axis=0),
            "rollout_silenced": errors_along(silenced, prompts).mean(axis=0),
            "rollout_gradient_descent": errors_along(descent, prompts).mean(axis=0),
            "rollout_exploded": exploded.sum(),
        }

    return over_models(losses, trained.model)
