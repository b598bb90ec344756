"""The predictor that has learned nothing."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt


class ZeroPredictor(AbstractLinearLearner):
    """W = 0: the loss every learner starts from."""

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        return jnp.zeros((1, prompt.dim_y, prompt.dim_x), prompt.xs.dtype)

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing to fit."""
        return (Candidate("zero", "zero, whatever the prompt", cls),)

    @classmethod
    def examples(cls) -> "tuple[ZeroPredictor, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
