"""The lasso: least squares with a penalty on absolute values."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.linalg import least_norm
from mesascope.predictor import AbstractLinearLearner, through_means
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_positive

RELAXATION = 1.7


class Lasso(AbstractLinearLearner):
    """The W of least 1/(2 n) sum_i |W x_i - y_i|^2 + penalty sum_jk |W_jk|: a mean over examples, half of it.

    The convention is scikit-learn's (Tibshirani 1996). By `num_iterations` of the alternating direction method of
    multipliers, over-relaxed by 1.7 (Boyd et al., "Distributed optimization and statistical learning via the
    alternating direction method of multipliers", 2011, sections 3.4.3 and 6.4), one output at a time: w minimises the
    mean plus rho/2 |w - z + u|^2, z = shrink(w + u, penalty / rho) is the answer, u <- u + w - z. Rho makes
    penalty / rho half of max_j |b_j| / mean_j S_jj, the size of a weight, for b = X^T y / n and S = X^T X / n. So 300
    iterations suffice where n < dx and the penalty is small, too, where coordinate descent has far to go. Complex
    weights are shrunk by their modulus. With an `intercept` the least over W and b of the same with W x_i + b: b costs
    nothing. Costs O((n + dx) dx (dx + num_iterations) dy).
    """

    penalty: float | Float[Array, ""] = 0.1
    num_iterations: int = eqx.field(static=True, default=300)
    intercept: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_positive("penalty", self.penalty)
        check_count("num_iterations", self.num_iterations)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        examples = prompt.centred() if self.intercept else prompt.alike()
        return jax.vmap(lambda labels: self._descend(examples, labels), in_axes=1)(examples.ys)[None]

    def intercept_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy"] | None:
        return through_means(self, prompt) if self.intercept else None

    def _descend(self, prompt: Prompt, labels: Inexact[Array, " n"]) -> Inexact[Array, " dx"]:
        """The weights of one output."""
        xs, adjoint, dtype = prompt.xs, jnp.conj(prompt.xs).T, prompt.xs.dtype
        penalty = jnp.asarray(self.penalty, xs.real.dtype)
        largest = jnp.max(jnp.abs(adjoint @ labels))
        square = jnp.sum(jnp.abs(xs) ** 2) / prompt.dim_x
        has_any = (largest > 0) & (square > 0)
        weight = jnp.where(has_any, largest / 2, 1) / jnp.where(has_any, square, 1)
        root = jnp.sqrt(penalty / weight * prompt.divisor).astype(dtype)
        identity = jnp.eye(prompt.dim_x, dtype=dtype)
        stacked = jnp.concatenate([xs, root * identity])
        inverse = least_norm(stacked, jnp.pad(identity / root, ((len(xs), 0), (0, 0))))

        def improve(state, _):
            sparse, dual = state
            near = sparse - dual
            dense = near + inverse @ (adjoint @ (labels - xs @ near))
            total = RELAXATION * dense + (1 - RELAXATION) * sparse + dual
            sparse = _shrink(total, weight)
            return (sparse, total - sparse), None

        start = jnp.zeros(prompt.dim_x, dtype)
        return lax.scan(improve, (start, start), length=self.num_iterations)[0][0]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Up to where nearly all weights are zero; without an intercept, and with one, as libraries have it."""
        penalty = Parameter("penalty", 1e-4, 1.0, inputs=1, labels=1)
        with_intercept = partial(cls, intercept=True)
        return (
            Candidate("lasso", "the lasso", cls, (penalty,)),
            Candidate("lasso-with-intercept", "the lasso with an intercept", with_intercept, (penalty,)),
        )

    @classmethod
    def examples(cls) -> "tuple[Lasso, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.02, num_iterations=20), cls(intercept=True)


def _shrink(values: Inexact[Array, " dx"], by: Float[Array, ""]) -> Inexact[Array, " dx"]:
    """Each made smaller by so much, zero where it is smaller itself."""
    sizes = jnp.abs(values)
    rest = jnp.maximum(sizes - by, 0) / jnp.where(sizes == 0, 1, sizes)
    return values * rest.astype(values.dtype)
