"""The lasso: least squares with a penalty on absolute values."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_positive


class Lasso(AbstractLinearLearner):
    """The W of least 1/(2 n) sum_i |W x_i - y_i|^2 + penalty sum_jk |W_jk|: a mean over examples, half of it.

    By `num_sweeps` sweeps of coordinate descent from zero, in which each input's weights, others held, are put where
    they are best: w <- shrink(x_j^T r / n + s w) / s, s = x_j^T x_j / n, r the labels without what W explains and
    shrink(z) = z max(1 - penalty / |z|, 0) (Tibshirani 1996; Friedman et al., "Regularization paths for generalized
    linear models via coordinate descent", 2010, equation 5, whose convention scikit-learn shares). Complex weights are
    shrunk by their modulus. Sweeps converge linearly, slowly where inputs are nearly dependent, as for n near dx: what
    is left then is the descent's own answer. Costs O(num_sweeps n dx dy).
    """

    penalty: float | Float[Array, ""] = 0.1
    num_sweeps: int = eqx.field(static=True, default=100)

    def __check_init__(self):
        check_positive("penalty", self.penalty)
        check_count("num_sweeps", self.num_sweeps)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "1 dy dx"]:
        prompt = prompt.alike()
        dtype, columns = prompt.xs.dtype, prompt.xs.T
        mean_squares = (jnp.sum(jnp.abs(columns) ** 2, axis=1) / prompt.divisor).astype(dtype)
        penalty = jnp.asarray(self.penalty, prompt.xs.real.dtype)

        def improve(residuals, which):
            column, size, before = which
            pull = jnp.conj(column) @ residuals / prompt.divisor + size * before
            after = jnp.where(size == 0, 0, _shrink(pull, penalty) / jnp.where(size == 0, 1, size))
            return residuals - column[:, None] * (after - before)[None], after

        def sweep(state, _):
            weights, residuals = state
            residuals, weights = lax.scan(improve, residuals, (columns, mean_squares, weights))
            return (weights, residuals), None

        start = jnp.zeros((prompt.dim_x, prompt.dim_y), dtype), prompt.ys
        return lax.scan(sweep, start, length=self.num_sweeps)[0][0].T[None]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """Up to where nearly all weights are zero."""
        penalty = Parameter("penalty", 1e-4, 1.0, inputs=1, labels=1)
        return (Candidate("lasso", "the lasso", cls, (penalty,)),)

    @classmethod
    def examples(cls) -> "tuple[Lasso, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(0.02, num_sweeps=20)


def _shrink(values: Inexact[Array, " dy"], by: Float[Array, ""]) -> Inexact[Array, " dy"]:
    """Each made smaller by so much, zero where it is smaller itself."""
    sizes = jnp.abs(values)
    rest = jnp.maximum(sizes - by, 0) / jnp.where(sizes == 0, 1, sizes)
    return values * rest.astype(values.dtype)
