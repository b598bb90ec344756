"""Least squares on terms that a layer can answer with, along sequences."""

from collections.abc import Callable

import numpy as np


def least_squares_along(
    terms_fn: Callable[[np.ndarray], np.ndarray], fitted_on: np.ndarray, measured_on: np.ndarray
) -> np.ndarray:
    """The least loss of an answer made of `terms_fn` of the states until s_{T+1}, in terms of |s|^2, for every T [T].

    From the first state alone nothing is predicted: its loss is one.
    """
    losses = [1.0]
    for length in range(2, fitted_on.shape[1]):
        fitted, measured = (each[:, : length + 1].astype(float) for each in (fitted_on, measured_on))
        coefficients = best_coefficients(terms_fn(fitted), fitted[:, -1])
        losses.append(relative_loss(coefficients, terms_fn(measured), measured[:, -1]))
    return np.array(losses)


def invariant_terms(states: np.ndarray) -> np.ndarray:
    """s_t <s_t, s_{T-1}> [n, i, t]: what linear heads have that is the same in every basis, s_{T-1} among them."""
    seen, query = states[:, :-1], states[:, -3]
    return np.swapaxes(seen * (seen @ query[:, :, None]), 1, 2)


def best_coefficients(terms: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Coefficients of terms that come nearest to a target [n, i], by normal equations: equal terms share equally.

    Terms [n, term] are those of each entry of the target, or have an axis over entries [n, i, ...], which then share
    coefficients [term, 1].
    """
    matrix, sought = _flat(terms, target)
    return np.linalg.lstsq(matrix.conj().T @ matrix, matrix.conj().T @ sought, rcond=1e-12)[0]


def relative_loss(coefficients: np.ndarray, terms: np.ndarray, target: np.ndarray) -> float:
    """|error|^2 / |target|^2 of terms with these coefficients."""
    matrix, sought = _flat(terms, target)
    return float(np.sum(np.abs(matrix @ coefficients - sought) ** 2) / np.sum(np.abs(target) ** 2))


def _flat(terms: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shared = terms.ndim > 2
    return (terms.reshape(target.size, -1), target.reshape(-1, 1)) if shared else (terms, target)
