"""The last label again."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt, check_prompt


class LastLabel(AbstractPredictor):
    """yhat = y_n, zero without examples: what a model predicts that repeats what it saw last."""

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        check_prompt(prompt)
        labels = jnp.pad(prompt.alike().ys, ((1, 0), (0, 0)))
        return labels[prompt.num_examples]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing to fit."""
        return (Candidate("last-label", "the last label again", cls),)

    @classmethod
    def examples(cls) -> "tuple[LastLabel, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
