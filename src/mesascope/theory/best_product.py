"""Least squares whose coefficients are an outer product b a^T, b of two entries: those of a layer of scalar blocks.

With second moments G of the terms and their overlaps h with the target, the loss 1 - 2 sum_ij b_i a_j h_ij + sum_ijkl
b_i a_j G_ijkl b_k a_l is that of the coefficients b a^T, in terms of the target's mean square. For a given b the best a
solves linear equations, so that one unknown is left, the angle of b.
"""

from typing import NamedTuple

import numpy as np

from mesascope.printing import in_short

NUM_ANGLES, NUM_REFINEMENTS = 2001, 20
RANK_TOLERANCE = 1e-6  # of the largest eigenvalue, below which a direction counts as no term: sums of float32 terms


class BestProduct(NamedTuple):
    """left [2] of norm one and right [n] of the least loss, and the loss."""

    left: np.ndarray
    right: np.ndarray
    loss: float

    __repr__ = in_short


def best_right(gram: np.ndarray, overlap: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best a [... n] for given b [... 2] and the losses [...], with G [2 n 2 n] and h [2 n]."""
    inner = np.einsum("...i,ijkl,...k->...jl", left, gram, left)
    towards = np.einsum("...i,ij->...j", left, overlap)
    right = np.einsum("...jl,...l->...j", np.linalg.pinv(inner, rcond=RANK_TOLERANCE, hermitian=True), towards)
    return right, np.asarray(1 - np.einsum("...j,...j->...", right, towards))


def best_product(gram: np.ndarray, overlap: np.ndarray) -> BestProduct:
    """The b and a of the least loss: all angles of b on a grid, then finer grids about the best of them."""
    low, high, num_angles = -np.pi / 2, np.pi / 2, NUM_ANGLES
    for _ in range(NUM_REFINEMENTS):
        angles = np.linspace(low, high, num_angles)
        _, losses = best_right(gram, overlap, _unit(angles))
        least, spacing = angles[np.argmin(losses)], angles[1] - angles[0]
        low, high, num_angles = least - spacing, least + spacing, 21
    left = _unit(np.array((low + high) / 2))
    right, loss = best_right(gram, overlap, left)
    return BestProduct(left, right, float(loss))


def _unit(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)
