"""Least squares on a prompt's examples."""

from jaxtyping import Array, Inexact

from mesascope.linalg import least_norm
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt


class LeastSquares(AbstractLinearLearner):
    """The W of least norm among the minimisers of sum_i |W x_i - y_i|^2.

    What of an input's coordinate the coordinates before it explain up to rounding counts as explained, whatever the
    number of examples (see `mesascope.linalg`).
    """

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        return least_norm(prompt.xs, prompt.ys).T[None]

    @classmethod
    def examples(cls) -> "tuple[LeastSquares, ...]":
        """Tiny instances for tests and documentation."""
        return (cls(),)
