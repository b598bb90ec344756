"""Models halfway between two stacks, with more than the scale of each layer matched first."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt

Products = tuple[Float[Array, "h d d"], Float[Array, "h d d"]]


def interpolate_frames(first: Transformer, second: Transformer, prompts: Prompt) -> Transformer:
    """The model halfway between two untied stacks, each layer seen in the units of the x it receives.

    GD++ shrinks x from layer to layer: weights of two stacks that shrink it differently cannot be averaged as they are.
    So layer l is written for tokens (x / r_l, y), with r_l the root mean square of its context's x over `prompts`,
    relative to the first layer's; its scale gauge is fixed by the mean of W_KQ's x-diagonal; the layers of both models
    are averaged; and the halfway model's own r_l, found layer by layer, leads back. No symmetry of the Transformer,
    since the residual stream ties the units of all layers: a way to average, judged by its result.
    """
    normalised = [_normalised(model, prompts) for model in (first, second)]
    halfway = jax.tree.map(lambda a, b: (a + b) / 2, *normalised)
    layers: tuple[LinearSelfAttention, ...] = ()
    for products in halfway:
        layers = (*layers, _layer(products))
        frame = _frames(eqx.tree_at(lambda m: m.layers, first, layers), prompts)[-1]
        layers = (*layers[:-1], _layer(_in_frame(products, 1 / frame)))
    return eqx.tree_at(lambda m: m.layers, first, layers)


def _normalised(model: Transformer, prompts: Prompt) -> list[Products]:
    """Each layer's products in its own frame, the mean of W_KQ's x-diagonal one."""
    dim_x = prompts.xs.shape[-1]
    found = []
    for *products, frame in zip(*model.products(), _frames(model, prompts), strict=True):
        key_query, output_value = _in_frame((products[0], products[1]), frame)
        scale = jnp.mean(jnp.diagonal(key_query, axis1=1, axis2=2)[:, :dim_x], axis=1)[:, None, None]
        found.append((key_query / scale, output_value * scale))
    return found


def _in_frame(products: Products, frame: Float[Array, " d"]) -> Products:
    """The same layer for tokens divided by `frame`, entry by entry."""
    key_query, output_value = products
    return key_query * frame[None, :, None] * frame[None, None, :], output_value * frame[None, None, :] / frame[
        None, :, None
    ]


def _frames(model: Transformer, prompts: Prompt) -> list[Float[Array, " d"]]:
    """(r_l, ..., r_l, 1) for the tokens that each layer receives."""
    start, _ = jax.vmap(model.tokens.embed)(prompts)
    contexts, _ = jax.vmap(model.token_trajectory)(prompts)
    dim_x = prompts.xs.shape[-1]
    is_x = jnp.arange(start.shape[-1]) < dim_x
    sizes = [_size(start, dim_x), *(_size(contexts[:, k], dim_x) for k in range(contexts.shape[1] - 1))]
    return [jnp.where(is_x, size / sizes[0], 1.0) for size in sizes]


def _size(context: Float[Array, "prompts n d"], dim_x: int) -> Float[Array, ""]:
    return jnp.sqrt(jnp.mean(context[..., :dim_x] ** 2))


def _layer(products: Products) -> LinearSelfAttention:
    key_query, output_value = products
    identity = jnp.broadcast_to(jnp.eye(key_query.shape[-1], dtype=key_query.dtype), key_query.shape)
    return LinearSelfAttention(identity, key_query, output_value, identity)
