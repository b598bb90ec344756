"""Layer normalisation before a layer."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact

from mesascope.models.attention import LinearSelfAttention, SoftmaxSelfAttention
from mesascope.models.layer import AbstractLayer
from mesascope.models.mlp import MLP
from mesascope.validation import check_class, check_positive


class Normalised(AbstractLayer):
    """`layer` of normalised tokens, scale (e - mean(e)) / sqrt(var(e) + epsilon) + offset, context and queries alike.

    Mean and variance are over the entries of one token, x and y together, and the variance divides by their number.
    The residual stream itself stays as it is ("pre-norm"), as in the authors' code (von Oswald et al. 2023, appendix
    A.12 and figure 14).
    """

    layer: AbstractLayer
    scale: Inexact[Array, " d"]
    offset: Inexact[Array, " d"]
    epsilon: float = eqx.field(static=True, default=1e-5)

    def __check_init__(self):
        check_class("layer", self.layer, AbstractLayer, "Make one: `LinearSelfAttention.initialise(...)`.")
        check_positive("epsilon", self.epsilon)

    @classmethod
    def before(cls, layer: AbstractLayer, dim_token: int) -> "Normalised":
        """`layer` with scale 1 and offset 0, from which training starts."""
        return cls(layer, jnp.ones(dim_token), jnp.zeros(dim_token))

    def __call__(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None = None
    ) -> Inexact[Array, "m d"]:
        return self.layer.update(self.normalise(context), self.normalise(tokens), seen)

    def normalise(self, tokens: Inexact[Array, "m d"]) -> Inexact[Array, "m d"]:
        """The normalised tokens."""
        centred = tokens - jnp.mean(tokens, axis=1, keepdims=True)
        variance = jnp.mean(centred**2, axis=1, keepdims=True)
        return self.scale[None] * centred / jnp.sqrt(variance + self.epsilon) + self.offset[None]

    @classmethod
    def examples(cls) -> "tuple[Normalised, ...]":
        layers = (LinearSelfAttention.examples()[0], SoftmaxSelfAttention.examples()[1], MLP.examples()[0])
        plain = tuple(cls.before(layer, 5) for layer in layers)
        return *plain, cls(layers[0], jnp.linspace(0.5, 2.0, 5), jnp.linspace(-1.0, 1.0, 5), 0.1)
