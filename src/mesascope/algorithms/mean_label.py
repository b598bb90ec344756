"""The mean of the labels."""

from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt, check_prompt


class MeanLabel(AbstractPredictor):
    """yhat = 1/n sum_i y_i, zero without examples: what a model predicts that reads labels and no inputs."""

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        check_prompt(prompt)
        return prompt.means()[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing to fit."""
        return (Candidate("mean-label", "the mean of the labels", cls),)

    @classmethod
    def examples(cls) -> "tuple[MeanLabel, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
