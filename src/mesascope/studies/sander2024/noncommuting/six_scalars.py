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
from mesascope.random import VALIDATION_SEED, data_key, seed_key
from mesascope.stats import bootstrap_interval
from mesascope.studies.sander2024.noncommuting.cells import least_squares, read_layer, sequences_of, traced
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.theory.best_product import BestProduct, best_product, best_right

TWO_TERMS = np.array([[False, True, True, False], [False, False, False, False]])  # b1 a2 and b1 a3
EVEN = np.array([[False, True, True, False], [True, False, False, True]])


class SixScalars(NamedTuple):
    """`LayerReadings` of the layer of the least loss, and how it compares with the best two terms.

    On sequences that none was fitted to, estimates [3], the number and its interval: `gain` is 1 - loss / that of two
    terms, and `ridge` the loss of the best layer half way, whose b2 / b1 is half of the optimum's, / that of two terms
    - 1. On the sequences fitted to, `profile` is the least loss for every b2 / b1 among `ratios`; `two_profile` is that
    of two terms. `commutator` is the mean of |W W' - W' W| (Frobenius) over as many pairs as sequences are measured.
    """

    commutator: np.ndarray
    loss: np.ndarray
    distance: np.ndarray
    first: np.ndarray
    second: np.ndarray
    rest: np.ndarray
    gain: np.ndarray
    ridge: np.ndarray
    ratios: np.ndarray
    profile: np.ndarray
    two_profile: np.ndarray

    def ratio(self) -> float:
        """The second coefficient over the first."""
        return float(self.second / self.first)


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

    def halves(self) -> "tuple[Moments, Moments]":
        """Those of the first sequences, and of the others."""
        middle = len(self.size) // 2
        return Moments(*(each[:middle] for each in self)), Moments(*(each[middle:] for each in self))


class SixScalarsCell(AbstractConfig):
    """The best six scalars on a law, fitted to `num_fitted` sequences and compared on as many.

    The moments of `chunk_size` sequences are in memory at once. Intervals are of a bootstrap that draws whole groups of
    sequences, `num_groups` in all.
    """

    process: AbstractLinearProcess
    num_validation: int
    num_fitted: int
    largest_ratio: float = 0.6
    num_ratios: int = 61
    chunk_size: int = 500
    num_groups: int = 1000

    def compute(self, workspace: Workspace) -> Arrays:
        """`SixScalars`."""
        fitted, others = both_signs(sampled(self.process, 2 * self.num_fitted, self.chunk_size)).halves()
        best = best_product(*fitted.of_all())
        workspace.report(1, 2, "fitted")
        sequences = sequences_of(self.process, self.num_validation)
        step, *_ = least_squares(sequences)
        of_best = eqx.filter_jit(read_layer)(sequences, step, as_layer(best, self.process.dim))
        found = {"commutator": mean_commutator(traced(self.process), self.num_validation), **of_best}
        found = {name: np.asarray(value) for name, value in found.items()}
        return SixScalars(**found, **self.compare(best, fitted, others))._asdict()

    def compare(self, best: BestProduct, fitted: Moments, others: Moments) -> Arrays:
        """The best product beside two terms and what lies between."""
        gram, overlap = fitted.of_all()
        two, between = two_terms(gram, overlap), best.left * [1.0, 0.5]
        halfway, _ = best_right(gram, overlap, between)
        theirs, ratios = others.losses(two), np.linspace(0.0, self.largest_ratio, self.num_ratios)
        _, profile = best_right(gram, overlap, np.stack([np.ones_like(ratios), ratios], axis=-1))
        return {
            "gain": -self.excess(others.losses(np.outer(best.left, best.right)), theirs)[[0, 2, 1]],
            "ridge": self.excess(others.losses(np.outer(between, halfway)), theirs),
            "ratios": ratios,
            "profile": profile,
            "two_profile": 1 - np.sum(two * overlap),
        }

    def excess(self, losses: np.ndarray, others: np.ndarray) -> Float[np.ndarray, " 3"]:
        """The mean of losses [n] over that of others of the same sequences, less 1: the number and its interval."""
        pairs = np.stack([losses, others], axis=1)
        sums = [group.sum(axis=0) for group in np.array_split(pairs, min(len(pairs), self.num_groups))]
        return np.array(bootstrap_interval(sums, lambda drawn: drawn[:, 0].sum() / drawn[:, 1].sum())) - 1


def two_terms(gram: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """The best coefficients [2 4] of which only those of b1 a2 and b1 a3 are not zero."""
    coefficients = np.zeros(TWO_TERMS.shape)
    coefficients[TWO_TERMS] = np.linalg.solve(gram[TWO_TERMS][:, TWO_TERMS], overlap[TWO_TERMS])
    return coefficients


def as_layer(product: BestProduct, dim: int) -> ScalarAugmentedLayer:
    """The layer with these values (b1, b2) and scores (a1, ..., a4)."""
    return ScalarAugmentedLayer(dim, jnp.asarray(product.right, float), jnp.asarray(product.left, float))


def both_signs(moments: Moments) -> Moments:
    """The means over a sequence and the one with every second state negated, which is as likely: W and -W are.

    It negates a1, a4 and b2: products of an odd number of them average to zero against the others and the target.
    """
    return moments._replace(gram=moments.gram * (EVEN[..., None, None] == EVEN), overlap=moments.overlap * EVEN)


def sampled(process: AbstractLinearProcess, num_sequences: int, chunk_size: int) -> Moments:
    """The moments of sequences that no loss elsewhere is measured on."""
    keys = jax.random.split(data_key(seed_key(VALIDATION_SEED - 1)), num_sequences)
    return Moments(*(np.asarray(each, float) for each in _over_keys(traced(process), keys, chunk_size)))


@eqx.filter_jit
def mean_commutator(process: AbstractLinearProcess, num_pairs: int) -> Float[Array, ""]:
    """The mean of |W W' - W' W| over independent pairs."""
    keys = jax.random.split(jax.random.split(data_key(seed_key(VALIDATION_SEED)))[1], 2 * num_pairs)
    first, second = jnp.split(jax.vmap(lambda key: process.matrix(process.sample_dynamics(key)))(keys), 2)
    return jnp.linalg.norm(first @ second - second @ first, axis=(1, 2)).mean()


@eqx.filter_jit
def _over_keys(process: AbstractLinearProcess, keys: Key[Array, " n"], chunk_size: int) -> tuple[Array, Array, Array]:
    return jax.lax.map(partial(_moments_of_one, process), keys, batch_size=chunk_size)


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
