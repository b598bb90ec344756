"""Newton's iteration for the inverse of the inputs' second moments."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matmul
from mesascope.linalg import order_of
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_positive

COUNTS = tuple(range(1, 13))


class NewtonSchulz(AbstractLinearLearner):
    """W_k = (1/n Y^T X) M_k after k steps M <- M (2 I - S M) from M_0 = scale S, for S = X^T X / n.

    Without a `scale` it is 1 / |S S^T|_F, of which every prompt's steps converge and none depends on the inputs' scale;
    a fixed one diverges where it is above 2 / s^2 for an eigenvalue s of S. Of the least-squares weights, the part
    along an eigenvector is missing by r_k = r_{k-1}^2, r_0 = 1 - scale s^2: digits double (Schulz 1933; as an
    in-context learner Fu et al., "Transformers learn higher-order optimization methods for in-context learning", 2023,
    section 3, whose S is a sum: with no scale that is the same). Complex examples take X^* for X^T. Costs O(n dx^2 +
    dx^3) a step.

    M is never formed: W_k = (1/n Y^T X) (I + R_0) ... (I + R_{k-1}) M_0 with R_j = R_0^(2^j), R_0 = I - scale S^2, is
    the same product, in which M_0, last, takes away what rounding leaves where there are no inputs.
    """

    scale: float | Float[Array, ""] | None = None
    num_steps: int = eqx.field(static=True, default=4)

    def __check_init__(self):
        check_count("num_steps", self.num_steps)
        if self.scale is not None:
            check_positive("scale", self.scale)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        prompt = prompt.alike()
        dtype = prompt.xs.dtype
        order = jnp.asarray(order_of(prompt.xs) if self.scale is None else 1, dtype)
        xs = prompt.xs / order
        xs_conjugate = jnp.conj(xs)
        second, cross = (matmul(each.T, xs_conjugate) / prompt.divisor for each in (xs, prompt.ys))
        square = second @ second
        norm = jnp.linalg.norm(square).astype(dtype)
        scale = 1 / jnp.where(norm == 0, 1, norm) if self.scale is None else jnp.asarray(self.scale, dtype)

        def step(state, _):
            summed, left = state
            summed = summed + summed @ left
            return (summed, left @ left), summed

        start = cross, jnp.eye(prompt.dim_x, dtype=dtype) - scale * square
        return lax.scan(step, start, length=self.num_steps)[1] @ (scale / order * second)

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """With the scale that each prompt asks for, and with one for all, fitted."""
        says = "{num_steps} step(s) of Newton's iteration for the inverse"
        scale = Parameter("scale", 1e-4, 2.0, inputs=-4)
        return (
            Candidate("newton-schulz", says, cls, (), COUNTS),
            Candidate("newton-schulz-fixed-scale", f"{says}, of one scale", cls, (scale,), COUNTS),
        )

    @classmethod
    def examples(cls) -> "tuple[NewtonSchulz, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(num_steps=12), cls(0.3, num_steps=3)
