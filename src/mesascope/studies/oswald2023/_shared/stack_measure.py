"""A trained stack of layers held against gradient descent and GD++ of as many steps."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.models.transformer import Transformer
from mesascope.probes.interpolation import interpolate
from mesascope.probes.weights import learned_rates
from mesascope.prompt import Prompt
from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.studies._shared.measure import (
    errors_of_each,
    jit_once,
    mean_alignment,
    mean_error,
    over_models,
)
from mesascope.studies._shared.training import Training, every
from mesascope.studies.oswald2023._shared.best_rates import best_rivals, stacked
from mesascope.studies.oswald2023._shared.stacks import cut_off, stack_of
from mesascope.studies.oswald2023._shared.trained_gdpp import trained_gdpp
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.shifted import Shifted


class StackMeasured(NamedTuple):
    """A trained stack beside algorithms of as many steps, their tokens cut off as the stack's are.

    At the end of training: losses [seeds] of the stacks, of the models halfway to the GD++ that they are held against
    and to the best one, and of GD++ with the rates `learning_rate` and `curvature` [seeds layers] that are read out of
    their weights. The losses of all four best `rivals`, in their order; the loss [] and the rates [layers] of the GD++
    that stacks are held against. Along the training, after `steps` [snapshots]: losses [seeds snapshots] and, with a
    last axis for gradient descent (one rate) and GD++, alignments. On inputs of other scales: losses [seeds scales],
    and [3 scales] of gradient descent, of that GD++ and of the best one.
    """

    trained: np.ndarray
    halfway: np.ndarray
    halfway_to_best: np.ndarray
    read: np.ndarray
    learning_rate: np.ndarray
    curvature: np.ndarray
    rivals: np.ndarray
    gdpp: np.ndarray
    gdpp_learning_rate: np.ndarray
    gdpp_curvature: np.ndarray
    steps: np.ndarray
    loss: np.ndarray
    prediction_distance: np.ndarray
    sensitivity_cosine: np.ndarray
    scaled: np.ndarray
    scaled_rivals: np.ndarray


class StackCell(AbstractConfig):
    """The training of a stack, and the measurements made of it.

    The GD++ that it is held against is the one that is trained, if there is one, else the best.
    """

    training: Training[LinearRegression]
    gdpp: Training[LinearRegression] | None
    num_validation: int
    num_snapshots: int
    input_scales: tuple[float, ...]

    def compute(self, workspace: Workspace) -> Arrays:
        """`StackMeasured`."""
        trained, task = self.training.trained(workspace), self.training.task
        model, keys = trained.model, validation_keys(self.num_validation)
        prompts, away = prompts_at(task, keys), [prompts_at(task, keys, scale) for scale in self.input_scales]
        workspace.report(1, 3, "best gradient descent and GD++")
        rivals = best_rivals(task, depth_of(model))
        best = rivals.gdpp_tied if len(model.layers) == 1 else rivals.gdpp
        gdpp = best if self.gdpp is None else trained_gdpp(self.gdpp, workspace)
        compared = cut_off(stacked((rivals.gd_tied, gdpp, best)), task, model.token_bound)
        first_two = jax.tree.map(lambda leaf: leaf[:2], compared)
        read = gdpp_read_from(model, task)
        workspace.report(2, 3, "losses and alignment")
        snapshots, steps = every(trained, self.num_snapshots)
        rate, curvature = (
            np.broadcast_to(np.asarray(each), depth_of(model)) for each in (gdpp.learning_rate, gdpp.curvature)
        )
        return StackMeasured(
            trained=errors_of_each(model, prompts).mean(axis=1),
            halfway=errors_of_each(halfway_to(gdpp, model, task), prompts).mean(axis=1),
            halfway_to_best=errors_of_each(halfway_to(best, model, task), prompts).mean(axis=1),
            read=errors_of_each(cut_off(read, task, model.token_bound), prompts).mean(axis=1),
            learning_rate=np.asarray(read.learning_rate),
            curvature=np.asarray(read.curvature),
            rivals=errors_of_each(cut_off(stacked(rivals), task, model.token_bound), prompts).mean(axis=1),
            gdpp=np.asarray(errors_of_each(compared, prompts).mean(axis=1)[1]),
            gdpp_learning_rate=rate,
            gdpp_curvature=curvature,
            steps=steps,
            **over_models(Partial(along, first_two, prompts), snapshots, 2),
            scaled=errors_on_parts(model, away).mean(axis=2),
            scaled_rivals=errors_on_parts(compared, away).mean(axis=2),
        )._asdict()


def validation_keys(num_prompts: int) -> Key[Array, " prompts"]:
    """The keys of the prompts that losses are measured on."""
    return jax.random.split(seed_key(VALIDATION_SEED), num_prompts)


def prompts_at(task: LinearRegression, keys: Key[Array, " prompts"], scale: float = 1.0) -> Prompt:
    """A prompt for each key, its inputs times `scale`: one program for all scales."""
    return _prompts_at(task, jax.random.clone(keys), jnp.asarray(scale, float))  # the same at every scale


@eqx.filter_jit(compiler_options={"xla_backend_optimization_level": 0})  # pyright: ignore[reportCallIssue]
def _prompts_at(task: LinearRegression, keys: Key[Array, " prompts"], scale: Float[Array, ""]) -> Prompt:
    return jax.vmap(Shifted(task, input_scale=scale).sample)(keys)


def errors_on_parts(
    models: Transformer | GDPlusPlus, parts: Sequence[Prompt]
) -> Float[np.ndarray, "models parts prompts"]:
    """The errors of each of a stack of models on parts with as many prompts each."""
    return np.stack([errors_of_each(models, part) for part in parts], axis=1)


def depth_of(model: Transformer) -> int:
    """How many layers a token goes through."""
    return len(model.layers) * model.num_repeats


def halfway_to(gdpp: GDPlusPlus, models: Transformer, task: LinearRegression) -> Transformer:
    """The models halfway between trained ones and the layers of a GD++, each layer's scale fixed first."""

    def one(model: Transformer) -> Transformer:
        return interpolate(model.canonical(), stack_of(gdpp, task, model.token_bound).canonical())

    return jit_once(jax.vmap(one))(models)


def gdpp_read_from(models: Transformer, task: LinearRegression) -> GDPlusPlus:
    """GD++ with the rates that are read out of the weights of each model."""
    depth = depth_of(models)

    def one(model: Transformer) -> GDPlusPlus:
        products = (each[:, 0] for each in model.products())
        read = jax.vmap(lambda kq, ov: learned_rates(kq, ov, task.dim_x, task.num_examples))(*products)
        rate, curvature = (jnp.repeat(each, depth // each.size, total_repeat_length=depth) for each in read)
        return GDPlusPlus(rate, curvature, depth)

    return jit_once(jax.vmap(one))(models)


def along(compared: GDPlusPlus | Transformer, prompts: Prompt, model: Transformer) -> dict[str, Array]:
    """The loss of one model, and its alignment with each of a stack of algorithms."""
    aligned = jax.vmap(lambda algorithm: mean_alignment(model, algorithm, prompts))(compared)
    kept = {name: aligned[name] for name in ("prediction_distance", "sensitivity_cosine")}
    return {"loss": mean_error(model, prompts), **kept}
