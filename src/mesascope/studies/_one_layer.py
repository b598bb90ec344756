"""One attention layer trained on linear regression, and everything that is measured of it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractStepwise
from mesascope.probes.alignment import alignment
from mesascope.probes.error import rollout_errors, squared_error
from mesascope.probes.generalisation import generalisation_errors
from mesascope.probes.interpolation import interpolate
from mesascope.probes.weights import learned_step_size
from mesascope.prompt import Prompt
from mesascope.studies._base import Arrays, Workspace
from mesascope.tasks.corrupted import CorruptedTargets
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.shifted import Exponential, Laplace, Normal, Shifted
from mesascope.training.config import FitConfig
from mesascope.training.fit import Trained, fit_seeds

INPUT_LAWS = {"normal": Normal(), "exponential": Exponential(), "laplace": Laplace()}
EXPLODED = 100.0
VALIDATION_SEED = 2**31 - 1  # none that a training would be given


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
    keys = jax.vmap(jax.random.key)(jnp.arange(cell.first_seed, cell.first_seed + cell.num_seeds))
    return fit_seeds(
        lambda key: Transformer.initialise(cell.task.dim_x, cell.task.dim_y, init_scale=cell.init_scale, key=key),
        cell.task,
        cell.training,
        keys=keys,
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
    prompts = validation(cell)
    rate = best_learning_rate(prompts)
    reference = GradientDescentConstruction(
        rate, num_examples=cell.task.num_examples, dim_x=cell.task.dim_x, dim_y=cell.task.dim_y
    ).build()

    @eqx.filter_jit
    def losses(model: Transformer) -> dict[str, Array]:
        halfway = interpolate(model.canonical(), reference.canonical())
        models = {"trained": model, "gradient_descent": reference, "interpolated": halfway}
        return {f"loss_{name}": mean_error(each, prompts) for name, each in models.items()}

    return {"learning_rate": np.asarray(rate), **over_seeds(losses, trained.model)}


def measure_training(cell: OneLayerCell, trained: Trained, learning_rate: Array | np.ndarray) -> Arrays:
    """Loss and alignment with gradient descent [seeds, snapshots] along the training, and the learned step size."""
    prompts = validation(cell)
    descent = GradientDescent(jnp.asarray(learning_rate))

    def at(model: Transformer) -> dict[str, Array]:
        aligned = jax.vmap(lambda prompt: alignment(model, descent, prompt))(prompts)
        means = {name: values.mean() for name, values in aligned._asdict().items()}
        return {"validation_loss": mean_error(model, prompts), **means}

    def step_size(model: Transformer) -> dict[str, Array]:
        (layer,) = model.layers
        size = learned_step_size(layer.key_query[0], layer.output_value[0], cell.task.dim_x, cell.task.num_examples)
        return {"step_size": size}

    return {
        "training_loss": np.asarray(trained.losses),
        "snapshot_steps": trained.snapshot_steps,
        **over_seeds(partial(map_models, at), trained.snapshots),
        **over_seeds(step_size, trained.model),
    }


def measure_generalisation(cell: OneLayerCell, trained: Trained, learning_rate: Array | np.ndarray) -> Arrays:
    """Losses of model and gradient descent away from the training task, and under repeated application."""
    descent = GradientDescent(jnp.asarray(learning_rate))
    keys = jax.random.split(jax.random.key(VALIDATION_SEED), cell.num_validation)
    task = cell.task
    curves: dict[str, tuple[Callable[[Key[Array, ""], Any], Prompt], Any]] = {
        "input_scale": (lambda key, by: Shifted(task, input_scale=by).sample(key), cell.input_scales),
        "weight_scale": (lambda key, by: Shifted(task, weight_scale=by).sample(key), cell.weight_scales),
        "corrupted": (lambda key, by: CorruptedTargets(task, by).sample(key), cell.num_corrupted),
    }
    for name, law in INPUT_LAWS.items():
        curves[f"law_{name}"] = (
            lambda key, by, law=law: Shifted(task, input_scale=by, input_law=law).sample(key),
            (1.0,),
        )
    arrays: Arrays = {}
    for name, (sample_fn, shifts) in curves.items():

        def losses(model: Transformer, sample_fn=sample_fn, shifts=shifts) -> dict[str, Array]:
            predictors = {"trained": model, "gradient_descent": descent}
            return jax.tree.map(
                lambda errors: errors.mean(axis=-1),
                generalisation_errors(predictors, sample_fn, jnp.asarray(shifts), keys),
            )

        arrays |= {f"{name}_{who}": values for who, values in over_seeds(losses, trained.model).items()}
    return arrays | measure_rollout(cell, trained, learning_rate)


def measure_rollout(cell: OneLayerCell, trained: Trained, learning_rate: Array | np.ndarray) -> Arrays:
    """Loss after each of many dampened applications of the layer, and of as many dampened gradient steps.

    "silenced" is the layer with the rows of P that write to x set to zero: one layer's loss does not depend on them,
    so they get no gradient and stay as they were drawn, but a repeated layer lets x drift through them. "exploded"
    counts the prompts that end with an error above 100 times the zero predictor's loss.
    """
    prompts = validation(cell)
    descent = GradientDescent(cell.dampening * jnp.asarray(learning_rate), num_steps=cell.num_rollout)

    @jax.vmap
    def zero_errors(prompt: Prompt) -> Float[Array, ""]:
        return squared_error(ZeroPredictor(), prompt)

    def errors(predictor: AbstractStepwise) -> Float[Array, "prompts steps"]:
        return jax.vmap(lambda prompt: rollout_errors(predictor, prompt))(prompts)

    def losses(model: Transformer) -> dict[str, Array]:
        repeated = Transformer(model.layers, model.tokens, cell.num_rollout, cell.dampening)
        silenced = eqx.tree_at(
            lambda m: m.layers[0].output, repeated, replace_fn=lambda output: output.at[:, : cell.task.dim_x].set(0.0)
        )
        of_repeated = errors(repeated)
        exploded = ~(of_repeated[:, -1] < EXPLODED * zero_errors(prompts).mean())
        return {
            "rollout_trained": of_repeated.mean(axis=0),
            "rollout_silenced": errors(silenced).mean(axis=0),
            "rollout_gradient_descent": errors(descent).mean(axis=0),
            "rollout_exploded": exploded.sum(),
        }

    return over_seeds(losses, trained.model)


@eqx.filter_jit
def validation(cell: OneLayerCell) -> Prompt:
    """The prompts that losses are measured on."""
    return cell.task.sample_batch(jax.random.key(VALIDATION_SEED), cell.num_validation)


def mean_error(model: Transformer, prompts: Prompt) -> Float[Array, ""]:
    """Mean over prompts of the squared error."""
    return jax.vmap(lambda prompt: squared_error(model, prompt))(prompts).mean()


def over_seeds(function: Callable[[Any], dict[str, Array]], models: Any) -> Arrays:
    """`function` of each seed's model, in one compiled program; a leading axis over seeds."""
    return jax.tree.map(np.asarray, eqx.filter_jit(map_models)(function, models))


def map_models(function: Callable[[Any], dict[str, Array]], models: Any) -> dict[str, Array]:
    """`function` of each of a stack of models, one after the other."""
    arrays, static = eqx.partition(models, eqx.is_array)
    return jax.lax.map(lambda one: function(eqx.combine(one, static)), arrays)
