"""A trained stack of layers held against the best gradient descent and the best GD++ of as many steps."""

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
from mesascope.studies.oswald2023._shared.best_rates import Rivals, best_rivals, stacked
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.shifted import Shifted


class StackMeasured(NamedTuple):
    """A trained stack beside the best algorithms of as many steps.

    At the end of training: losses [seeds] of the stacks, of the models halfway to the GD++ that they are held against,
    and of GD++ with the rates `learning_rate` and `curvature` [seeds layers] that are read out of their weights. The
    losses of all four `rivals`, in their order; the rates [layers] of the GD++ that stacks are held against. Along the
    training, after `steps` [snapshots]: losses [seeds snapshots] and, with a last axis for gradient descent and GD++,
    alignments. On inputs of other scales: losses [seeds scales], and [2 scales] of gradient descent and GD++.
    """

    trained: np.ndarray
    halfway: np.ndarray
    read: np.ndarray
    learning_rate: np.ndarray
    curvature: np.ndarray
    rivals: np.ndarray
    best_learning_rate: np.ndarray
    best_curvature: np.ndarray
    steps: np.ndarray
    loss: np.ndarray
    prediction_distance: np.ndarray
    sensitivity_cosine: np.ndarray
    scaled: np.ndarray
    scaled_rivals: np.ndarray


class StackCell(AbstractConfig):
    """The training of a stack, and the measurements made of it."""

    training: Training[LinearRegression]
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
        compared = stacked(rivals_like(model, rivals))
        halfway, read = at_end(model, rivals, task)
        workspace.report(2, 3, "losses and alignment")
        snapshots, steps = every(trained, self.num_snapshots)
        return StackMeasured(
            errors_of_each(model, prompts).mean(axis=1),
            errors_of_each(halfway, prompts).mean(axis=1),
            errors_of_each(read, prompts).mean(axis=1),
            np.asarray(read.learning_rate),
            np.asarray(read.curvature),
            errors_of_each(stacked(rivals), prompts).mean(axis=1),
            np.asarray(compared.learning_rate)[1],
            np.asarray(compared.curvature)[1],
            steps,
            **over_models(Partial(along, compared, prompts), snapshots, 2),
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


def rivals_like(model: Transformer, rivals: Rivals) -> tuple[GDPlusPlus, GDPlusPlus]:
    """Gradient descent and GD++, their rates shared by all steps where the model's layers share their weights."""
    return (rivals.gd_tied, rivals.gdpp_tied) if len(model.layers) == 1 else (rivals.gd, rivals.gdpp)


def reference_stack(model: Transformer, rivals: Rivals, task: LinearRegression) -> Transformer:
    """The layers that make GD++'s steps, cut off as the model's are."""
    return stack_of(rivals_like(model, rivals)[1], task, model.token_bound)


def at_end(models: Transformer, rivals: Rivals, task: LinearRegression) -> tuple[Transformer, GDPlusPlus]:
    """Models halfway to GD++'s layers, and GD++ with the rates that are read out of weights; on an axis of seeds."""
    depth = depth_of(models)

    def one(model: Transformer) -> tuple[Transformer, GDPlusPlus]:
        products = (each[:, 0] for each in model.products())
        read = jax.vmap(lambda kq, ov: learned_rates(kq, ov, task.dim_x, task.num_examples))(*products)
        rate, curvature = (jnp.repeat(each, depth // each.size, total_repeat_length=depth) for each in read)
        reference = reference_stack(model, rivals, task)
        return interpolate(model.canonical(), reference.canonical()), GDPlusPlus(rate, curvature, depth)

    return jit_once(jax.vmap(one))(models)


def along(compared: GDPlusPlus, prompts: Prompt, model: Transformer) -> dict[str, Array]:
    """The loss of one model, and its alignment with each of a stack of algorithms."""
    aligned = jax.vmap(lambda algorithm: mean_alignment(model, algorithm, prompts))(compared)
    kept = {name: aligned[name] for name in ("prediction_distance", "sensitivity_cosine")}
    return {"loss": mean_error(model, prompts), **kept}
