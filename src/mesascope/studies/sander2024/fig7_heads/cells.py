"""Models of one layer on plain tokens, by their number of heads and by which token asks."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.models.position_weights import SoftmaxWeights
from mesascope.models.sequence_tokens import RepeatedTokens
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.streams import UpdatesOnly
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import losses_along, validation_sequences
from mesascope.studies.sander2024._shared.terms import invariant_terms, least_squares_along
from mesascope.studies.sander2024.fig7_heads.terms import linear_terms
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.haar import HaarProcess
from mesascope.training.config import FitConfig

COPIES = 2  # of a state in its token


class TrainedCell(NamedTuple):
    """Trainings on one process, by name, and how many sequences their losses are measured on."""

    trainings: dict[str, Training]
    process: HaarProcess
    num_validation: int


def name_of(num_heads: int, asks_before: bool) -> str:
    """The name of a training among those on one process."""
    return f"{'before' if asks_before else 'last'}_{num_heads}"


def heads_training(
    process: HaarProcess, num_heads: int, asks_before: bool, config: FitConfig, seeds: int, first_seed: int
) -> Training:
    """The authors' layer; weights of positions start equal, and all heads share them."""
    make = partial(
        SequenceTransformer.initialise,
        process.dim,
        tokens=RepeatedTokens(COPIES),
        num_heads=num_heads,
        positions=SoftmaxWeights(jnp.zeros((process.num_states, process.num_states))),
        asking=TokenBeforeAsks() if asks_before else LastAsks(),
        stream=UpdatesOnly(),
    )
    return Training(make, process, config, seeds, first_seed)


def measure_heads(cell: TrainedCell, workspace: Workspace) -> Arrays:
    """Losses [seeds, states] of every training, relative to |s|^2, and of two kinds of terms, coefficients the best.

    `one_head`: linear heads without biases or normalisation, where only what is the same in every basis counts; a head
    is enough for that. `linear`: constant weights for the states.
    """
    sequences, others = (validation_sequences(cell.process, cell.num_validation, tuning) for tuning in (False, True))

    def losses(model: SequenceTransformer) -> dict[str, Array]:
        each = jax.vmap(lambda sequence: losses_along(model.trajectory(sequence), sequence))(sequences)
        return {"loss": each.mean(axis=0)[0]}

    states = [np.asarray(each.states) for each in (others, sequences)]
    kinds = {"one_head": invariant_terms, "linear": linear_terms}
    found = {name: least_squares_along(terms_fn, *states) for name, terms_fn in kinds.items()}
    for i, (name, training) in enumerate(cell.trainings.items()):
        found[name] = over_models(losses, training.trained(workspace).model)["loss"]
        workspace.report(i + 1, len(cell.trainings), "measured")
    return found
