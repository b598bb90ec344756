"""Trained models of several depths on sequences."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.config import FitConfig


class DepthLosses(NamedTuple):
    """Losses [seeds, layers, states] of one trained model."""

    loss: np.ndarray


class DepthCell(AbstractConfig):
    """The training of one depth, and how many sequences it is measured on."""

    training: Training
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`DepthLosses`."""
        sequences = validation_sequences(self.training.task, self.num_validation)

        def losses(model: SequenceTransformer) -> dict[str, Array]:
            each = jax.vmap(lambda sequence: losses_along(model.trajectory(sequence), sequence))(sequences)
            return {"loss": each.mean(axis=0)}

        found = over_models(losses, self.training.trained(workspace).model)
        workspace.report(1, 1, "measured")
        return DepthLosses(**found)._asdict()


def model_training(
    process: AbstractLinearProcess, num_layers: int, normalise: bool, config: FitConfig, seeds: int, first_seed: int
) -> Training:
    """The authors' model on augmented tokens, or one without normalisation, as their theory has it."""
    shape = {"num_layers": num_layers, "normalise": normalise, "init_scale": 1.0 if normalise else 0.01}
    return Training(partial(SequenceTransformer.initialise, process.dim, **shape), process, config, seeds, first_seed)
