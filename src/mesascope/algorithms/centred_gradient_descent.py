"""Gradient descent on a prompt's examples with their mean taken off."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt


class CentredGradientDescent(AbstractLinearLearner):
    """num_steps steps W <- W - (learning_rate / n) sum_i (W u_i - v_i) u_i^T from W = 0, u = x - xbar and v = y - ybar.

    Descends L(W) = 1/(2 n) sum_i |W (x_i - xbar) - (y_i - ybar)|^2, which is also the least, over b, of
    1/(2 n) sum_i |W x_i + b - y_i|^2; yet predicts W x, without that intercept. One step is

        W x = (learning_rate / n) sum_i (y_i - ybar) (x_i - xbar)^T x = (learning_rate / n) sum_i y_i (z_i - zbar)

    with z_i = x_i^T x: what a pair of softmax heads of opposite sign computes, the attention n/(2b) (softmax(b z) -
    softmax(-b z)) being z - zbar + O(b^2) (von Oswald et al. 2023, appendix A.9, which drops the mean). One example
    has nothing to learn from: it is its own mean. Rates are as in `GradientDescent`.
    """

    learning_rate: float | Inexact[Array, ""] | Inexact[Array, " steps"] = 1.0
    num_steps: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        self._descent()  # checks the rates and their number

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        return self._descent().weight_trajectory(prompt.centred())

    def _descent(self) -> GradientDescent:
        return GradientDescent(self.learning_rate, self.num_steps)

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """One rate for up to ten steps."""
        rate = Parameter("learning_rate", 1e-3, 10.0, inputs=-2)
        says = "{num_steps} step(s) of gradient descent on centred examples"
        return (Candidate("centred-gradient-descent", says, cls, (rate,), tuple(range(1, 11))),)

    @classmethod
    def examples(cls) -> "tuple[CentredGradientDescent, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.5), cls(0.5, num_steps=4), cls(jnp.array([0.1, 0.2, 0.3]), num_steps=3)
