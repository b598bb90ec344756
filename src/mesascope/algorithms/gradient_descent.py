"""Gradient descent on the squared error of a prompt's examples."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact

from mesascope.algorithms._start import check_start, start_for
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matmul
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_finite


class GradientDescent(AbstractLinearLearner):
    """num_steps steps W <- W - (learning_rate / n) sum_i (W x_i - y_i) x_i^T from W = initial_weights.

    Descends L(W) = 1/(2 n) sum_i |W x_i - y_i|^2 (von Oswald et al. 2023, section 2). `learning_rate` is one
    number for all steps, or one for each; `initial_weights` None means zero. For complex examples the gradient
    takes x_i^* in place of x_i^T. No step size is refused: too large a one diverges, as it should. With an `intercept`
    L(W, b) = 1/(2 n) sum_i |W x_i + b - y_i|^2 is descended in both, b from zero.
    """

    learning_rate: float | Inexact[Array, ""] | Inexact[Array, " steps"] = 1.0
    num_steps: int = eqx.field(static=True, default=1)
    initial_weights: Inexact[Array, "dy dx"] | None = None
    intercept: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_count("num_steps", self.num_steps)
        check_finite("learning_rate", self.learning_rate)
        if jnp.shape(self.learning_rate) not in {(), (self.num_steps,)}:
            raise ValueError(
                f"`learning_rate` must be one number or {self.num_steps} of them, one a step; "
                f"got shape {jnp.shape(self.learning_rate)}."
            )
        check_start(self.initial_weights)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        return self._descend(prompt)[:, :, : prompt.dim_x]

    def intercept_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"] | None:
        return self._descend(prompt)[:, :, -1] if self.intercept else None

    def _descend(self, prompt: Prompt) -> Inexact[Array, "steps dy inputs"]:
        """The weights after each step, those of a constant input last where there is an intercept."""
        prompt = prompt.alike()
        start = start_for(self.initial_weights, prompt)
        if self.intercept:
            start, prompt = jnp.pad(start, ((0, 0), (0, 1))), prompt.mapped(_with_one)
        rates = jnp.broadcast_to(jnp.asarray(self.learning_rate, prompt.xs.dtype), (self.num_steps,))
        xs_conjugate = jnp.conj(prompt.xs)

        def step(weights, rate):
            residuals = matmul(prompt.xs, weights.T) - prompt.ys
            weights = weights - rate / prompt.divisor * matmul(residuals.T, xs_conjugate)
            return weights, weights

        return lax.scan(step, start, rates)[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """One rate for up to ten steps; a rate for each of two steps, and of three, whose order does not matter."""
        rate = Parameter("learning_rate", 1e-3, 10.0, inputs=-2)
        tied = Candidate(
            "gradient-descent", "{num_steps} step(s) of gradient descent", cls, (rate,), tuple(range(1, 11))
        )
        rates = tuple(rate._replace(name=name, high=30.0) for name in ("first_rate", "second_rate", "third_rate"))
        says = "steps of gradient descent, each at its own rate"
        two, three = (
            Candidate(f"gradient-descent-{num}-rates", f"{word} {says}", _of_rates, rates[:num], exchangeable=True)
            for num, word in ((2, "two"), (3, "three"))
        )
        return tied, two, three

    @classmethod
    def examples(cls) -> "tuple[GradientDescent, ...]":
        """Tiny instances for tests and documentation."""
        start = jnp.array([[0.5, -1.0, 0.3], [1.0, 0.2, -0.4]])
        return (
            cls(0.5),
            cls(0.5, num_steps=4),
            cls(jnp.array([0.1, 0.2, 0.3]), num_steps=3),
            cls(0.3, num_steps=2, initial_weights=start, intercept=True),
        )


def _of_rates(
    first_rate: float | Float[Array, ""],
    second_rate: float | Float[Array, ""],
    third_rate: float | Float[Array, ""] | None = None,
) -> GradientDescent:
    """A step for each of the rates."""
    rates = [jnp.asarray(rate) for rate in (first_rate, second_rate, third_rate) if rate is not None]
    return GradientDescent(jnp.stack(rates), len(rates))


def _with_one(x: Inexact[Array, " dx"]) -> Inexact[Array, " inputs"]:
    """(x, 1)."""
    return jnp.append(x, jnp.ones((), x.dtype))
