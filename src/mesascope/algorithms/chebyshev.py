"""Chebyshev iteration: the best descent for eigenvalues in an interval."""

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matmul
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_non_negative, check_positive


class ChebyshevIteration(AbstractLinearLearner):
    """num_steps steps from W = 0, after each of which no descent is better for the worst eigenvalue in [low, high].

    Of the least-squares weights, the part along an eigenvector of S = X^T X / n (a mean over examples) of eigenvalue s
    is missing by r_k(s) = T_k((c - s) / h) / T_k(c / h) after k steps, T_k Chebyshev's polynomial, c the middle of
    [low, high] and h half its width: the polynomial of degree k with r_k(0) = 1 of the smallest maximum there. Steps
    are W <- W + D with D = -G(W) / c at first and D <- h^2 u' u D - 2 u' G(W) then, u' = 1 / (2 c - h^2 u) from
    u = 1 / c (Golub and Varga 1961; Saad, "Iterative methods for sparse linear systems", algorithm 12.1), G the
    gradient of 1/(2 n) sum_i |W x_i - y_i|^2. Equal bounds make it `GradientDescent` of rate 1 / low. Eigenvalues far
    above `high` diverge. Costs O(n dx dy) a step.
    """

    low: float | Float[Array, ""] = 0.1
    high: float | Float[Array, ""] = 2.0
    num_steps: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        check_non_negative("low", self.low)
        check_positive("high", self.high)
        check_count("num_steps", self.num_steps)
        if not any(isinstance(each, jax.core.Tracer) for each in (self.low, self.high)) and self.low > self.high:
            raise ValueError(f"`low` must be at most `high`; got {self.low} and {self.high}. Exchange them.")

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        prompt = prompt.alike()
        low, high = (jnp.asarray(each, prompt.xs.dtype) for each in (self.low, self.high))
        middle, square = (low + high) / 2, ((high - low) / 2) ** 2
        xs_conjugate = jnp.conj(prompt.xs)

        def downhill(weights):
            residuals = prompt.ys - matmul(prompt.xs, weights.T)
            return matmul(residuals.T, xs_conjugate) / prompt.divisor

        def step(state, _):
            weights, move, u = state
            after = weights + move
            u_next = 1 / (2 * middle - square * u)
            return (after, square * u_next * u * move + 2 * u_next * downhill(after), u_next), after

        start = jnp.zeros((prompt.dim_y, prompt.dim_x), prompt.xs.dtype)
        return lax.scan(step, (start, downhill(start) / middle, 1 / middle), length=self.num_steps)[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """From two steps on: the first is gradient descent's. The mean eigenvalue is between the bounds."""
        bounds = Parameter("low", 1e-3, 1.0, inputs=2), Parameter("high", 1.0, 30.0, inputs=2)
        says = "Chebyshev iteration, {num_steps} steps"
        return (Candidate("chebyshev-iteration", says, cls, bounds, tuple(range(2, 11))),)

    @classmethod
    def examples(cls) -> "tuple[ChebyshevIteration, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.3, 0.9, num_steps=5), cls(0.5, 0.5, num_steps=3)
