"""Weights of positions: what an attention score is multiplied by, whatever the tokens are.

A matrix [t t] of query positions and key positions. Layers look only at keys up to one after the query.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.models.positions import SinusoidalPositions
from mesascope.random import seed_key
from mesascope.validation import check_count, check_positive


class AbstractPositionWeights(eqx.Module):
    """A weight for each query position and key position."""

    @abstractmethod
    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        """The weights of the first `num_positions` positions, queries by keys."""

    @classmethod
    @abstractmethod
    def examples(cls) -> "tuple[AbstractPositionWeights, ...]":
        """Tiny instances, for at least six positions, for tests and documentation."""


class LearnedWeights(AbstractPositionWeights):
    """Every entry a parameter: the matrix P of Sander et al. 2024. It serves up to as many positions as it has."""

    weights: Float[Array, "t t"]

    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        return leading_block("weights", self.weights, num_positions)

    @classmethod
    def examples(cls) -> "tuple[LearnedWeights, ...]":
        return (cls(jax.random.normal(seed_key(0), (7, 7))),)


class ToeplitzWeights(AbstractPositionWeights):
    """One parameter a lag: entry [q, k] is by_lag[q + 1 - k], by_lag[0] the newest key's; ahead of it, zero."""

    by_lag: Float[Array, " lags"]

    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        lags = np.arange(num_positions)[:, None] + 1 - np.arange(num_positions)[None, :]
        if num_positions > len(self.by_lag) - 1:
            raise ValueError(f"`by_lag` must have {num_positions + 1} entries, one a lag; got {len(self.by_lag)}.")
        return jnp.where(lags >= 0, self.by_lag[np.maximum(lags, 0)], 0.0)

    @classmethod
    def examples(cls) -> "tuple[ToeplitzWeights, ...]":
        return (cls(jax.random.normal(seed_key(1), (8,))),)


class SoftmaxWeights(AbstractPositionWeights):
    """The softmax of learned scores over the keys that a query sees: positive, and one in all."""

    scores: Float[Array, "t t"]

    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        scores = leading_block("scores", self.scores, num_positions)
        return jax.nn.softmax(scores, axis=-1, where=visible_keys(num_positions))

    @classmethod
    def examples(cls) -> "tuple[SoftmaxWeights, ...]":
        return (cls(jax.random.normal(seed_key(2), (7, 7))),)


class SinusoidalWeights(AbstractPositionWeights):
    """e_q^T M e_k, M learned, e the sinusoidal encodings of Vaswani et al. 2017: a function of the lag, and more."""

    bilinear: Float[Array, "e e"]

    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        codes = SinusoidalPositions(len(self.bilinear)).encode(num_positions)
        return codes @ self.bilinear @ codes.T

    @classmethod
    def examples(cls) -> "tuple[SinusoidalWeights, ...]":
        return (cls(jax.random.normal(seed_key(3), (4, 4))),)


class LinearBiasWeights(AbstractPositionWeights):
    """exp(-slope lag): biases linear in the lag (ALiBi, Press et al. 2022) in a softmax, but for its denominator."""

    slope: float | Float[Array, ""] = 0.5

    def __check_init__(self):
        check_positive("slope", self.slope)

    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        lags = jnp.arange(num_positions, dtype=float)[:, None] + 1.0 - jnp.arange(num_positions, dtype=float)[None, :]
        return jnp.exp(-self.slope * jnp.maximum(lags, 0.0))

    @classmethod
    def examples(cls) -> "tuple[LinearBiasWeights, ...]":
        return (cls(),)


class RotaryWeights(AbstractPositionWeights):
    """The mean of cos(frequency lag): scores of equal queries and keys that are rotated (RoPE, Su et al. 2021)."""

    frequencies: Float[Array, " f"]

    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        lags = jnp.arange(num_positions, dtype=float)[:, None] + 1.0 - jnp.arange(num_positions, dtype=float)[None, :]
        return jnp.cos(lags[..., None] * self.frequencies[None, None, :]).mean(axis=-1)

    @classmethod
    def examples(cls) -> "tuple[RotaryWeights, ...]":
        return (cls(jnp.array([1.0, 0.3, 0.01])),)


class EqualWeights(AbstractPositionWeights):
    """One for all: no positions."""

    def matrix(self, num_positions: int) -> Float[Array, "t t"]:
        return jnp.ones((num_positions, num_positions))

    @classmethod
    def examples(cls) -> "tuple[EqualWeights, ...]":
        return (cls(),)


class WeightsByHead(eqx.Module):
    """Weights of positions of each head's own: the arrays of `each` have a leading axis over heads."""

    each: AbstractPositionWeights

    def __check_init__(self):
        sizes = {leaf.shape[:1] for leaf in jax.tree.leaves(self.each) if eqx.is_array(leaf)}
        if len(sizes) != 1 or () in sizes:
            raise ValueError(f"`each` must have arrays with one axis over heads; got leading axes {sorted(sizes)}.")

    @property
    def num_heads(self) -> int:
        """How many heads they are for."""
        return next(len(leaf) for leaf in jax.tree.leaves(self.each) if eqx.is_array(leaf))


def visible_keys(num_positions: int) -> np.ndarray:
    """Whether a query sees a key: all up to one after it."""
    check_count("num_positions", num_positions)
    return np.tri(num_positions, k=1, dtype=bool)


def weights_by_prediction(
    positions: AbstractPositionWeights | WeightsByHead, num_states: int
) -> Float[Array, "*heads t t"]:
    """Row t: the weights of the states that prediction t sees, s_1 to s_t, those of the query position before it.

    Nothing comes before s_1: the first row is zero. Heads with weights of their own come on a leading axis.
    """
    if isinstance(positions, WeightsByHead):
        return eqx.filter_vmap(lambda of_head: weights_by_prediction(of_head, num_states))(positions.each)
    weights = jnp.where(visible_keys(num_states), positions.matrix(num_states), 0.0)
    return jnp.concatenate([jnp.zeros_like(weights[:1]), weights[:-1]])


def leading_block(name: str, matrix: Float[Array, "t t"], num_positions: int) -> Float[Array, "s s"]:
    """The weights of fewer positions; ValueError where there are not so many."""
    if num_positions > len(matrix):
        raise ValueError(f"`{name}` must serve {num_positions} positions; got {len(matrix)}. Make them for more.")
    return matrix[:num_positions, :num_positions]
