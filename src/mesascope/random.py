"""Keys, and the fast counter-based generator that training data is drawn with.

JAX's default generator (threefry) costs more than the gradient of a small model on a CPU. `FAST` is a drop-in
replacement, registered with JAX's own extension point: every `jax.random` function accepts its keys. It hashes
(key, counter) with two rounds of a 32-bit avalanche function, less work than threefry, in a form that XLA
fuses into its consumers. Its quality is measured in the tests; it is not meant for cryptography, and model
initialisation and evaluation keep threefry. Every key that is made of a seed is made by `seed_key`, and names its
generator: which one JAX is set to (`jax_default_prng_impl`) has no say.
"""

import math
import os
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import random as extension
from jaxtyping import Array, Float, Integer, Key, UInt32

from mesascope.validation import check_seed

Function = TypeVar("Function", bound=Callable)

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
    """avalanche(avalanche(counter + k_0) xor (counter + k_1)), the key's words displaced by the stream's constants.

    The second use of the counter costs nothing measurable. Without it the words of one key are a permutation of all
    words: 2**20 of them would hold no repeat where random words hold 128.
    """
    first, second = key[0] ^ stream[0], key[1] + stream[1]
    return _avalanche(_avalanche(counter + first) ^ (counter + second))


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


def _fold_in(key: UInt32[Array, "2"], data) -> UInt32[Array, "2"]:
    return _pair(key, jnp.asarray(data, jnp.uint32), _FOLD)


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


THREEFRY = "threefry2x32"
VALIDATION_SEED = 2**31 - 1  # of what losses are measured on: none that a training would be given


def seed_key(seed: int | Integer[Array, ""], impl: Any = THREEFRY) -> Key[Array, ""]:
    """The key of a seed, of a generator that is named; ValueError for a seed that has the key of another."""
    if not isinstance(seed, jax.Array):
        check_seed("seed", seed)
    return jax.random.key(seed, impl=impl)


def generators() -> dict[str, Any]:
    """What random numbers depend on besides their seed: the generators, and JAX's settings that change their bits.

    `jax_threefry_partitionable` says how threefry counts; `jax_random_seed_offset` is added to every seed.
    """
    settings: Any = jax.config
    return {
        "seeds": THREEFRY,
        "data": str(FAST),
        "threefry_partitionable": settings.jax_threefry_partitionable,
        "seed_offset": settings.jax_random_seed_offset,
    }


def normal(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normals, by inverting the error function; |z| reaches 5.4 in single precision.

    In single precision this is Giles' polynomial approximation ("Approximating the erfinv function", 2010), of
    relative error below 4e-7, written out: XLA's CPU code for `lax.erf_inv` takes longer, since it
    evaluates the generator once for each of three loops. In double precision it is `jax.random.normal`.
    """
    if jnp.result_type(float) != jnp.float32:
        return jax.random.normal(key, shape)
    words = jax.random.bits(key, shape, jnp.uint32) >> np.uint32(8)
    uniform = words.astype(jnp.float32) * np.float32(2**-23) - np.float32(1 - 2**-24)  # odd multiples of 2^-24
    w = -jnp.log((1 - uniform) * (1 + uniform))
    ratio = jnp.where(w < 5, _polynomial(w - 2.5, _CENTRE), _polynomial(jnp.sqrt(w) - 3, _TAIL))
    return np.float32(np.sqrt(2)) * uniform * ratio


_CENTRE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087)
_CENTRE += (-0.00125372503, -0.00417768164, 0.246640727, 1.50140941)
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773)
_TAIL += (-0.0076224613, 0.00943887047, 1.00167406, 2.83297682)


def _polynomial(x: Float[Array, "..."], coefficients: tuple[float, ...]) -> Float[Array, "..."]:
    """Horner's rule, the highest power's coefficient first."""
    value = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


def data_key(key: Key[Array, ""]) -> Key[Array, ""]:
    """A key of the fast generator, drawn with `key`; consumes `key`."""
    return jax.random.wrap_key_data(jax.random.bits(key, (2,), jnp.uint32), impl=FAST)


def independent(keys: Key[Array, " seeds"]) -> Key[Array, " seeds"]:
    """Keys none of whose draws depend on the others in a batch: threefry's, drawn one by one, for those of JAX's rbg.

    Under `vmap` a generator of the rbg family draws for all keys with the first of them. Consumes `keys` then.
    """
    if "rbg" not in str(jax.random.key_impl(keys)):
        return keys
    words = lax.map(lambda key: jax.random.bits(key, (2,), jnp.uint32), keys)
    return jax.random.wrap_key_data(words, impl=THREEFRY)


# A program that runs once is worth little optimisation: it compiles in a quarter of the time and gives the same bits.
# A lower level that the user has set holds.
_level_is_set = "xla_backend_optimization_level" in os.environ.get("XLA_FLAGS", "")
RUNS_ONCE: dict[str, bool | int | str] = (
    {} if _level_is_set or jax.config.read("jax_disable_most_optimizations") else {"xla_backend_optimization_level": 1}
)


def jit_draws(function: Function) -> Function:
    """`function` that draws random numbers, compiled as what runs once."""
    compiled: Any = eqx.filter_jit
    return compiled(function, compiler_options=RUNS_ONCE)
