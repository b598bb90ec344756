"""Sequences that losses are measured on, losses along them, and the losses of trained models."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.prompt import Sequence
from mesascope.random import VALIDATION_SEED, data_key, jit_draws, seed_key
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess


class ModelLosses(NamedTuple):
    """Losses [seeds, layers, states] of trained models, read after each layer, relative to |s|^2."""

    loss: np.ndarray

    def whole(self) -> np.ndarray:
        """Losses [seeds, states] after the last layer."""
        return self.loss[:, -1]


class TrainedCell(AbstractConfig):
    """A training of models of sequences, and how many sequences the models are measured on."""

    training: Training
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`ModelLosses`."""
        sequences = validation_sequences(self.training.task, self.num_validation)

        def losses(model: SequenceTransformer) -> dict[str, Array]:
            each = jax.vmap(lambda sequence: losses_along(model.trajectory(sequence), sequence))(sequences)
            return {"loss": each.mean(axis=0)}

        found = over_models(losses, self.training.trained(workspace).model)
        workspace.report(1, 1, "measured")
        return ModelLosses(**found)._asdict()


def validation_sequences(process: AbstractLinearProcess, size: int, tuning: bool = False) -> Sequence:
    """The sequences that losses are measured on, or others to tune rivals on."""
    return _sample(process, seed_key(VALIDATION_SEED - tuning), size)


@jit_draws  # of the module, so that cells on the same process share the program
def _sample(process: AbstractLinearProcess, key: Key[Array, ""], size: int) -> Sequence:
    return process.sample_batch(data_key(key), size)


def losses_along(predictions: Float[Array, "k t d"], sequence: Sequence) -> Float[Array, "k u"]:
    """|error|^2 after every step and state but the last, relative to |s|^2."""
    target = sequence.states[1:]
    return jnp.sum((predictions[:, :-1] - target[None]) ** 2, axis=-1) / jnp.sum(target**2, axis=-1)[None]
