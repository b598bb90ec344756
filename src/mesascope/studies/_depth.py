"""Trained models of several depths on sequences."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.prompt import Sequence
from mesascope.random import data_key
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import VALIDATION_SEED, over_models
from mesascope.studies._training import Training
from mesascope.tasks._process import AbstractLinearProcess


class DepthsCell(NamedTuple):
    """Trainings of some depths, and how many sequences they are measured on."""

    trainings: tuple[Training, ...]
    process: AbstractLinearProcess
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


def model_training(
    process: AbstractLinearProcess, num_layers: int, normalise: bool, config, seeds: int, first_seed: int
) -> Training:
    """The authors' model on augmented tokens, or one without normalisation, as their theory has it."""
    shape = {"num_layers": num_layers, "normalise": normalise, "init_scale": 1.0 if normalise else 0.01}
    return Training(partial(SequenceTransformer.initialise, process.dim, **shape), process, config, seeds, first_seed)
