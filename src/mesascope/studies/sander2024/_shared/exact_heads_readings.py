"""What is read of trained diagonal heads (Sander et al. 2024, figure 3)."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024._shared.exact_heads import Heads
from mesascope.studies.sander2024._shared.last_weights import last_two, mean_of_ratios, ratios


class Solution(NamedTuple):
    """What is read of trained heads, one a seed, but for the two matrices."""

    loss: np.ndarray  # a position
    mixing: np.ndarray  # C times the mean of p_T [seeds d d]
    ratios: np.ndarray  # p_{T-1} / p_T of every T [seeds positions]
    mean_ratio: np.ndarray  # the mean of these
    before: np.ndarray  # the largest |p_{T-1}| / the mean of p_T
    elsewhere: np.ndarray  # the largest weight of a state before those two / the mean of p_T
    rank: np.ndarray  # singular values of C above a hundredth of the largest; nan where C is not finite


def read(heads: Heads) -> Solution:
    """The solution that trained heads are, the scale between C and P undone."""
    mixing = np.swapaxes(heads.output_value, -1, -2) @ heads.key_query
    weights = heads.positions[:, :-1]
    before, last = last_two(heads.positions)
    scale = last.mean(axis=1)
    others = np.where(np.tri(*weights.shape[1:], k=-1, dtype=bool), weights, 0.0)
    finite = np.asarray(np.isfinite(mixing).all(axis=(1, 2)))
    values = np.linalg.svd(np.where(finite[:, None, None], mixing, 0.0), compute_uv=False)
    return Solution(
        heads.losses[:, -1] / last.shape[1],
        mixing * scale[:, None, None],
        ratios(heads.positions),
        mean_of_ratios(heads.positions),
        np.abs(before).max(axis=1) / np.abs(scale),
        np.abs(others).max(axis=(1, 2)) / np.abs(scale),
        np.where(finite, (values > 0.01 * values[:, :1]).sum(axis=1), np.nan),
    )


def arrived(values: np.ndarray, of: Solution, loss: float = 1e-3) -> np.ma.MaskedArray:
    """The values, those of seeds masked whose loss per position is above `loss`."""
    return np.ma.masked_array(values, of.loss > loss)


def share_arrived(of: Solution, loss: float = 1e-3) -> float:
    """The share of seeds whose loss per position is at most `loss`; nan where a seed diverged."""
    return float(np.where(np.isfinite(of.loss), of.loss <= loss, np.nan).mean())


def family_errors(of: Solution) -> np.ndarray:
    """How far each seed's blocks, p_T C, are from [[1, r], [r, 1]] with the r of its mean ratio [seeds]."""
    dim, mix = of.mixing.shape[-1], -of.mean_ratio / (1 + of.mean_ratio)
    pairs = np.kron(np.eye(dim // 2), np.array([[0.0, 1.0], [1.0, 0.0]]))
    expected = np.eye(dim) + mix[:, None, None] * pairs
    return np.abs(of.mixing - expected).max(axis=(1, 2))
