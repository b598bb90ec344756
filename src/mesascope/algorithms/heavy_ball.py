"""Gradient descent with momentum."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matmul
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_finite


class HeavyBall(AbstractLinearLearner):
    """W_{k+1} = W_k - learning_rate G(W_k) + momentum (W_k - W_{k-1}), num_steps times, from W_0 = W_{-1} = 0.

    G(W) = 1/n sum_i (W x_i - y_i) x_i^T is the gradient of 1/(2 n) sum_i |W x_i - y_i|^2, a mean over examples, with
    x_i^* for x_i^T where they are complex (Polyak, "Some methods of speeding up the convergence of iteration methods",
    1964). Of the least-squares weights, the part along an eigenvector of S = X^T X / n of eigenvalue s is missing by
    r_k(s) after k steps: r_{k+1} = (1 + momentum - learning_rate s) r_k - momentum r_{k-1} from r_0 = r_{-1} = 1.
    Momentum zero is `GradientDescent`, as is the first step of any momentum. Costs O(n dx dy) a step. Large rates
    diverge.
    """

    learning_rate: float | Float[Array, ""] = 1.0
    momentum: float | Float[Array, ""] = 0.5
    num_steps: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        check_finite("learning_rate", self.learning_rate)
        check_finite("momentum", self.momentum)
        check_count("num_steps", self.num_steps)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        prompt = prompt.alike()
        rate, momentum = (jnp.asarray(each, prompt.xs.dtype) for each in (self.learning_rate, self.momentum))
        xs_conjugate = jnp.conj(prompt.xs)

        def step(state, _):
            weights, before = state
            residuals = matmul(prompt.xs, weights.T) - prompt.ys
            gradient = matmul(residuals.T, xs_conjugate) / prompt.divisor
            after = weights - rate * gradient + momentum * (weights - before)
            return (after, weights), after

        start = jnp.zeros((prompt.dim_y, prompt.dim_x), prompt.xs.dtype)
        return lax.scan(step, (start, start), length=self.num_steps)[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """From two steps on: the first is gradient descent's."""
        rate, momentum = Parameter("learning_rate", 1e-3, 10.0, inputs=-2), Parameter("momentum", 0.0, 1.0, linear=True)
        says = "gradient descent with momentum, {num_steps} steps"
        return (Candidate("heavy-ball", says, cls, (rate, momentum), tuple(range(2, 11))),)

    @classmethod
    def examples(cls) -> "tuple[HeavyBall, ...]":
        """Tiny instances for tests and documentation."""
        return cls(0.5), cls(0.3, 0.8, num_steps=5)
