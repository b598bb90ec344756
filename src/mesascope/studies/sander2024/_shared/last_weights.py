"""The weights P gives the last two states, and their ratio: of every T, its mean, and that of the sums."""

from typing import Any

import numpy as np


def last_two(weights: Any, first: int = 2) -> tuple[Any, Any]:
    """p_{T-1} and p_T, T = `first`, `first` + 1, ... [*n T], of P, JAX's or numpy's [*n t t], queries by keys.

    The query of T is s_{T-1}. Of the last state no key is ahead, and its row is not read.
    """
    queries = np.arange(first - 2, weights.shape[-1] - 1)
    return weights[..., queries, queries], weights[..., queries, queries + 1]


def ratios(weights: Any, first: int = 2) -> Any:
    """p_{T-1} / p_T of every T [*n T]."""
    before, last = last_two(weights, first)
    return before / last


def mean_of_ratios(weights: Any, first: int = 2) -> Any:
    """Their mean [*n]: every T counts alike, so that one p_T near zero decides."""
    return ratios(weights, first).mean(axis=-1)


def ratio_of_sums(weights: Any, first: int = 2) -> Any:
    """sum_T p_{T-1} / sum_T p_T [*n]: every T counts as much as its p_T weighs, for P that is noisy."""
    before, last = last_two(weights, first)
    return before.sum(axis=-1) / last.sum(axis=-1)
