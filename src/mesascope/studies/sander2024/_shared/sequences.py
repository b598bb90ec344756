"""Sequences that losses are measured on, and losses along them."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.prompt import Sequence
from mesascope.random import data_key
from mesascope.random import VALIDATION_SEED
from mesascope.tasks._process import AbstractLinearProcess


def validation_sequences(process: AbstractLinearProcess, size: int, tuning: bool = False) -> Sequence:
    """The sequences that losses are measured on, or others to tune rivals on."""
    key = jax.random.key(VALIDATION_SEED - tuning)
    return eqx.filter_jit(lambda key: process.sample_batch(data_key(key), size))(key)


def losses_along(predictions: Float[Array, "k t d"], sequence: Sequence) -> Float[Array, "k u"]:
    """|error|^2 after every step and state but the last, relative to |s|^2."""
    target = sequence.states[1:]
    return jnp.sum((predictions[:, :-1] - target[None]) ** 2, axis=-1) / jnp.sum(target**2, axis=-1)[None]
