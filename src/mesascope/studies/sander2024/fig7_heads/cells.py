"""Models of one layer on plain tokens to train, and the least losses of what such a layer can answer with."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from mesascope.models.asking import AbstractAsking
from mesascope.models.position_weights import SoftmaxWeights
from mesascope.models.sequence_tokens import RepeatedTokens
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.streams import UpdatesOnly
from mesascope.studies.sander2024._shared.sequences import validation_sequences
from mesascope.studies.sander2024._shared.terms import invariant_terms, least_squares_along
from mesascope.studies.sander2024.fig7_heads.terms import linear_terms
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.haar import HaarProcess


class LeastLosses(NamedTuple):
    """Losses [states] of two kinds of terms, coefficients the best, relative to |s|^2.

    `one_head`: linear heads without biases or normalisation, where only what is the same in every basis counts; a head
    is enough for that. `linear`: constant weights for the states.
    """

    one_head: np.ndarray
    linear: np.ndarray


class LeastCell(AbstractConfig):
    """A process, and how many of its sequences terms are fitted and measured on."""

    process: HaarProcess
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`LeastLosses`."""
        states = [
            np.asarray(validation_sequences(self.process, self.num_validation, tuning).states)
            for tuning in (True, False)
        ]
        found = [least_squares_along(terms_fn, *states) for terms_fn in (invariant_terms, linear_terms)]
        workspace.report(1, 1, "least squares")
        return LeastLosses(*found)._asdict()


def layer_of_heads(process: HaarProcess, num_heads: int, asking: AbstractAsking) -> partial:
    """What makes the authors' layer; all heads share weights of positions."""
    return partial(
        SequenceTransformer.initialise,
        process.dim,
        tokens=RepeatedTokens(2),
        num_heads=num_heads,
        positions=SoftmaxWeights(jnp.zeros((process.num_states, process.num_states))),
        asking=asking,
        stream=UpdatesOnly(),
    )
