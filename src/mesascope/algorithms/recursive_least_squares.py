"""Recursive least squares with forgetting: ridge regression that trusts its last examples most."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.linalg import ridge
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_positive


class RecursiveLeastSquares(AbstractLinearLearner):
    """The W of least sum_i forgetting^(n-i) |W x_i - y_i|^2 + forgetting^n penalty |W|^2, for the last of n examples.

    It is what the recursion g = P x_i / (forgetting + x_i^T P x_i), W <- W + (y_i - W x_i) g^T,
    P <- (P - g x_i^T P) / forgetting from W = 0, P = I / penalty ends at (Haykin, "Adaptive filter theory", table 9.1),
    solved at once, since the recursion loses digits. The penalty is of a sum over examples and is forgotten, too;
    forgetting 1 is `Ridge`. Costs O(n dx (dx + dy)).
    """

    penalty: float | Float[Array, ""] = 1.0
    forgetting: float | Float[Array, ""] = 0.9

    def __check_init__(self):
        check_positive("penalty", self.penalty)
        check_positive("forgetting", self.forgetting)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        real = prompt.xs.real.dtype
        kept = jnp.sqrt(jnp.asarray(self.forgetting, real))
        count = jnp.asarray(prompt.num_examples, real)
        ages = jnp.maximum(count - 1 - jnp.arange(len(prompt.xs), dtype=real), 0)
        weights = (kept**ages).astype(prompt.xs.dtype)[:, None]
        penalty = jnp.asarray(self.penalty, real) * kept ** (2 * count)
        return ridge(weights * prompt.xs, weights * prompt.ys, penalty).T[None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Penalties as of ridge regression."""
        penalty = Parameter("penalty", 1e-5, 10.0, inputs=2, num_examples=1)
        says = "recursive least squares, forgetting"
        return (
            Candidate("recursive-least-squares", says, cls, (penalty, Parameter("forgetting", 0.3, 1.0, linear=True))),
        )

    @classmethod
    def examples(cls) -> "tuple[RecursiveLeastSquares, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.1, 0.99)
