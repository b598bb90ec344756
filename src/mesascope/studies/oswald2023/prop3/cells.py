"""Copying layers of explicit weights against the tokens they should make."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mesascope.constructions.copying import CopyingConstruction, linear_copying, softmax_copying, uncleared
from mesascope.models.attention import AbstractAttention
from mesascope.studies._shared.measure import jit_once
from mesascope.study.base import Arrays

LOGIT_SCALES = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0)


class Shape(NamedTuple):
    """Sizes of one comparison; every seed draws its own prompts."""

    dim_x: int
    dim_y: int
    num_examples: int
    num_steps: int
    num_prompts: int
    seeds: int
    with_softmax: bool


def compare(shape: Shape) -> Arrays:
    """Largest absolute errors by seed, in the precision JAX is set to; those of a softmax [seeds, scales]."""
    construction = CopyingConstruction(1.0, shape.num_steps, shape.num_examples, shape.dim_x, shape.dim_y)
    tokens = construction.tokens()
    sizes = tokens.tokens.dim_token, tokens.positions.dim

    def of_seed(key: Key[Array, ""]) -> dict[str, Array]:
        prompts = construction.holds_on().sample_batch(key, shape.num_prompts)
        streams, _ = jax.vmap(tokens.embed)(prompts)
        contents = streams[:, :, : sizes[0]]
        following = jnp.pad(contents[:, 1:], ((0, 0), (0, 0), (0, sizes[1] - sizes[0])))
        pairs = jnp.concatenate([contents[:, :-1], following], axis=-1)

        def copied(layer: AbstractAttention) -> Array:
            return jnp.abs((streams + jax.vmap(layer)(streams, streams))[:, :-1] - pairs).max()

        model = construction.build()
        expected = jax.vmap(construction.emulates())(prompts)
        contexts, queries = jax.vmap(model.token_trajectory)(prompts)
        errors = {
            "linear": copied(linear_copying(*sizes)),
            "cleared": jnp.abs(contexts - jax.vmap(construction.emulated_context)(prompts)).max(),
            "descent": jnp.abs(jax.vmap(tokens.read)(queries[:, -1]) - expected).max(),
        }
        if not shape.with_softmax:
            return errors
        junk = jnp.abs(jax.vmap(uncleared(model))(prompts) - expected).max()
        curve = jax.lax.map(lambda scale: copied(softmax_copying(*sizes, scale)), jnp.array(LOGIT_SCALES))
        return {**errors, "junk": junk, "softmax": curve}

    keys = jax.random.split(jax.random.key(0), shape.seeds)
    return jax.tree.map(np.asarray, jit_once(lambda keys: jax.lax.map(of_seed, keys))(keys))
