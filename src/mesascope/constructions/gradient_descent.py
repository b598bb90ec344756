"""Linear self-attention that is gradient descent."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.constructions._base import AbstractConstruction
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_shape


class GradientDescentConstruction(AbstractConstruction):
    """W_K = W_Q = [[I, 0], [0, 0]], W_V = [[0, 0], [W_0, -I]], P = (learning_rate / num_examples) I.

    One layer makes one gradient step on every token: (x_j, y_j) <- (x_j, y_j - dW x_j), the query included, since
    sum_i (0, W_0 x_i - y_i) x_i^T x_j (rate / n) = (0, -dW x_j); and the value W_0 x_i - y_i of an updated
    token is again the residual, so that the same layer repeated takes the next step (von Oswald et al. 2023,
    proposition 1). One learning rate for all steps repeats one layer; one for each step stacks as many.
    """

    learning_rate: float | Inexact[Array, ""] | Inexact[Array, " steps"] = 1.0
    num_steps: int = eqx.field(static=True, default=1)
    num_examples: int = eqx.field(static=True, default=10)
    dim_x: int = eqx.field(static=True, default=10)
    dim_y: int = eqx.field(static=True, default=1)
    initial_weights: Inexact[Array, "dy dx"] | None = None

    def __check_init__(self):
        check_count("num_examples", self.num_examples)
        check_count("dim_x", self.dim_x)
        check_count("dim_y", self.dim_y)
        self.emulates()  # checks the rates and their number
        if eqx.is_array(self.initial_weights):
            check_shape("initial_weights", self.initial_weights, (self.dim_y, self.dim_x))

    def build(self) -> Transformer:
        rates = jnp.atleast_1d(jnp.asarray(self.learning_rate, float))
        tokens = JoinedTokens(self.dim_x, self.dim_y, self.initial_weights)
        layers = tuple(self._layer(rate) for rate in rates)
        return Transformer(layers, tokens, num_repeats=self.num_steps // len(layers))

    def emulates(self) -> GradientDescent:
        return GradientDescent(self.learning_rate, self.num_steps, self.initial_weights)

    def holds_on(self) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, self.dim_y)

    def emulated_context(self, prompt: Prompt) -> Inexact[Array, "steps n d"]:
        gradient_descent = self.emulates()
        start = jnp.zeros((self.dim_y, self.dim_x)) if self.initial_weights is None else self.initial_weights

        def after_step(weights):
            return jnp.concatenate([prompt.xs, prompt.ys - prompt.xs @ (weights - start).T], axis=-1)

        return jax.vmap(after_step)(gradient_descent.weight_trajectory(prompt))

    def _layer(self, rate: Inexact[Array, ""]) -> LinearSelfAttention:
        dim_x, dim_token = self.dim_x, self.dim_x + self.dim_y
        select_x = jnp.diag((jnp.arange(dim_token) < dim_x).astype(rate.dtype))
        value = select_x - jnp.eye(dim_token, dtype=rate.dtype)
        if self.initial_weights is not None:
            value = value.at[dim_x:, :dim_x].set(self.initial_weights)
        output = rate / self.num_examples * jnp.eye(dim_token, dtype=rate.dtype)
        return LinearSelfAttention(select_x[None], select_x[None], value[None], output[None])

    @classmethod
    def examples(cls) -> "tuple[GradientDescentConstruction, ...]":
        start = jnp.array([[0.5, -1.0], [0.25, 2.0], [-1.5, 0.75]])
        return (
            cls(0.8, num_examples=4, dim_x=3),
            cls(0.7, num_steps=4, num_examples=3, dim_x=2, dim_y=3, initial_weights=start),
            cls(jnp.array([0.5, 1.0, 0.2]), num_steps=3, num_examples=5, dim_x=2),
        )
