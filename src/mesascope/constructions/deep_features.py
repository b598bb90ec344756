"""A perceptron and linear self-attention that are gradient descent on deep features."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from mesascope.algorithms.deep_features import OnFeatures
from mesascope.constructions._base import AbstractConstruction
from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.block import Block
from mesascope.models.layer import AbstractLayer
from mesascope.models.mlp import MLP, OnInputs
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.random import seed_key
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_class, check_finite


class ResidualFeatures(eqx.Module):
    """The feature map m(x) = x + layer(x) of a layer that looks at no context."""

    layer: AbstractLayer

    def __call__(self, x: Inexact[Array, " dx"]) -> Inexact[Array, " dx"]:
        return x + self.layer(x[None], x[None])[0]


class DeepFeatureConstruction(AbstractConstruction):
    """A perceptron on x in the first block only, then in every block the weights of proposition 1.

    The perceptron makes (x_j, y_j) into (m(x_j), y_j), m(x) = x + mlp(x), and leaves y alone; each attention layer is
    then a step of gradient descent on 1/(2 n) sum_i |W m(x_i) - y_i|^2 (von Oswald et al. 2023, proposition 2). W_0 is
    zero: the query token holds -W_0 x from the start, and would have to hold -W_0 m(x).
    """

    mlp: MLP
    learning_rate: float | Inexact[Array, ""] | Inexact[Array, " steps"] = 1.0
    num_steps: int = eqx.field(static=True, default=1)
    num_examples: int = eqx.field(static=True, default=10)
    dim_y: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        check_class("mlp", self.mlp, MLP, "Make one: `MLP.initialise(dim_x, dim_hidden, key=key)`.")
        check_finite("learning_rate", self.learning_rate)
        self.descent()  # checks every number

    @property
    def features(self) -> ResidualFeatures:
        """The feature map m."""
        return ResidualFeatures(self.mlp)

    def descent(self) -> GradientDescentConstruction:
        """The construction of proposition 1 for the features."""
        rates = jnp.asarray(self.learning_rate, float)
        rates = jnp.full(self.num_steps, rates) if rates.ndim == 0 else rates
        dim_x = self.mlp.output_bias.shape[0]
        return GradientDescentConstruction(rates, self.num_steps, self.num_examples, dim_x, self.dim_y)

    def build(self) -> Transformer:
        model = self.descent().build()
        first, *later = model.layers
        block = Block((OnInputs(self.mlp, self.descent().dim_x), first))
        return Transformer((block, *later), model.tokens)

    def emulates(self) -> OnFeatures:
        return OnFeatures(self.descent().emulates(), self.features)

    def holds_on(self) -> LinearRegression:
        return self.descent().holds_on()

    def emulated_context(self, prompt: Prompt) -> Inexact[Array, "steps n d"]:
        mapped = prompt.mapped(self.features)
        return self.descent().emulated_context(mapped)

    @classmethod
    def examples(cls) -> "tuple[DeepFeatureConstruction, ...]":
        mlp = MLP.initialise(3, 6, init_scale=1.0, key=seed_key(0))
        return cls(mlp, 0.8, num_examples=4), cls(mlp, 0.5, num_steps=3, num_examples=5, dim_y=2)
