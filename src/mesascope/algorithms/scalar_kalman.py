"""The Kalman filter of a scalar times the state before, seen through noise."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.validation import check_finite, check_non_negative


class ScalarKalmanForecaster(AbstractSequencePredictor):
    """E[s_{T+1} | s_1..s_T] where z_{t+1} = a z_t + N(0, q I), s_t = z_t + N(0, r I), and nothing is known of z_1.

    `factor` is a, `noise_ratio` q / r; only the ratio matters. The estimate m_t of z_t starts at s_1, since a prior
    without information leaves the first observation alone, and with the gain K_1 = 1

        m_t = a m_{t-1} + K_t (s_t - a m_{t-1}),  K_t = (a^2 K_{t-1} + q/r) / (1 + a^2 K_{t-1} + q/r),

    since the variance of z_t, given what was observed, is r K_t. The prediction is a m_T (Kalman 1960). With a = 1 it
    becomes exponential smoothing of weight K once K_t has settled (Muth 1960). Real or complex; linear in the length.
    `KalmanForecaster` takes matrices and a prior.
    """

    factor: float | Float[Array, ""] = 1.0
    noise_ratio: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_finite("factor", self.factor)
        check_non_negative("noise_ratio", self.noise_ratio)

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        factor, ratio = (jnp.asarray(each, sequence.states.dtype) for each in (self.factor, self.noise_ratio))

        def observe(estimate, state):
            mean, gain = estimate
            variance = factor**2 * gain + ratio
            gain = variance / (1 + variance)
            mean = factor * mean + gain * (state - factor * mean)
            return (mean, gain), mean

        first, later = sequence.states[0], sequence.states[1:]
        means = lax.scan(observe, (first, jnp.ones_like(factor)), later)[1]
        return factor * jnp.concatenate([first[None], means])

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """With the factor and the ratio of noises free."""
        free = Parameter("factor", -1.25, 1.25, linear=True), Parameter("noise_ratio", 1e-4, 1e4)
        return (
            Candidate(
                "scalar-kalman", "the Kalman filter of a multiple of the last state, seen through noise", cls, free
            ),
        )

    @classmethod
    def examples(cls) -> "tuple[ScalarKalmanForecaster, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(-0.9, 0.1)
