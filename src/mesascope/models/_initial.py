"""How weights are drawn before training."""

import math
import operator
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

Layer = TypeVar("Layer")

TRUNCATED_NORMAL_STD = 0.8796256610342398  # of a standard normal cut off at two standard deviations


def scaled_normal(
    key: Key[Array, ""], shape: tuple[int, ...], *, fan_in: int, init_scale: float
) -> Float[Array, "..."]:
    """Normals of variance init_scale / fan_in, cut off at two standard deviations and rescaled to keep that variance.

    The variance-scaling initialiser of the authors' code (von Oswald et al. 2023, appendix A.12).
    """
    return scaled_normals(key[None], math.prod(shape), fan_ins=(fan_in,), init_scale=init_scale)[0].reshape(shape)


def scaled_normals(
    keys: Key[Array, " draws"], size: int, *, fan_ins: tuple[int, ...], init_scale: float
) -> Float[Array, "draws size"]:
    """The same, as many for each key and fan-in: one generator to compile for all of them, which takes a while."""
    drawn = jax.vmap(lambda key: jax.random.truncated_normal(key, -2.0, 2.0, (size,)))(keys)
    stds = [(init_scale / fan_in) ** 0.5 / TRUNCATED_NORMAL_STD for fan_in in fan_ins]
    return jnp.asarray(stds, drawn.dtype)[:, None] * drawn


def layers_alike(make_layer: Callable[[Key[Array, ""]], Layer], keys: Key[Array, " layers"]) -> tuple[Layer, ...]:
    """A layer for each key, all drawn at once."""
    layers = jax.vmap(make_layer)(keys)
    return tuple(jax.tree.map(operator.itemgetter(i), layers) for i in range(len(keys)))
