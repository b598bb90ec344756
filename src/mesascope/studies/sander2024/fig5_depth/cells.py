"""Trained models of several depths on sequences."""

from functools import partial
from typing import NamedTuple

import jax
from jaxtyping import Array

from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess


class DepthsCell(NamedTuple):
    """Trainings of some depths, and how many sequences they are measured on."""

    trainings: tuple[Training, ...]
    process: AbstractLinearProcess
    num_validation: int


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
