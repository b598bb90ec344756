"""The best layer on augmented tokens whose six blocks are multiples of the identity, fitted to sampled sequences."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.models.augmented import ScalarAugmentedLayer, pair_with_previous
from mesascope.prompt import Sequence
from mesascope.random import data_key
from mesascope.stats import paired_ratio_interval
from mesascope.random import VALIDATION_SEED
from mesascope.study.base import Arrays
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.theory.best_product import BestProduct, best_product, best_right

RATIOS = np.linspace(0.0, 0.6, 61)  # b2 / b1 at which the least loss over a1, ..., a4 is given
TWO_TERMS = np.array([[False, True, True, False], [False] * 4])  # b1 a2 and b1 a3
EVEN = np.array([[False, True, True, False], [True, False, False, True]])
CHUNK = 500  # sequences whose terms are in memory at once


class Moments(NamedTuple):
    """By sequence [n ...], the second moments of the eight terms, their overlaps with the target, and its square.

    Sums over entries, means over positions.
    """

    gram: np.ndarray
    overlap: np.ndarray
    size: np.ndarray

    def losses(self, coefficients: np.ndarray) -> np.ndarray:
        """The squared error of every sequence [n] with these coefficients [2 4] of the terms."""
        squares = np.einsum("ij,nijkl,kl->n", coefficients, self.gram, coefficients, optimize=True)
        return self.size - 2 * np.einsum("nij,ij->n", self.overlap, coefficients) + squares

    def of_all(self) -> tuple[np.ndarray, np.ndarray]:
        """G [2 4 2 4] and h [2 4] of all sequences, relative to the target's square."""
        size = self.size.mean()
        return self.gram.mean(axis=0) / size, self.overlap.mean(axis=0) / size

    def half(self, second: bool) -> "Moments":
        """Those of the first sequences, or of the others."""
        middle = len(self.size) // 2
        return Moments(*(each[middle:] if second else each[:middle] for each in self))


def six_scalars(process: AbstractLinearProcess, num_sequences: int) -> tuple[ScalarAugmentedLayer, Arrays]:
    """The layer of the least loss on sequences drawn for it, and how it compares with the best two terms on as many.

    `gain` is 1 - loss / that of two terms, with its 95% interval, on sequences that neither was fitted to. `ridge` is
    loss / that of two terms - 1 of the best layer half way, whose b2 / b1 is half of the optimum's. `profile` is the
    least loss for every b2 / b1 among `RATIOS`, on the sequences fitted to; `two_profile` is that of two terms there.
    """
    moments = both_signs(sampled(process, 2 * num_sequences))
    fitted, others = (moments.half(second) for second in (False, True))
    gram, overlap = fitted.of_all()
    best, two = best_product(gram, overlap), two_terms(gram, overlap)
    between = best.left * [1.0, 0.5]
    halfway, _ = best_right(gram, overlap, between)
    theirs = others.losses(two)
    gain = -excess(others.losses(np.outer(best.left, best.right)), theirs)
    _, profile = best_right(gram, overlap, np.stack([np.ones_like(RATIOS), RATIOS], axis=-1))
    return as_layer(best, process.dim), {
        "gain": gain[[0, 2, 1]],
        "ridge": excess(others.losses(np.outer(between, halfway)), theirs),
        "profile": profile,
        "two_profile": 1 - np.sum(two * overlap),
    }


def excess(losses: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The mean of losses [n] over that of others of the same sequences, less 1: the number and its interval [3]."""
    return np.array(paired_ratio_interval(losses, others)) - 1


def two_terms(gram: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """The best coefficients [2 4] of which only those of b1 a2 and b1 a3 are not zero."""
    coefficients = np.zeros(TWO_TERMS.shape)
    coefficients[TWO_TERMS] = np.linalg.solve(gram[TWO_TERMS][:, TWO_TERMS], overlap[TWO_TERMS])
    return coefficients


def as_layer(product: BestProduct, dim: int) -> ScalarAugmentedLayer:
    """The layer with these values (b1, b2) and scores (a1, ..., a4)."""
    return ScalarAugmentedLayer(dim, jnp.asarray(product.right), jnp.asarray(product.left))


def both_signs(moments: Moments) -> Moments:
    """The means over a sequence and the one with every second state negated, which is as likely: W and -W are.

    It negates a1, a4 and b2: products of an odd number of them average to zero against the others and the target.
    """
    return moments._replace(gram=moments.gram * (EVEN[..., None, None] == EVEN), overlap=moments.overlap * EVEN)


def sampled(process: AbstractLinearProcess, num_sequences: int) -> Moments:
    """The moments of sequences that no loss elsewhere is measured on."""
    keys = jax.random.split(data_key(jax.random.key(VALIDATION_SEED - 1)), num_sequences)
    return Moments(*(np.asarray(each, float) for each in _over_keys(process, keys)))


@eqx.filter_jit
def _over_keys(process: AbstractLinearProcess, keys: Key[Array, " n"]) -> tuple[Array, Array, Array]:
    return jax.lax.map(partial(_moments_of_one, process), keys, batch_size=CHUNK)


def _moments_of_one(process: AbstractLinearProcess, key: Key[Array, ""]) -> tuple[Array, Array, Array]:
    sequence = process.sample(key)
    terms, target = eight_terms(sequence), sequence.states[2:]
    gram = jnp.einsum("ijtd,kltd->ijkl", terms, terms)
    overlap = jnp.einsum("ijtd,td->ij", terms, target)
    return gram / len(target), overlap / len(target), jnp.sum(target**2) / len(target)


def eight_terms(sequence: Sequence) -> Float[Array, "2 4 t d"]:
    """What b_i a_j is the coefficient of in the layer, for T = 2, ..., the last that has a next."""
    states = sequence.states
    tokens = pair_with_previous(states).reshape(len(states), 2, -1)
    moments = jnp.cumsum(jnp.einsum("tvi,tkj->tvikj", tokens, tokens), axis=0)
    terms = jnp.einsum("tvikj,tqj->vqkti", moments, tokens)
    return terms.reshape(2, 4, *states.shape)[:, :, 1:-1]
