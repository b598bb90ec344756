"""Several layers as one."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.layer import AbstractLayer, check_layers
from mesascope.models.mlp import MLP
from mesascope.random import seed_key


class Block(AbstractLayer):
    """Layers applied one after the other, e <- e + layer(e), counted as one: the update is the sum of theirs.

    A later layer sees the context as the earlier ones left it. Dampening and cutting off are the Transformer's: they
    act on the block's whole update, not inside.
    """

    layers: tuple[AbstractLayer, ...]

    def __check_init__(self):
        check_layers(self.layers)

    def __call__(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None = None
    ) -> Inexact[Array, "m d"]:
        total = jnp.zeros_like(tokens)
        for layer in self.layers:
            update = layer.update(context, tokens, seen)
            context, tokens, total = context + layer.update(context, context, seen), tokens + update, total + update
        return total

    @classmethod
    def examples(cls) -> "tuple[Block, ...]":
        mlp = MLP.examples()[0]
        attention = LinearSelfAttention.initialise(5, init_scale=1.0, key=seed_key(2))
        return cls((mlp, attention)), cls((attention, mlp, attention))
