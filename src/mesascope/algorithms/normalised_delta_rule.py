"""The delta rule with steps measured by their inputs."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.algorithms._in_order import in_order
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matvec
from mesascope.linalg import length
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_finite


class NormalisedDeltaRule(AbstractLinearLearner):
    """W <- W + learning_rate (y_i - W x_i) x_i^T / |x_i|^2 for i = 1, ..., n from W = 0.

    The rate has no unit: at 1 each step fits its example exactly, above 2 errors grow (Nagumo and Noda 1967, normalised
    least mean squares; at 1 the projections of Kaczmarz 1937). An input of zero is passed over. Complex examples take
    x_i^* for x_i^T. The order of the examples matters, the inputs' scale does not. Costs O(n dx dy).
    """

    learning_rate: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_finite("learning_rate", self.learning_rate)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        rate = jnp.asarray(self.learning_rate, prompt.xs.dtype)

        def absorb(weights, x, y):
            size = length(x).astype(x.dtype)
            over = jnp.where(size == 0, 0, 1 / jnp.where(size == 0, 1, size))
            return weights + rate * jnp.outer(over * (y - matvec(weights, x)), jnp.conj(over * x))

        return in_order(absorb, jnp.zeros((prompt.dim_y, prompt.dim_x), prompt.xs.dtype), prompt)[None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Rates up to where errors grow."""
        says = "the normalised delta rule, one example after the other"
        return (Candidate("normalised-delta-rule", says, cls, (Parameter("learning_rate", 1e-2, 2.0),)),)

    @classmethod
    def examples(cls) -> "tuple[NormalisedDeltaRule, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.5)
