"""The schemes of position weights, and how their training starts."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.random import clone
from jaxtyping import Array, Key

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import (
    EqualWeights,
    LearnedWeights,
    LinearBiasWeights,
    RotaryWeights,
    SinusoidalWeights,
    SoftmaxWeights,
    ToeplitzWeights,
)


class Schemes(NamedTuple):
    """Something of each scheme: weights, models, losses."""

    learned: Any
    toeplitz: Any
    softmax: Any
    sinusoidal: Any
    linear_bias: Any
    rotary: Any
    none: Any


NAMES = Schemes("free matrix", "one a lag", "softmax", "sinusoidal", "exponential", "cosines", "none")


class Starts(eqx.Module):
    """Entries of a sinusoidal code, rotary frequencies, and the standard deviation that other weights start with."""

    dim_codes: int = 16
    num_frequencies: int = 8
    init_std: float = 0.1

    def weights(self, key: Key[Array, ""], num_states: int) -> Schemes:
        """Weights of each scheme for so many positions."""

        def normal(key: Key[Array, ""], *shape: int) -> Array:
            return self.init_std * jax.random.normal(key, shape)

        keys = Schemes(*jax.random.split(key, len(NAMES)))
        return Schemes(
            LearnedWeights(normal(keys.learned, num_states, num_states)),
            ToeplitzWeights(normal(keys.toeplitz, num_states + 1)),
            SoftmaxWeights(normal(keys.softmax, num_states, num_states)),
            SinusoidalWeights(normal(keys.sinusoidal, self.dim_codes, self.dim_codes)),
            LinearBiasWeights(jnp.exp(normal(keys.linear_bias))),
            RotaryWeights(jax.random.uniform(keys.rotary, (self.num_frequencies,), maxval=jnp.pi)),
            EqualWeights(),
        )

    def models(self, key: Key[Array, ""], dim: int, all_heads: tuple[int, ...], num_states: int) -> Schemes:
        """The same diagonal heads for each scheme, with the scheme's own weights; numbers of heads on a leading axis.

        Models with fewer heads than the most have rows of zeros in A and B, which have no gradient and stay zero.
        """

        heads_key, weights_key = jax.random.split(key)
        weights = self.weights(weights_key, num_states)

        def padded(num_heads: int) -> Schemes:
            heads = DiagonalHeads.initialise(dim, num_heads, num_states, key=clone(heads_key))
            rows = ((0, max(all_heads) - num_heads), (0, 0))
            a, b = jnp.pad(heads.key_query, rows), jnp.pad(heads.output_value, rows)
            return Schemes(*(DiagonalHeads(a, b, each) for each in weights))

        drawn = {num_heads: padded(num_heads) for num_heads in set(all_heads)}
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(drawn[num_heads] for num_heads in all_heads))
