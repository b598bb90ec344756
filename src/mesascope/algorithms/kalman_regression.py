"""The Kalman filter for weights that drift from example to example."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.algorithms._in_order import in_order
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matvec
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_non_negative, check_positive


class KalmanRegression(AbstractLinearLearner):
    """The posterior mean of W_n where W_1 ~ N(0, I), W_{i+1} = W_i + N(0, drift I) and y_i = W_i x_i + N(0, noise I).

    Entries are independent and their variance is the unit: `drift` and `noise` are ratios to it, both of one example.
    Riccati's recursion from W = 0, P = I: g = x^T P / (x^T P x + noise), W <- W + (y - W x) g, then
    P <- (I - x g)^T P (I - x g) + noise g^T g + drift I, in Joseph's form, which keeps P positive (Kalman 1960;
    Bucy and Joseph 1968). Drift 0 is `Ridge` of this noise for penalty. Complex examples take x^* for x^T. Errors are
    about epsilon times |X|^2 / noise, or |x|^2 / noise + 1 / drift where that is less: for little noise and no drift
    use `Ridge`. Costs O(n dx (dx + dy)).
    """

    drift: float | Float[Array, ""] = 0.1
    noise: float | Float[Array, ""] = 1.0

    def __check_init__(self):
        check_non_negative("drift", self.drift)
        check_positive("noise", self.noise)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        dtype = prompt.xs.dtype
        drift, noise = (jnp.asarray(each, dtype) for each in (self.drift, self.noise))
        identity = jnp.eye(prompt.dim_x, dtype=dtype)

        def absorb(state, x, y):
            weights, covariance = state
            row = matvec(covariance.T, jnp.conj(x))
            gain = row / (row @ x + noise)
            weights = weights + jnp.outer(y - matvec(weights, x), gain)
            half = covariance - jnp.outer(jnp.conj(row), gain)
            removed = jnp.outer(jnp.conj(gain), matvec(half.T, jnp.conj(x)) - noise * gain)
            return weights, half - removed + drift * identity

        return in_order(absorb, (jnp.zeros((prompt.dim_y, prompt.dim_x), dtype), identity), prompt)[0][None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Drifts from none that shows to a new task an example."""
        drift, noise = Parameter("drift", 1e-4, 10.0), Parameter("noise", 1e-3, 100.0, inputs=2)
        return (Candidate("kalman-regression", "a Kalman filter of weights that drift", cls, (drift, noise)),)

    @classmethod
    def examples(cls) -> "tuple[KalmanRegression, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.3, 0.2)
