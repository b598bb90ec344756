"""Ridge regression on a prompt's examples, in closed form."""

from functools import partial

import equinox as eqx
from jaxtyping import Array, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.linalg import ridge
from mesascope.predictor import AbstractLinearLearner, through_means
from mesascope.prompt import Prompt
from mesascope.validation import check_positive


class Ridge(AbstractLinearLearner):
    """W = argmin sum_i |W x_i - y_i|^2 + penalty |W|^2 = Y^T X* (X^T X* + penalty I)^{-1}.

    With penalty = s^2 / tau^2 the posterior mean for weights N(0, tau^2 I) and label noise N(0, s^2): the Bayes
    predictor of linear regression. For penalty 0 use `LeastSquares`. With an `intercept` the least over W and b of
    sum_i |W x_i + b - y_i|^2 + penalty |W|^2: b costs nothing.
    """

    penalty: float | Inexact[Array, ""] = 1.0
    intercept: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_positive("penalty", self.penalty)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        examples = prompt.centred() if self.intercept else prompt.alike()
        return ridge(examples.xs, examples.ys, self.penalty).T[None]

    def intercept_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy"] | None:
        return through_means(self, prompt) if self.intercept else None

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Without an intercept, and with one that is not penalised, as libraries have it."""
        penalty = Parameter("penalty", 1e-5, 10.0, inputs=2, num_examples=1)
        with_intercept = partial(cls, intercept=True)
        return (
            Candidate("ridge", "ridge regression", cls, (penalty,)),
            Candidate("ridge-with-intercept", "ridge regression with an intercept", with_intercept, (penalty,)),
        )

    @classmethod
    def examples(cls) -> "tuple[Ridge, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.01), cls(0.1, intercept=True)
