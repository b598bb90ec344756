"""What every model, algorithm and construction is: a map from one prompt to one prediction."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Inexact

from mesascope.prompt import Prompt


class AbstractPredictor(eqx.Module):
    """Maps one prompt to the prediction for its query, never looking at its target."""

    @abstractmethod
    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        """The prediction itself, never its negative."""


class AbstractStepwise(AbstractPredictor):
    """A predictor that answers after each of its steps: layer k of a model, step k of an algorithm."""

    @abstractmethod
    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        """The prediction after each step; the last row is the prediction."""

    def __call__(self, prompt: Prompt) -> Inexact[Array, " dy"]:
        return self.trajectory(prompt)[-1]


class AbstractLinearLearner(AbstractStepwise):
    """A learner that turns the examples into a matrix W and predicts W x: the in-context map, then its readout."""

    @abstractmethod
    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        """The weights after each step."""

    def weights(self, prompt: Prompt) -> Inexact[Array, "dy dx"]:
        """The weights after the last step."""
        return self.weight_trajectory(prompt)[-1]

    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        return self.weight_trajectory(prompt) @ prompt.query
