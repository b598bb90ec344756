"""Perceptrons that update each token by itself, and layers that see and change the inputs only."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact, Key

from mesascope.models._initial import scaled_normal
from mesascope.models.layer import AbstractLayer
from mesascope.random import seed_key
from mesascope.validation import check_class, check_count, check_key, check_non_negative


class MLP(AbstractLayer):
    """The update W_2 gelu(W_1 e + b_1) + b_2 of each token e; the context is not looked at.

    gelu is the tanh approximation, as in the authors' code (von Oswald et al. 2023, section 4 and appendix A.12).
    """

    hidden_weights: Inexact[Array, "k d"]
    hidden_bias: Inexact[Array, " k"]
    output_weights: Inexact[Array, "d k"]
    output_bias: Inexact[Array, " d"]

    @classmethod
    def initialise(cls, dim_token: int, dim_hidden: int, *, init_scale: float = 0.002, key: Key[Array, ""]) -> "MLP":
        """Weights of variance init_scale / fan_in, as the authors' code draws them; biases zero."""
        check_count("dim_token", dim_token)
        check_count("dim_hidden", dim_hidden)
        check_non_negative("init_scale", init_scale)
        check_key("key", key)
        hidden_key, output_key = jax.random.split(key)
        return cls(
            scaled_normal(hidden_key, (dim_hidden, dim_token), fan_in=dim_token, init_scale=init_scale),
            jnp.zeros(dim_hidden),
            scaled_normal(output_key, (dim_token, dim_hidden), fan_in=dim_hidden, init_scale=init_scale),
            jnp.zeros(dim_token),
        )

    def __call__(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None = None
    ) -> Inexact[Array, "m d"]:
        hidden = jax.nn.gelu(tokens @ self.hidden_weights.T + self.hidden_bias[None])
        return hidden @ self.output_weights.T + self.output_bias[None]

    @classmethod
    def examples(cls) -> "tuple[MLP, ...]":
        return (
            cls.initialise(5, 7, init_scale=1.0, key=seed_key(0)),
            cls(jnp.eye(5), jnp.linspace(-1.0, 1.0, 5), -jnp.eye(5), jnp.ones(5)),
        )


class OnInputs(AbstractLayer):
    """`layer` on the first `dim_x` entries of every token: it reads only them and updates only them.

    What proposition 2 of von Oswald et al. 2023 asks of its perceptron: e = (x, y) becomes (m(x), y).
    """

    layer: AbstractLayer
    dim_x: int = eqx.field(static=True)

    def __check_init__(self):
        check_class("layer", self.layer, AbstractLayer, "Make one: `MLP.initialise(...)`.")
        check_count("dim_x", self.dim_x)

    def __call__(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None = None
    ) -> Inexact[Array, "m d"]:
        update = self.layer.update(context[:, : self.dim_x], tokens[:, : self.dim_x], seen)
        return jnp.pad(update, ((0, 0), (0, tokens.shape[1] - self.dim_x)))

    @classmethod
    def examples(cls) -> "tuple[OnInputs, ...]":
        return (cls(MLP.initialise(3, 4, init_scale=1.0, key=seed_key(1)), 3),)
