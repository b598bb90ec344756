"""Least squares on a prompt's examples."""

from functools import partial

import equinox as eqx
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.linalg import least_norm
from mesascope.predictor import AbstractLinearLearner, through_means
from mesascope.prompt import Prompt


class LeastSquares(AbstractLinearLearner):
    """The W of least norm among the minimisers of sum_i |W x_i - y_i|^2.

    What of an input's coordinate the coordinates before it explain up to rounding counts as explained, whatever the
    number of examples (see `mesascope.linalg`). With an `intercept` of sum_i |W x_i + b - y_i|^2, over W and b.
    """

    intercept: bool = eqx.field(static=True, default=False)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        examples = prompt.centred() if self.intercept else prompt.alike()
        return least_norm(examples.xs, examples.ys).T[None]

    def intercept_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy"] | None:
        return through_means(self, prompt) if self.intercept else None

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Of least norm, without an intercept and with one."""
        with_intercept = partial(cls, intercept=True)
        return (
            Candidate("least-squares", "least squares", cls),
            Candidate("least-squares-with-intercept", "least squares with an intercept", with_intercept),
        )

    @classmethod
    def examples(cls) -> "tuple[LeastSquares, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(intercept=True)
