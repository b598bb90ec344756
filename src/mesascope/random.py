"""Keys, and the fast counter-based generator that training data is drawn with.

JAX's default generator (threefry) costs several times the gradient of a small model on a CPU. `FAST` is a drop-in
replacement, registered with JAX's own extension point: every `jax.random` function accepts its keys. It hashes
(key, counter) with two rounds of a 32-bit avalanche function, about a third of threefry's work in a form that XLA
fuses into its consumers. Its quality is measured in the tests; it is not meant for cryptography, and model
initialisation and evaluation keep the default generator.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import random as extension
from jaxtyping import Array, Key, UInt32

# Separate the streams that one key gives rise to: its bits (twice, for 64-bit words), its children, its folds.
_BITS, _HIGH_BITS, _SPLIT, _FOLD, _SEED = (
    (np.uint32(0x00000000), np.uint32(0x9E3779B9)),
    (np.uint32(0x3C6EF372), np.uint32(0xDAA66D2B)),
    (np.uint32(0x78DDE6E4), np.uint32(0x1715609D)),
    (np.uint32(0xB54CDA56), np.uint32(0x5384540F)),
    (np.uint32(0xF1BBCDC8), np.uint32(0x8FF34781)),
)


def _avalanche(word: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    """A bijection of 32-bit words in which every input bit flips every output bit half the time.

    Two multiply-xorshift rounds with the constants (16, 0x21f0aaad, 15, 0xd35a2d97, 15), found by search and
    published in the `hash-prospector` project (public domain), bias 0.107.
    """
    word = (word ^ (word >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    word = (word ^ (word >> np.uint32(15))) * np.uint32(0xD35A2D97)
    return word ^ (word >> np.uint32(15))


def _hash(key: UInt32[Array, "2"], counter, stream) -> UInt32[Array, "..."]:
    """avalanche(avalanche(counter + k_0) xor k_1), with the key's two words displaced by the stream's constants."""
    return _avalanche(_avalanche(counter + (key[0] ^ stream[0])) ^ (key[1] + stream[1]))


def _pair(key: UInt32[Array, "2"], counter, stream) -> UInt32[Array, "... 2"]:
    """A child key for each counter."""
    swapped = (stream[1], stream[0])
    return jnp.stack([_hash(key, counter, stream), _hash(key, counter, swapped)], axis=-1)


def _counters(shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    size = math.prod(shape)
    if size >= 2**32:
        raise ValueError(f"one key gives at most 2**32 - 1 numbers; got shape {shape}. Split the key.")
    return lax.iota(jnp.uint32, size).reshape(shape)


def _seed(seed: Array) -> UInt32[Array, "2"]:
    bits = lax.bitcast_convert_type(seed, f"uint{seed.dtype.itemsize * 8}")
    low = bits.astype(jnp.uint32)
    high = (bits >> 32).astype(jnp.uint32) if seed.dtype.itemsize == 8 else jnp.zeros_like(low)
    return _pair(jnp.stack([low, high]), jnp.zeros_like(low), _SEED)


def _split(key: UInt32[Array, "2"], shape: tuple[int, ...]) -> UInt32[Array, "... 2"]:
    return _pair(key, _counters(shape), _SPLIT)


def _fold_in(key: UInt32[Array, "2"], data: UInt32[Array, ""]) -> UInt32[Array, "2"]:
    return _pair(key, data.astype(jnp.uint32), _FOLD)


def _random_bits(key: UInt32[Array, "2"], bit_width: int, shape: tuple[int, ...]) -> Array:
    counters = _counters(shape)
    low = _hash(key, counters, _BITS)
    if bit_width == 64:
        high = _hash(key, counters, _HIGH_BITS)
        return (high.astype(jnp.uint64) << 32) | low.astype(jnp.uint64)
    return low if bit_width == 32 else (low >> np.uint32(32 - bit_width)).astype(f"uint{bit_width}")


FAST = extension.define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="mesascope_fast",
    tag="fast",
)


def data_key(key: Key[Array, ""]) -> Key[Array, ""]:
    """A key of the fast generator, drawn with `key`; consumes `key`."""
    return jax.random.wrap_key_data(jax.random.bits(key, (2,), jnp.uint32), impl=FAST)
