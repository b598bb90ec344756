"""Linear self-attention that is GD++."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.algorithms.gdpp import GDPlusPlus, Rate
from mesascope.constructions._base import AbstractConstruction
from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_shape


class GDPlusPlusConstruction(AbstractConstruction):
    """W_K = W_Q = [[I, 0], [0, 0]], W_V = [[I, 0], [W_0, -I]], P = diag(-curvature I, (learning_rate / n) I).

    One layer makes one step of GD++ on every token, (x_j, y_j) <- (x_j - curvature S x_j, y_j - dW x_j), the query
    included, with S = sum_i x_i x_i^T and dW of the tokens before it (von Oswald et al. 2023, appendix A.10). One
    learning rate and one curvature for all steps repeat one layer; one for each step of either stacks as many.
    """

    learning_rate: Rate = 1.0
    curvature: Rate = 0.0
    num_steps: int = eqx.field(static=True, default=1)
    num_examples: int = eqx.field(static=True, default=10)
    dim_x: int = eqx.field(static=True, default=10)
    dim_y: int = eqx.field(static=True, default=1)
    initial_weights: Inexact[Array, "dy dx"] | None = None

    def __check_init__(self):
        for name in ("num_examples", "dim_x", "dim_y"):
            check_count(name, getattr(self, name))
        self.emulates()  # checks the rates and their number
        if eqx.is_array(self.initial_weights):
            check_shape("initial_weights", self.initial_weights, (self.dim_y, self.dim_x))

    def build(self) -> Transformer:
        rates = [jnp.atleast_1d(jnp.asarray(rate, float)) for rate in (self.learning_rate, self.curvature)]
        tokens = JoinedTokens(self.dim_x, self.dim_y, self.initial_weights)
        layers = tuple(self._layer(*both) for both in zip(*jnp.broadcast_arrays(*rates), strict=True))
        return Transformer(layers, tokens, num_repeats=self.num_steps // len(layers))

    def emulates(self) -> GDPlusPlus:
        return GDPlusPlus(self.learning_rate, self.curvature, self.num_steps, self.initial_weights)

    def holds_on(self) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, self.dim_y)

    def emulated_context(self, prompt: Prompt) -> Inexact[Array, "steps n d"]:
        """The update of the tokens as the algorithm states it, example by example."""
        start = jnp.zeros((self.dim_y, self.dim_x)) if self.initial_weights is None else self.initial_weights

        def step(data, rates):
            xs, ys = data
            learning_rate, curvature = rates
            change = learning_rate / self.num_examples * (ys - xs @ start.T).T @ xs
            data = xs - curvature * xs @ (xs.T @ xs), ys - xs @ change.T
            return data, jnp.concatenate(data, axis=-1)

        rates = [
            jnp.broadcast_to(jnp.asarray(rate, float), (self.num_steps,))
            for rate in (self.learning_rate, self.curvature)
        ]
        return jax.lax.scan(step, (prompt.xs, prompt.ys), tuple(rates))[1]

    def _layer(self, learning_rate: Inexact[Array, ""], curvature: Inexact[Array, ""]) -> LinearSelfAttention:
        dim_x, dim_token = self.dim_x, self.dim_x + self.dim_y
        is_x = jnp.arange(dim_token) < dim_x
        value = jnp.diag(jnp.where(is_x, 1.0, -1.0))
        if self.initial_weights is not None:
            value = value.at[dim_x:, :dim_x].set(self.initial_weights)
        output = jnp.diag(jnp.where(is_x, -curvature, learning_rate / self.num_examples))
        select_x = jnp.diag(is_x.astype(output.dtype))
        return LinearSelfAttention(select_x[None], select_x[None], value[None], output[None])

    @classmethod
    def examples(cls) -> "tuple[GDPlusPlusConstruction, ...]":
        start = jnp.array([[0.5, -1.0], [0.25, 2.0], [-1.5, 0.75]])
        return (
            cls(0.8, 0.3, num_examples=4, dim_x=3),
            cls(0.7, 0.2, num_steps=4, num_examples=3, dim_x=2, dim_y=3, initial_weights=start),
            cls(jnp.array([0.5, 1.0, 0.2]), 0.1, num_steps=3, num_examples=5, dim_x=2),
            cls(0.5, jnp.array([0.3, -0.2]), num_steps=2, num_examples=5, dim_x=2),
        )
