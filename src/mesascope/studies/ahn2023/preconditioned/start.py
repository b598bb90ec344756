"""Where the training of a layer starts that is to make a step on the labels."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer


def corner_head(dim_x: int, corner: float, std: float, *, key: Key[Array, ""]) -> LinearSelfAttention:
    """Values and outputs that pass labels on, `corner` times each, and normal keys and queries that see inputs alone.

    All entries are trained; those at zero may leave it.
    """
    on_x = (jnp.arange(dim_x + 1) < dim_x).astype(float)
    drawn = std * jax.random.normal(key, (2, 1, dim_x + 1, dim_x + 1)) * on_x[None, None, None]
    passes = corner * jnp.diag(1 - on_x)[None]
    return LinearSelfAttention(drawn[0], drawn[1], passes, passes)


def corner_layer(dim_x: int, corner: float, std: float, *, key: Key[Array, ""]) -> Transformer:
    """The model of one layer that is a `corner_head`."""
    return Transformer((corner_head(dim_x, corner, std, key=key),), JoinedTokens(dim_x))
