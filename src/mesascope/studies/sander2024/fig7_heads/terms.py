"""What a layer of attention on plain tokens can answer with: least squares on its terms, by which token asks."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Inexact, Key

from mesascope.random import data_key, jit_draws
from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024._shared.terms import best_coefficients, relative_loss
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones
from mesascope.tasks.orthogonal import ConjugatePairProcess


class Terms(NamedTuple):
    """The least losses [seeds], relative to |s|^2, of answers made of a layer's terms with free coefficients.

    By which token asks, the last or the one before it. `pairs`: all terms of diagonal heads, on conjugate pairs, d made
    even. `plain`: all terms of any heads, on Haar dynamics whose first state is always the same; `biased`: with those
    that biases add. And `coefficients` [seeds t] of the terms of pairs summed over a pair, as one head has them.
    """

    pairs: np.ndarray
    plain: np.ndarray
    biased: np.ndarray
    coefficients: np.ndarray


class TermsCell(AbstractConfig):
    """Terms of layers where the token `asks` asks, "last" or "before"; the last state is predicted from all others.

    Coefficients are fitted on `num_samples` sequences of `num_states`, and losses measured on as many.
    """

    asks: str
    dim: int
    num_samples: int
    seeds: int
    first_seed: int
    num_states: int = 6

    def compute(self, workspace: Workspace) -> Arrays:
        """`Terms`, in float64."""
        pairs = ConjugatePairProcess(self.num_states, self.dim + self.dim % 2, Ones())
        haar = HaarProcess(self.num_states, self.dim, Ones(unit=True))
        with jax.enable_x64(True):
            keys = jax.vmap(jax.random.split, out_axes=1)(seed_keys(self.first_seed, self.seeds))
            processes = zip((pairs, haar), keys, strict=True)
            drawn = [np.asarray(_sample(process, each, 2 * self.num_samples)) for process, each in processes]
        found = [(*self.on_pairs(states), *self.on_haar(others)) for states, others in zip(*drawn, strict=True)]
        workspace.report(1, 1, "least squares on terms")
        coefficients, of_pairs, plain, biased = (np.array(each) for each in zip(*found, strict=True))
        return Terms(of_pairs, plain, biased, coefficients)._asdict()

    def on_pairs(self, states: np.ndarray) -> tuple[np.ndarray, float]:
        """The coefficients [t] of terms of pairs, and the least loss of all terms of diagonal heads, the mean entry."""
        terms, target = diagonal_terms(states, self.asks), states[:, -1]
        summed = terms.reshape(*terms.shape[:3], -1, 2).sum(axis=-1)
        own = np.stack([summed[:, :, i, i // 2] for i in range(terms.shape[2])], axis=1)
        losses = [fit(terms[:, None, :, i], target[:, i : i + 1])[1] for i in range(terms.shape[2])]
        return np.real(fit(own, target)[0][:, 0]), float(np.mean(losses))

    def on_haar(self, states: np.ndarray) -> tuple[float, ...]:
        """The least losses of all terms of any heads, without biases and with them."""
        return tuple(fit(all_terms(states, self.asks, biases=each), states[:, -1])[1] for each in (False, True))


@jit_draws
def _sample(process: AbstractLinearProcess, keys: Key[Array, " keys"], size: int) -> Inexact[Array, "keys n t d"]:
    return jax.vmap(lambda key: process.sample_batch(data_key(key), size).states)(keys)


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
    """Coefficients fitted on the first half of all samples, and the loss on the second (see `best_coefficients`)."""
    half = len(target) // 2
    coefficients = best_coefficients(terms[:half], target[:half])
    return coefficients, relative_loss(coefficients, terms[half:], target[half:])


def _asking(states: np.ndarray, asks: str) -> np.ndarray:
    return states[:, -2 if asks == "last" else -3]
