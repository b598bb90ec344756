"""Trained models of several depths on sequences, and as many steps of gradient descent."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.along_sequence import DescentAlongSequence, RidgeAlongSequence
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.prompt import Sequence
from mesascope.random import data_key
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import VALIDATION_SEED, over_models
from mesascope.studies._training import Training
from mesascope.tasks._process import AbstractLinearProcess

PENALTY = 1e-6  # of ridge regression that stands for least squares
GRID = np.geomspace(1e-3, 10.0, 241)


class DepthsCell(NamedTuple):
    """Trainings of some depths, and how many sequences they are measured on."""

    trainings: tuple[Training, ...]
    process: AbstractLinearProcess
    num_validation: int


class RivalsCell(NamedTuple):
    """Gradient descent of up to `max_steps` steps, tuned and measured on as many sequences each."""

    process: AbstractLinearProcess
    max_steps: int
    num_validation: int


def validation_sequences(process: AbstractLinearProcess, size: int, tuning: bool = False) -> Sequence:
    """The sequences that losses are measured on, or others to tune rivals on."""
    key = jax.random.key(VALIDATION_SEED - tuning)
    return eqx.filter_jit(lambda key: process.sample_batch(data_key(key), size))(key)


def losses_along(predictions: Float[Array, "k t d"], sequence: Sequence) -> Float[Array, "k u"]:
    """|error|^2 after every step and state but the last, relative to |s|^2."""
    target = sequence.states[1:]
    return jnp.sum((predictions[:, :-1] - target[None]) ** 2, axis=-1) / jnp.sum(target**2, axis=-1)[None]


def measure_depths(cell: DepthsCell, workspace: Workspace) -> Arrays:
    """Losses [seeds, layers, states] of every training's model, by the order of trainings."""
    sequences, found = validation_sequences(cell.process, cell.num_validation), {}

    def losses(model: SequenceTransformer) -> dict[str, Array]:
        each = jax.vmap(lambda sequence: losses_along(model.trajectory(sequence), sequence))(sequences)
        return {"loss": each.mean(axis=0)}

    for i, training in enumerate(cell.trainings):
        found[f"loss_{i}"] = over_models(losses, training.trained(workspace).model)["loss"]
        workspace.report(i + 1, len(cell.trainings), "measured")
    return found


def measure_rivals(cell: RivalsCell, workspace: Workspace) -> Arrays:
    """Losses [steps, states] of 1, 2, ... steps of gradient descent, each number with its best coefficient [steps].

    The coefficient is the same for all steps and numbers of states, the best of a grid, fine by 4%, on other
    sequences. `least_squares` is what can be known at all.
    """
    process, max_steps, size = cell
    workspace.report(1, 2, "tuning")
    tuning, held_out = (validation_sequences(process, size, tuning) for tuning in (True, False))

    def along(coefficient: Float[Array, ""], sequences: Sequence) -> Float[Array, "steps t"]:
        descent = DescentAlongSequence(coefficient, max_steps)
        return jax.vmap(lambda each: losses_along(descent.trajectory(each), each))(sequences).mean(axis=0)

    totals = jax.jit(lambda grid: jax.lax.map(lambda c: along(c, tuning).mean(axis=1), grid))(jnp.asarray(GRID, float))
    best = GRID[np.argmin(np.nan_to_num(np.asarray(totals), nan=np.inf), axis=0)]
    losses = np.asarray(jax.jit(lambda grid: jax.lax.map(lambda c: along(c, held_out), grid))(jnp.asarray(best, float)))
    ridge = RidgeAlongSequence(PENALTY)
    exact = jax.jit(jax.vmap(lambda each: losses_along(ridge.trajectory(each), each)))(held_out).mean(axis=0)[0]
    steps = np.arange(max_steps)
    return {"loss": losses[steps, steps], "coefficient": best, "least_squares": np.asarray(exact)}


def model_training(
    process: AbstractLinearProcess, num_layers: int, normalise: bool, config, seeds: int, first_seed: int
) -> Training:
    """The authors' model on augmented tokens, or one without normalisation, as their theory has it."""
    shape = {"num_layers": num_layers, "normalise": normalise, "init_scale": 1.0 if normalise else 0.01}
    return Training(partial(SequenceTransformer.initialise, process.dim, **shape), process, config, seeds, first_seed)
