"""Layers of several heads on plain tokens to train, and the best prediction that learns nothing in context."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.models.asking import AbstractAsking
from mesascope.models.position_weights import SoftmaxWeights, WeightsByHead
from mesascope.models.sequence_tokens import RepeatedTokens
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.streams import UpdatesOnly
from mesascope.studies.sander2024._shared.sequences import validation_sequences
from mesascope.studies.sander2024._shared.terms import least_squares_along
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.haar import HaarProcess


class ConstantWeightsCell(AbstractConfig):
    """A process, and how many of its sequences the best constant weights for states are fitted on, and measured on."""

    process: HaarProcess
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """Their losses [states], relative to |s|^2."""
        fitted_on, measured_on = (
            np.asarray(validation_sequences(self.process, self.num_validation, tuning).states)
            for tuning in (True, False)
        )
        found = least_squares_along(linear_terms, fitted_on, measured_on)
        workspace.report(1, 1, "least squares")
        return {"loss": found}


def linear_terms(states: np.ndarray) -> np.ndarray:
    """s_t [n, i, t]: constant weights for states, nothing learned in context."""
    return np.swapaxes(states[:, :-1], 1, 2)


def layer_of_heads(
    *, dim: int, num_states: int, num_heads: int, asking: AbstractAsking, key: Key[Array, ""]
) -> SequenceTransformer:
    """The authors' layer; each head has softmax weights of positions of its own, equal at the start."""
    scores = jnp.zeros((num_heads, num_states, num_states))
    return SequenceTransformer.initialise(
        dim,
        tokens=RepeatedTokens(2),
        num_heads=num_heads,
        positions=WeightsByHead(jax.vmap(SoftmaxWeights)(scores)),
        asking=asking,
        stream=UpdatesOnly(),
        key=key,
    )
