"""The simplest forecast."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.predictor import AbstractForecaster, AbstractLinearLearner
from mesascope.prompt import Prompt


class LastValue(AbstractForecaster, AbstractLinearLearner):
    """W = I: the last state of a sequence again."""

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        states = self.states(prompt)
        return jnp.eye(states.shape[1], dtype=states.dtype)[None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing free."""
        return (Candidate("last-value", "the last state again", cls),)

    @classmethod
    def examples(cls) -> "tuple[LastValue, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
