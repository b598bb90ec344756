"""One attention layer trained on linear regression, and everything that is measured of it."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.transformer import Transformer
from mesascope.probes.interpolation import interpolate
from mesascope.probes.weights import learned_step_size
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import mean_alignment, mean_error, over_models, validation
from mesascope.studies._shared.training import seed_keys
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.training.fit import Trained, fit_seeds


class OneLayerCell(NamedTuple):
    """A training and the measurements made of it."""

    task: LinearRegression
    training: FitConfig
    init_scale: float
    first_seed: int
    num_seeds: int
    num_validation: int
    input_scales: tuple[float, ...] = ()
    weight_scales: tuple[float, ...] = ()
    num_corrupted: tuple[int, ...] = ()
    num_rollout: int = 0
    dampening: float = 1.0


def train(cell: OneLayerCell, workspace: Workspace) -> Trained:
    """One model a seed."""
    return fit_seeds(
        lambda key: Transformer.initialise(cell.task.dim_x, cell.task.dim_y, init_scale=cell.init_scale, key=key),
        cell.task,
        cell.training,
        keys=seed_keys(cell.first_seed, cell.num_seeds),
        checkpoint=workspace.checkpoint,
        on_chunk=lambda step, losses: workspace.report(
            step, cell.training.num_steps, f"loss {losses[:, -1].mean():.4f}"
        ),
    )


@jax.jit
def best_learning_rate(prompts: Prompt) -> Float[Array, ""]:
    """The learning rate that makes one gradient step best on these prompts: the loss is quadratic in it."""
    unit_steps = jax.vmap(GradientDescent(1.0))(prompts)
    return jnp.sum(unit_steps * prompts.target) / jnp.sum(unit_steps**2)


def measure_loss(cell: OneLayerCell, trained: Trained) -> Arrays:
    """Validation losses of the trained layer, of the best gradient step, and of the model halfway between the two."""
    prompts = validation(cell.task, cell.num_validation)
    rate = best_learning_rate(prompts)
    reference = GradientDescentConstruction(
        rate, num_examples=cell.task.num_examples, dim_x=cell.task.dim_x, dim_y=cell.task.dim_y
    ).build()

    @eqx.filter_jit
    def losses(model: Transformer) -> dict[str, Array]:
        halfway = interpolate(model.canonical(), reference.canonical())
        models = {"trained": model, "gradient_descent": reference, "interpolated": halfway}
        return {f"loss_{name}": mean_error(each, prompts) for name, each in models.items()}

    return {"learning_rate": np.asarray(rate), **over_models(losses, trained.model)}


def measure_training(cell: OneLayerCell, trained: Trained, learning_rate: Array | np.ndarray) -> Arrays:
    """Loss and alignment with gradient descent [seeds, snapshots] along the training, and the learned step size."""
    prompts = validation(cell.task, cell.num_validation)
    descent = GradientDescent(jnp.asarray(learning_rate))

    def at(model: Transformer) -> dict[str, Array]:
        return {"validation_loss": mean_error(model, prompts), **mean_alignment(model, descent, prompts)}

    def step_size(model: Transformer) -> dict[str, Array]:
        key_query, output_value = model.products()
        size = learned_step_size(key_query[0, 0], output_value[0, 0], cell.task.dim_x, cell.task.num_examples)
        return {"step_size": size}

    return {
        "training_loss": np.asarray(trained.losses),
        "snapshot_steps": trained.snapshot_steps,
        **over_models(at, trained.snapshots, 2),
        **over_models(step_size, trained.model),
    }
