"""One layer of causal linear attention on augmented tokens (0, s_t, s_{t-1}) (Sander et al. 2024, section 4.1)."""

from abc import abstractmethod
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key

from mesascope.predictor import AbstractSequencePredictor
from mesascope.prompt import Sequence
from mesascope.random import seed_key
from mesascope.validation import check_count, check_key, check_non_negative


class AbstractAugmentedLayer(AbstractSequencePredictor):
    """f = sum_{t <= T} V u_t <u_t, G u_T> with u_t = (s_t, s_{t-1}) and s_0 = 0: the new first block of token T.

    G, keys by queries, is the transpose of the paper's A = [[A1, A2], [A3, A4]], and V = (B1, B2). The context enters
    by sum_{t <= T} u_t u_t^* alone, a prefix sum: the cost is linear in the number of states.
    """

    @classmethod
    @abstractmethod
    def initialise(cls, dim: int, *, std: float = 0.1, key: Key[Array, ""]) -> "AbstractAugmentedLayer":
        """A layer for states of `dim` entries, its parameters normal of standard deviation `std`."""

    @abstractmethod
    def matrices(self) -> tuple[Float[Array, "u u"], Float[Array, "d u"]]:
        """G and V, their blocks written out."""

    @property
    @abstractmethod
    def dim_state(self) -> int:
        """Size of a state."""

    @final
    def dense(self) -> "AugmentedLayer":
        """The same layer with its blocks written out."""
        return AugmentedLayer(*self.matrices())

    @final
    def predictions(self, sequence: Sequence) -> Inexact[Array, "t d"]:
        tokens = pair_with_previous(sequence.states)
        moments = jnp.cumsum(jnp.einsum("ti,tj->tij", tokens, jnp.conj(tokens)), axis=0)
        scores, values = (each.astype(tokens.dtype) for each in self.matrices())
        return jnp.einsum("tij,tj->ti", moments, tokens @ scores.T) @ values.T

    @classmethod
    def examples(cls) -> "tuple[AbstractAugmentedLayer, ...]":
        """Tiny instances for tests and documentation: states of 4 entries."""
        return (cls.initialise(4, std=0.5, key=seed_key(0)),)


class AugmentedLayer(AbstractAugmentedLayer):
    """The layer of any blocks: `scores` is G, `values` is V."""

    scores: Float[Array, "u u"]
    values: Float[Array, "d u"]

    @classmethod
    def initialise(cls, dim: int, *, std: float = 0.1, key: Key[Array, ""]) -> "AugmentedLayer":
        check_count("dim", dim)
        check_non_negative("std", std)
        check_key("key", key)
        scores_key, values_key = jax.random.split(key)
        scores = std * jax.random.normal(scores_key, (2 * dim, 2 * dim))
        return cls(scores, std * jax.random.normal(values_key, (dim, 2 * dim)))

    @property
    def dim_state(self) -> int:
        return self.values.shape[0]

    def matrices(self) -> tuple[Float[Array, "u u"], Float[Array, "d u"]]:
        return self.scores, self.values


class DiagonalAugmentedLayer(AbstractAugmentedLayer):
    """The same with diagonal blocks (assumption 2): row k of `scores` is a_{k+1}, of `values` b_{k+1}."""

    scores: Float[Array, "4 d"]
    values: Float[Array, "2 d"]

    @classmethod
    def initialise(cls, dim: int, *, std: float = 0.1, key: Key[Array, ""]) -> "DiagonalAugmentedLayer":
        check_count("dim", dim)
        return cls(*_draw_blocks(std, key, dim))

    @property
    def dim_state(self) -> int:
        return self.values.shape[1]

    def matrices(self) -> tuple[Float[Array, "u u"], Float[Array, "d u"]]:
        a1, a2, a3, a4 = map(jnp.diag, self.scores)
        return jnp.block([[a1, a3], [a2, a4]]), jnp.concatenate(list(map(jnp.diag, self.values)), axis=1)


class ScalarAugmentedLayer(AbstractAugmentedLayer):
    """The same with every block a multiple of the identity, so that the layer is the same in every basis.

    scores = (a1, a2, a3, a4), values = (b1, b2).
    """

    dim: int = eqx.field(static=True)
    scores: Float[Array, " 4"]
    values: Float[Array, " 2"]

    @classmethod
    def initialise(cls, dim: int, *, std: float = 0.1, key: Key[Array, ""]) -> "ScalarAugmentedLayer":
        check_count("dim", dim)
        return cls(dim, *_draw_blocks(std, key))

    @property
    def dim_state(self) -> int:
        return self.dim

    def matrices(self) -> tuple[Float[Array, "u u"], Float[Array, "d u"]]:
        ones = jnp.ones(self.dim, self.scores.dtype)
        return DiagonalAugmentedLayer(jnp.outer(self.scores, ones), jnp.outer(self.values, ones)).matrices()


def _draw_blocks(std: float, key: Key[Array, ""], *shape: int) -> tuple[Float[Array, "4 ..."], Float[Array, "2 ..."]]:
    """What the four blocks of G and the two of V are made of, each of this shape."""
    check_non_negative("std", std)
    check_key("key", key)
    weights = std * jax.random.normal(key, (6, *shape))
    return weights[:4], weights[4:]


def pair_with_previous(states: Inexact[Array, "t d"]) -> Inexact[Array, "t u"]:
    """u_t = (s_t, s_{t-1}), s_0 = 0."""
    before = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])
    return jnp.concatenate([states, before], axis=1)
