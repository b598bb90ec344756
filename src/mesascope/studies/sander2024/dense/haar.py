"""Dense heads trained on samples of Haar dynamics, and the least loss that any number of them has."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from mesascope.models.diagonal_heads import DenseHeads
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.studies.sander2024._shared.terms import invariant_terms, least_squares_along
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.haar import HaarProcess
from mesascope.training.config import FitConfig

INIT_STD = 0.3


class HaarCell(NamedTuple):
    """A training for each number of heads, and how many sequences losses are measured on."""

    trainings: dict[int, Training]
    process: HaarProcess
    num_validation: int


def haar_training(process: HaarProcess, num_heads: int, config: FitConfig, seeds: int, first_seed: int) -> Training:
    """Dense heads with free positions."""
    make = partial(DenseHeads.initialise, process.dim, num_heads, process.num_states, std=INIT_STD)
    return Training(make, process, config, seeds, first_seed)


def measure_haar(cell: HaarCell, workspace: Workspace) -> Arrays:
    """Losses relative to |s|^2, averaged over T = 2, 3, ..., by number of heads [seeds]; `floor`, the least [1].

    With s_1 uniform on the sphere no basis is preferred. For given positions the loss is convex in K, so that the
    average of a solution over all bases is as good. What is left of K then makes s_t <s_t, s_{T-1}> and
    s_{T-1} |s_t|^2, the second of which is the first at t = T - 1.
    """
    sequences, others = (validation_sequences(cell.process, cell.num_validation, tuning) for tuning in (False, True))
    along = least_squares_along(invariant_terms, np.asarray(others.states), np.asarray(sequences.states))
    found = {"floor": np.array([along[1:].mean()])}

    def losses(model: DenseHeads) -> dict[str, Array]:
        each = jax.vmap(lambda sequence: losses_along(model.next_states(sequence)[None], sequence))(sequences)
        return {"loss": each[:, 0, 1:].mean()}

    for i, (num_heads, training) in enumerate(cell.trainings.items()):
        found[f"heads_{num_heads}"] = over_models(losses, training.trained(workspace).model)["loss"]
        workspace.report(i + 1, len(cell.trainings), "measured")
    return found
