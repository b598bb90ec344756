"""One dense head trained on samples of Haar dynamics, and the least loss that any number of heads has."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from mesascope.models.diagonal_heads import DenseHeads
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.studies.sander2024._shared.terms import invariant_terms, least_squares_along
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.haar import HaarProcess


class HaarLosses(NamedTuple):
    """Losses relative to |s|^2, averaged over T = 2, 3, ..., of one head [seeds], and the least of any number []."""

    loss: np.ndarray
    floor: np.ndarray


class HaarCell(AbstractConfig):
    """A training of one head, and how many sequences losses are measured on.

    With s_1 uniform on the sphere no basis is preferred. For given positions the loss is convex in K, so that the
    average of a solution over all bases is as good. What is left of K then makes s_t <s_t, s_{T-1}> and
    s_{T-1} |s_t|^2, the second of which is the first at t = T - 1.
    """

    training: Training[HaarProcess]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`HaarLosses`."""
        process = self.training.task
        sequences, others = (validation_sequences(process, self.num_validation, tuning) for tuning in (False, True))
        along = least_squares_along(invariant_terms, np.asarray(others.states), np.asarray(sequences.states))

        def losses(model: DenseHeads) -> dict[str, Array]:
            each = jax.vmap(lambda sequence: losses_along(model.next_states(sequence)[None], sequence))(sequences)
            return {"loss": each[:, 0, 1:].mean()}

        found = over_models(losses, self.training.trained(workspace).model)["loss"]
        workspace.report(1, 1, "measured")
        return HaarLosses(found, np.asarray(along[1:].mean()))._asdict()
