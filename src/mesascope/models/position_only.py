"""The layer that has nothing to learn but weights of positions (Sander et al. 2024, section 4.3)."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.models.position_weights import (
    AbstractPositionWeights,
    LearnedWeights,
    ToeplitzWeights,
    weights_by_prediction,
)
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence


class PositionOnlyLayer(AbstractSequencePredictor):
    """f_i = s*_{T-1,i} sum_{t <= T} P_{T-1,t} s_{t,i}^2: diagonal heads without mixing, C = I.

    Coordinates do not meet. On unitary dynamics the weight one on the newest state is exact (proposition 6); the loss
    in closed form is in `theory/position_only.py`. Nothing comes before s_1: the prediction from it alone is zero.
    """

    positions: AbstractPositionWeights

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        states = sequence.states
        weights = weights_by_prediction(self.positions, len(states)).astype(states.dtype)
        before = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])
        return jnp.conj(before) * (weights @ states**2)

    @classmethod
    def examples(cls) -> "tuple[PositionOnlyLayer, ...]":
        """Tiny instances for tests and documentation: up to six states."""
        return cls(LearnedWeights.examples()[0]), cls(ToeplitzWeights.examples()[0])
