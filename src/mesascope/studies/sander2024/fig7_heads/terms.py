"""What a layer of attention on plain tokens can answer with: least squares on its terms, by which token asks."""

from typing import NamedTuple

import jax
import numpy as np

from mesascope.random import data_key
from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024._shared.terms import _asking, _loss, _solve
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones
from mesascope.tasks.orthogonal import ConjugatePairs


class Terms(NamedTuple):
    """The least losses, in terms of |s|^2, of answers made of a layer's terms with free coefficients [seeds].

    By which token asks, the last or the one before it. `pairs`: all terms of diagonal heads, on conjugate pairs, d made
    even. `plain`: all terms of any heads, on Haar dynamics whose first state is always the same; `biased`: with those
    that biases add. And `coefficients` [seeds t] of the terms of pairs that are summed over a pair, as one head has
    them.
    """

    pairs: np.ndarray
    plain: np.ndarray
    biased: np.ndarray
    coefficients: np.ndarray


class TermsCell(AbstractConfig):
    """Sizes; the last state is predicted from all others, by the token `asks`: "last" or "before".

    Coefficients are fitted on `num_samples` sequences, and losses measured on as many.
    """

    asks: str
    num_states: int
    dim: int
    seeds: int
    first_seed: int
    num_samples: int = 20_000

    def compute(self, workspace: Workspace) -> Arrays:
        """`Terms`, in float64."""
        even = self.dim + self.dim % 2
        pairs = ConjugatePairs(self.num_states, even, Ones())
        haar = HaarProcess(self.num_states, self.dim, Ones(unit=True))
        with jax.enable_x64(True):
            keys = jax.vmap(jax.random.split, out_axes=1)(seed_keys(self.first_seed, self.seeds))
            drawn = [_states(*each, self.num_samples) for each in zip((pairs, haar), keys, strict=True)]
        found = [self._of_seed(*states) for states in zip(*drawn, strict=True)]
        workspace.report(1, 1, "least squares on terms")
        return Terms(*map(np.array, zip(*found, strict=True)))._asdict()

    def _of_seed(self, on_pairs: np.ndarray, on_haar: np.ndarray) -> tuple[float, float, float, np.ndarray]:
        terms = diagonal_terms(on_pairs, self.asks)
        summed = terms.reshape(*terms.shape[:3], -1, 2).sum(axis=-1)
        size = terms.shape[2]
        own = np.stack([summed[:, :, i, i // 2] for i in range(size)], axis=1)
        by_entry = [fit(terms[:, None, :, i], on_pairs[:, -1, i : i + 1])[1] for i in range(size)]
        plain, biased = (
            fit(all_terms(on_haar, self.asks, biases=biases), on_haar[:, -1])[1] for biases in (False, True)
        )
        return float(np.mean(by_entry)), plain, biased, np.real(fit(own, on_pairs[:, -1])[0][:, 0])


def diagonal_terms(states: np.ndarray, asks: str) -> np.ndarray:
    """s_{t,i} s_{t,j} s*_{q,j} [n, t, i, j], s_q the last state that is seen, or the one before it."""
    seen = states[:, :-1]
    return np.einsum("nti,ntj,nj->ntij", seen, seen, _asking(states, asks).conj())


def all_terms(states: np.ndarray, asks: str, *, biases: bool) -> np.ndarray:
    """Products of two entries of s_t and one of s_q, behind all of which biases write an entry 1 [n, term]."""
    seen, query = states[:, :-1], _asking(states, asks)
    if biases:
        seen, query = (np.concatenate([each, np.ones_like(each[..., :1])], axis=-1) for each in (seen, query))
    rows, columns = np.tril_indices(seen.shape[-1])
    squares = (seen[..., rows] * seen[..., columns]).reshape(len(states), -1)
    return (squares[:, :, None] * query[:, None, :]).reshape(len(states), -1)


def linear_terms(states: np.ndarray) -> np.ndarray:
    """s_t [n, i, t]: constant weights for states, nothing learned in context."""
    return np.swapaxes(states[:, :-1], 1, 2)


def fit(terms: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients fitted on the first half of all samples, and the loss on the second in terms of |target|^2.

    Terms [n, term] are those of each entry of the target [n, i], or have an axis over entries, which then share
    coefficients [term, 1].
    """
    half = len(target) // 2
    coefficients = _solve(terms[:half], target[:half])
    return coefficients, _loss(coefficients, terms[half:], target[half:])


def _states(process: AbstractLinearProcess, keys, num_samples: int) -> np.ndarray:
    """Sequences for every key [keys, n, t, d], some to fit on and as many to measure on."""
    draw = jit_once(jax.vmap(lambda key: process.sample_batch(data_key(key), 2 * num_samples).states))
    return np.asarray(draw(keys))
