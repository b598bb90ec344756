"""Measurements of the networks of the sine waves."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.probes.alignment import sensitivity
from mesascope.prompt import Prompt
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import VALIDATION_SEED, mean_alignment, mean_error, over_models, validation
from mesascope.studies._sine_network import AbstractSineNetwork
from mesascope.studies._training import Training
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


def remarks(arrays: Arrays) -> tuple[str, ...]:
    """What no claim is about: losses, plateaus, rates, slopes, and the functions before the step."""
    names = {"trained": "attention", "descent": "the gradient step"}
    steps, half = arrays["snapshot_steps"], arrays["loss_zero"] / 2
    ends = {name: arrays[f"loss_{name}"][:, -1] for name in names}
    return (
        f"Loss: {', '.join(f'{names[name]} {_by_seed(loss)}' for name, loss in ends.items())} seed by seed; zero "
        f"predictor {arrays['loss_zero']:.3g}.",
        *(
            f"The loss of {names[name]} is first seen below half the zero predictor's at step "
            f"{', '.join(str(_first(below, steps)) for below in arrays[f'loss_{name}'] < half)}, seed by seed."
            for name in names
        ),
        f"Rate of the step, from 0.1 at the start: {_by_seed(arrays['learning_rate'])}.",
        f"Slopes differ in sign on {_by_seed((1 - arrays['sensitivity_cosine'][:, -1]) / 2)} of the prompts; pooled "
        f"over prompts, the cosine between them is {_by_seed(arrays['pooled_cosine'])}.",
        "Mean distance of the functions before the step, divided by the mean size of a target: "
        f"{_by_seed(arrays['initial_distance'] / arrays['target_size'])}.",
    )


def _by_seed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _first(holds: np.ndarray, steps: np.ndarray) -> int | str:
    return int(steps[holds.argmax()]) if holds.any() else "never"


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
