"""The delta rule: one gradient step on each example in its turn."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.algorithms._in_order import in_order
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matvec
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_finite


class DeltaRule(AbstractLinearLearner):
    """W <- decay W + learning_rate (y_i - W x_i) x_i^T for i = 1, ..., n from W = 0: online gradient descent.

    A step descends 1/2 |W x_i - y_i|^2, one example's error, so that the rate is of no sum and of no mean; stable where
    learning_rate |x_i|^2 is below 2 (Widrow and Hoff, "Adaptive switching circuits", 1960; as linear attention Schlag
    et al. 2021, DeltaNet). A `decay` below one forgets, as leaky least mean squares does; gated delta nets take the
    error of decay W instead. Complex examples take x_i^* for x_i^T. The order of the examples matters. Costs O(n dx
    dy).
    """

    learning_rate: float | Float[Array, ""] = 0.1
    decay: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_finite("learning_rate", self.learning_rate)
        check_finite("decay", self.decay)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        rate, decay = (jnp.asarray(each, prompt.xs.dtype) for each in (self.learning_rate, self.decay))

        def absorb(weights, x, y):
            return decay * weights + rate * jnp.outer(y - matvec(weights, x), jnp.conj(x))

        return in_order(absorb, jnp.zeros((prompt.dim_y, prompt.dim_x), prompt.xs.dtype), prompt)[None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Without forgetting and with it."""
        rate, decay = Parameter("learning_rate", 1e-3, 2.0, inputs=-2), Parameter("decay", 0.0, 1.0, linear=True)
        says = "the delta rule, one example after the other"
        return (
            Candidate("delta-rule", says, cls, (rate,)),
            Candidate("delta-rule-with-decay", f"{says}, forgetting", cls, (rate, decay)),
        )

    @classmethod
    def examples(cls) -> "tuple[DeltaRule, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.3), cls(0.5, 0.9)
