"""GD++: gradient descent that transforms its data as it goes."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact

from mesascope.algorithms._start import check_start, start_for
from mesascope.candidate import AnyCandidate, Candidate, Parameter
from mesascope.contraction import matmul
from mesascope.predictor import AbstractLinearLearner
from mesascope.prompt import Prompt
from mesascope.validation import check_count, check_finite

Rate = float | Inexact[Array, ""] | Inexact[Array, " steps"]


class GDPlusPlus(AbstractLinearLearner):
    """num_steps steps (x, y) <- ((I - curvature S) x, y - dW x) of every example; the query takes part.

    S = sum_i x_i x_i^T, not divided by n, and dW = -(learning_rate / n) sum_i (W_0 x_i - y_i) x_i^T are those of the
    data before the step; the prediction is W_0 x plus the dW x of all steps (von Oswald et al. 2023, section 2 and
    appendix A.10). Every transformation is linear, so that after k steps the prediction is W_k x with

        W_k = W_0 + sum_{j<k} dW_j A_j,  A_j = prod_{i<j} (I - curvature_i S_i),  S_{i+1} = A_{i+1} S A_{i+1},

    which for y = W x and W_0 = 0 is W times a polynomial of degree (3^k - 1) / 2 in S. Each rate is one number for all
    steps, or one for each; the last step's curvature changes nothing. Curvature zero is gradient descent where W_0 = 0.
    `initial_weights` None means zero. For complex examples x_i^* stands in place of x_i^T. Nothing keeps large rates
    from diverging.
    """

    learning_rate: Rate = 1.0
    curvature: Rate = 0.0
    num_steps: int = eqx.field(static=True, default=1)
    initial_weights: Inexact[Array, "dy dx"] | None = None

    def __check_init__(self):
        check_count("num_steps", self.num_steps)
        for name in ("learning_rate", "curvature"):
            rate = getattr(self, name)
            check_finite(name, rate)
            if jnp.iscomplexobj(rate):
                raise ValueError(f"`{name}` must be real, whatever the examples are; got {rate!r}.")
            if jnp.shape(rate) not in {(), (self.num_steps,)}:
                raise ValueError(
                    f"`{name}` must be one number or {self.num_steps} of them, one a step; got shape {jnp.shape(rate)}."
                )
        check_start(self.initial_weights)

    def weight_trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy dx"]:
        prompt = prompt.alike()
        return self._answers(prompt, jnp.eye(prompt.dim_x, dtype=prompt.xs.dtype))

    def trajectory(self, prompt: Prompt) -> Inexact[Array, "steps dy"]:
        prompt = prompt.alike()
        return self._answers(prompt, prompt.query[:, None])[:, :, 0]

    def _answers(self, prompt: Prompt, queries: Inexact[Array, "dx m"]) -> Inexact[Array, "steps dy m"]:
        """The prediction for each query after each step, on moments: the number of examples is paid for once.

        Plain products: in a chain of them the unrolled ones of `contraction` are repeated in their consumers.
        """
        dtype = prompt.xs.dtype
        rates = [
            jnp.broadcast_to(jnp.asarray(rate, dtype), (self.num_steps,))
            for rate in (self.learning_rate, self.curvature)
        ]
        start = start_for(self.initial_weights, prompt)

        def step(state, rates_now):
            learning_rate, curvature = rates_now
            second, cross, queries, answers = state  # sum x x^*, sum y x^*, A_k x and what W_k answers
            change = learning_rate / prompt.divisor * (cross - start @ second)
            answers = answers + change @ queries
            shrunk, residual = second - curvature * second @ second, cross - change @ second
            second_next = shrunk - curvature * shrunk @ second
            cross_next = residual - curvature * residual @ second
            return (second_next, cross_next, queries - curvature * second @ queries, answers), answers

        xs_conjugate = jnp.conj(prompt.xs)
        moments = matmul(prompt.xs.T, xs_conjugate), matmul(prompt.ys.T, xs_conjugate)
        return lax.scan(step, (*moments, queries, start @ queries), tuple(rates))[1]

    @classmethod
    def candidates(cls) -> tuple[AnyCandidate, ...]:
        """From two steps on: the first is gradient descent's, whatever the curvature."""
        rate = Parameter("learning_rate", 1e-3, 30.0, inputs=-2)
        curvature = Parameter("curvature", 1e-3, 2.0, inputs=-2, num_examples=-1)
        return (Candidate("gd-plus-plus", "{num_steps} steps of GD++", cls, (rate, curvature), tuple(range(2, 6))),)

    @classmethod
    def examples(cls) -> "tuple[GDPlusPlus, ...]":
        """Tiny instances for tests and documentation."""
        rates = jnp.array([0.1, 0.2, 0.3])
        return cls(0.5, 0.1), cls(0.5, 0.05, num_steps=4), cls(rates, rates[::-1] / 5, num_steps=3)
