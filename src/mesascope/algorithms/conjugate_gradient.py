"""Conjugate gradients on the squared error of a prompt's examples."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.contraction import matvec
from mesascope.linalg import order_of
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_count


class ConjugateGradient(AbstractLinearLearner):
    """After k steps the w of least sum_i (w x_i - y_i)^2 in the span of b, S b, ..., S^{k-1} b, one output at a time.

    S = X^T X and b = X^T y, as sums or as means alike. Exact, of least norm, after as many steps as X has rank, and
    kept from then on (Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems", 1952, section
    10: on the examples themselves, S is never formed). The steps' sizes depend on y: it is not linear in the labels.
    Complex examples take X^* for X^T. A gradient that is no larger than its own rounding, ten epsilon of |X| |w X - y|,
    counts as zero. In single precision errors are up to epsilon times the square of the condition of X. Costs O(n dx
    dy) a step.
    """

    num_steps: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_count("num_steps", self.num_steps)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        prompt = prompt.alike()
        of_inputs, of_labels = (order_of(each).astype(each.dtype) for each in (prompt.xs, prompt.ys))
        xs, ys = prompt.xs / of_inputs, prompt.ys / of_labels
        found = jax.vmap(lambda labels: self._descend(xs, labels), in_axes=1, out_axes=1)(ys)
        return found / of_inputs * of_labels

    def _descend(self, xs: Inexact[Array, "n dx"], labels: Inexact[Array, " n"]) -> Inexact[Array, "steps dx"]:
        rounding = (10 * float(jnp.finfo(xs.dtype).eps)) ** 2 * _square(xs)
        adjoint = jnp.conj(xs).T

        def step(state, _):
            weights, residual, gradient, direction = state
            image, steepness = matvec(xs, direction), _square(gradient)
            goes_on = (steepness > rounding * _square(residual)) & (_square(image) > 0)
            rate = jnp.where(goes_on, steepness / jnp.where(goes_on, _square(image), 1), 0).astype(xs.dtype)
            weights, residual = weights + rate * direction, residual - rate * image
            gradient = matvec(adjoint, residual)
            turn = jnp.where(goes_on, _square(gradient) / jnp.where(goes_on, steepness, 1), 0).astype(xs.dtype)
            return (weights, residual, gradient, gradient + turn * direction), weights

        gradient = matvec(adjoint, labels)
        return lax.scan(step, (jnp.zeros_like(gradient), labels, gradient, gradient), length=self.num_steps)[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """It has nothing to fit but the number of steps."""
        says = "{num_steps} step(s) of conjugate gradients"
        return (Candidate("conjugate-gradient", says, cls, (), tuple(range(1, 11))),)

    @classmethod
    def examples(cls) -> "tuple[ConjugateGradient, ...]":
        """Tiny instances for tests and documentation."""
        return cls(), cls(2), cls(7)


def _square(array: Inexact[Array, "..."]) -> Float[Array, ""]:
    """The sum of squares of all entries."""
    return jnp.sum(array.real**2 + array.imag**2 if jnp.iscomplexobj(array) else array**2)
