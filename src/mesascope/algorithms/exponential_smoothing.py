"""A running mean of states whose weights fade."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.validation import check_between


class ExponentialSmoothing(AbstractSequencePredictor):
    """s_{T+1} = m_T with m_t = m_{t-1} + weight (s_t - m_{t-1}), from m_1 = s_1.

    So the state j steps back weighs weight (1 - weight)^j, the first one (1 - weight)^(T - 1): the weights sum to one
    at every prefix. `weight` is from 0 to 1: at 1 the last value is kept, at 0 the first (Brown 1956, "Exponential
    smoothing for predicting demand"). The start at s_1 is a convention; sums that start at zero are another algorithm.
    Real or complex; linear in the length of the sequence.
    """

    weight: float | Float[Array, ""] = 0.5

    def __check_init__(self):
        check_between("weight", self.weight, 0, 1)

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        weight = jnp.asarray(self.weight, sequence.states.dtype)

        def smooth(mean: Inexact[Array, " d"], state: Inexact[Array, " d"]):
            mean = mean + weight * (state - mean)
            return mean, mean

        return lax.scan(smooth, sequence.states[0], sequence.states)[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """With the weight free."""
        weight = Parameter("weight", 0.0, 1.0, linear=True)
        return (Candidate("exponential-smoothing", "exponential smoothing of the states", cls, (weight,)),)

    @classmethod
    def examples(cls) -> "tuple[ExponentialSmoothing, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.1)
