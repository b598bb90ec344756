"""Measurements of the networks of the sine waves."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.probes.alignment import sensitivity
from mesascope.prompt import Prompt
from mesascope.random import VALIDATION_SEED
from mesascope.studies._shared.measure import mean_alignment, mean_error, over_models, validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig4_sine.network import AbstractSineNetwork
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.sinusoid import Sinusoid

NUM_WAVES, NUM_POINTS = 3, 101  # that are drawn


class SineCell(NamedTuple):
    """Both trainings, and on how many prompts their networks are compared."""

    task: Sinusoid
    trained: Training
    descent: Training
    num_validation: int


def measure(cell: SineCell, workspace: Workspace) -> Arrays:
    """Losses and alignment [seeds, snapshots] over both trainings, and the functions that the networks end with.

    Alignment is with the gradient step at the end of its training, as in the authors' code: over training only one
    side moves.
    """
    trained, descent = cell.trained.trained(workspace), cell.descent.trained(workspace)
    prompts = validation(cell.task, cell.num_validation)
    num_snapshots = len(trained.snapshot_steps)
    reference = jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], num_snapshots, axis=1), descent.model)
    pairs = {"trained": trained.snapshots, "descent": descent.snapshots, "reference": reference}

    def along(models: dict[str, Any]) -> dict[str, Array]:
        losses = {f"loss_{name}": mean_error(models[name], prompts) for name in ("trained", "descent")}
        return losses | mean_alignment(models["trained"], models["reference"], prompts)

    ends = {"trained": trained.model, "descent": descent.model}
    return {
        "snapshot_steps": trained.snapshot_steps,
        "learning_rate": np.asarray(descent.model.learning_rate),
        "loss_zero": np.asarray(jnp.mean(prompts.target**2) / 2),
        "target_size": np.asarray(jnp.mean(jnp.abs(prompts.target))),
        **over_models(along, pairs, 2),
        **over_models(lambda models: _functions(models, cell.task, prompts), ends),
        **_waves(cell.task),
    }


def _functions(models: dict[str, AbstractSineNetwork], task: Sinusoid, prompts: Prompt) -> dict[str, Array]:
    """The functions before and after the step on the waves that are drawn [waves, 2, points], and how both differ.

    "pooled_cosine" is sum s t / sqrt(sum s^2 sum t^2) over the slopes s and t on all validation prompts.
    """
    examples, points = _drawn(task)[1:]

    def answers(network: AbstractSineNetwork, prompt: Prompt) -> Float[Array, "2"]:
        return network.transformer().trajectory(prompt)[:, 0]

    def curves(network: AbstractSineNetwork, prompt: Prompt) -> Float[Array, "2 points"]:
        return jax.vmap(lambda x: answers(network, prompt.with_query(x)), out_axes=1)(points)

    initial = [jax.vmap(lambda prompt, each=each: answers(each, prompt)[0])(prompts) for each in models.values()]
    slopes = [jax.vmap(lambda prompt, each=each: sensitivity(each, prompt))(prompts) for each in models.values()]
    sizes = [jnp.sqrt(jnp.sum(slope**2)) for slope in slopes]
    drawn = {
        f"curves_{name}": jax.vmap(lambda prompt, each=each: curves(each, prompt))(examples)
        for name, each in models.items()
    }
    return {
        "initial_distance": jnp.mean(jnp.abs(initial[0] - initial[1])),
        "pooled_cosine": jnp.sum(slopes[0] * slopes[1]) / (sizes[0] * sizes[1]),
        **drawn,
    }


def _drawn(task: Sinusoid) -> tuple[Any, Prompt, Float[Array, "points 1"]]:
    """The random draws of the waves that are drawn, their prompts, and the inputs they are drawn at."""
    draws = jax.vmap(task.draw)(jax.random.split(jax.random.key(VALIDATION_SEED - 1), NUM_WAVES))
    points = task.input_scale * jnp.linspace(-1.0, 1.0, NUM_POINTS)
    return draws, jax.vmap(task.prompt)(draws), points[:, None]


def _waves(task: Sinusoid) -> Arrays:
    """The true functions of the waves that are drawn, and their examples."""

    @jax.jit
    def waves() -> dict[str, Array]:
        (_, teachers, _), examples, points = _drawn(task)
        truth = jax.vmap(lambda teacher: task.label(teacher, points))(teachers)
        return {"points": points[:, 0], "truth": truth[..., 0], "xs": examples.xs[..., 0], "ys": examples.ys[..., 0]}

    return jax.tree.map(np.asarray, waves())
