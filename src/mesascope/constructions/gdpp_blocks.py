"""A trained stack without the weights that no construction of GD++ has."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.transformer import Transformer


def only_gdpp_blocks(model: Transformer, dim_x: int) -> Transformer:
    """The same stack of linear attention with every weight set to zero that no step of GD++ has.

    What stays: of W_KQ the block from x to x, of P W_V those from x to x and from y to y (von Oswald et al. 2023,
    appendix A.10). Raises TypeError unless every layer is linear attention.
    """
    linear = [layer for layer in model.layers if isinstance(layer, LinearSelfAttention)]
    if len(linear) < len(model.layers):
        raise TypeError("`only_gdpp_blocks` needs linear attention in every layer: others are more than two products.")
    return eqx.tree_at(lambda each: each.layers, model, tuple(_restricted(layer, dim_x) for layer in linear))


def _restricted(layer: LinearSelfAttention, dim_x: int) -> LinearSelfAttention:
    key_query, output_value = layer.key_query, layer.output_value
    is_x = np.arange(key_query.shape[-1]) < dim_x
    key_query = jnp.where(np.logical_and.outer(is_x, is_x), key_query, 0.0)
    output_value = jnp.where(np.equal.outer(is_x, is_x), output_value, 0.0)
    identity = jnp.broadcast_to(jnp.eye(is_x.size, dtype=key_query.dtype), key_query.shape)
    return LinearSelfAttention(identity, key_query, output_value, identity)
