"""Layers of linear attention whose query is the state before the last (Sander et al. 2024, section 4.2)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key

from mesascope.models.position_weights import (
    AbstractPositionWeights,
    LearnedWeights,
    ToeplitzWeights,
    weights_by_prediction,
)
from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.random import seed_key
from mesascope.validation import check_count, check_key, check_non_negative


class DiagonalHeads(AbstractSequencePredictor):
    """f = sum_h sum_{t <= T} P_{T-1,t} <s_{T-1} | A^h s_t> B^h s_t, with A^h and B^h diagonal.

    Row h of `key_query` and `output_value` is the diagonal of A^h and of B^h. Only C = B^T A matters: f_i is
    sum_j C_ij s*_{T-1,j} sum_t P_{T-1,t} s_{t,j} s_{t,i}, whose cost does not grow with the number of heads. Nothing
    comes before s_1, so that the prediction from it alone is zero.
    """

    key_query: Float[Array, "h d"]
    output_value: Float[Array, "h d"]
    positions: AbstractPositionWeights

    @property
    def mixing(self) -> Float[Array, "d d"]:
        """C = B^T A."""
        return self.output_value.T @ self.key_query

    @classmethod
    def initialise(
        cls, dim: int, num_heads: int, num_positions: int, *, std: float = 0.1, key: Key[Array, ""]
    ) -> "DiagonalHeads":
        """Normal entries of standard deviation `std` in A, B and a learned P, as in the authors' scripts."""
        for name, count in (("dim", dim), ("num_heads", num_heads), ("num_positions", num_positions)):
            check_count(name, count)
        check_non_negative("std", std)
        check_key("key", key)
        keys = jax.random.split(key, 3)
        a, b = (std * jax.random.normal(each, (num_heads, dim)) for each in keys[:2])
        return cls(a, b, LearnedWeights(std * jax.random.normal(keys[2], (num_positions, num_positions))))

    @property
    def dim_state(self) -> int:
        return self.key_query.shape[-1]

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        moments, queries = weighted_moments(self.positions, sequence)
        mixing = self.mixing.astype(queries.dtype)
        return jnp.einsum("ij,tij,tj->ti", mixing, moments, queries)

    @classmethod
    def examples(cls) -> "tuple[DiagonalHeads, ...]":
        """Tiny instances for tests and documentation: states of 4 entries, up to six of them."""
        drawn = cls.initialise(4, 3, 6, std=0.5, key=seed_key(0))
        return drawn, cls(drawn.key_query, drawn.output_value, ToeplitzWeights.examples()[0])


class DenseHeads(AbstractSequencePredictor):
    """The same with any matrices A^h and B^h [h d d]: what diagonal heads become in another basis, and more."""

    key_query: Float[Array, "h d d"]
    output_value: Float[Array, "h d d"]
    positions: AbstractPositionWeights

    @classmethod
    def initialise(
        cls, dim: int, num_heads: int, num_positions: int, *, std: float = 0.1, key: Key[Array, ""]
    ) -> "DenseHeads":
        """Normal entries of standard deviation `std`."""
        diagonal = DiagonalHeads.initialise(dim, num_heads, num_positions, std=std, key=key)
        keys = jax.random.split(jax.random.fold_in(key, 1), 2)
        a, b = (std * jax.random.normal(each, (num_heads, dim, dim)) for each in keys)
        return cls(a, b, diagonal.positions)

    @property
    def dim_state(self) -> int:
        return self.key_query.shape[-1]

    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        moments, queries = weighted_moments(self.positions, sequence)
        a, b = (each.astype(queries.dtype) for each in (self.key_query, self.output_value))
        read = jnp.einsum("tj,hjk,tkl->htl", queries, a, moments)
        return jnp.einsum("hil,htl->ti", b, read)

    @classmethod
    def examples(cls) -> "tuple[DenseHeads, ...]":
        """Tiny instances for tests and documentation: states of 4 entries, up to six of them."""
        return (cls.initialise(4, 2, 6, std=0.5, key=seed_key(0)),)


def weighted_moments(
    positions: AbstractPositionWeights, sequence: Sequence
) -> tuple[Inexact[Array, "t d d"], Inexact[Array, "t d"]]:
    """sum_{t <= T} P_{T-1,t} s_t s_t^T for every T, and the conjugate of every query s_{T-1}; zero for T = 1."""
    states = sequence.states
    weights = weights_by_prediction(positions, len(states)).astype(states.dtype)
    queries = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])
    return jnp.einsum("qt,ti,tj->qij", weights, states, states), jnp.conj(queries)
