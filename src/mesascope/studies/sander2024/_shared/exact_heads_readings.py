"""What is read of trained diagonal heads (Sander et al. 2024, figure 3)."""

from typing import NamedTuple

import jax
import numpy as np

from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024._shared.last_weights import last_two, mean_of_ratios, ratios
from mesascope.study.base import Arrays
from mesascope.tasks.orthogonal import Rotations


class Solution(NamedTuple):
    """What is read of trained heads, one a seed, but for the two matrices."""

    loss: np.ndarray  # a position
    mixing: np.ndarray  # C times the mean of p_T [seeds d d]
    ratios: np.ndarray  # p_{T-1} / p_T of every T [seeds positions]
    mean_ratio: np.ndarray  # the mean of these
    before: np.ndarray  # the largest |p_{T-1}| / the mean of p_T
    elsewhere: np.ndarray  # the largest weight of a state before those two / the mean of p_T
    rank: np.ndarray  # singular values of C above a hundredth of the largest; nan where C is not finite


def read(arrays: Arrays) -> Solution:
    """The solution that trained heads are, the scale between C and P undone."""
    mixing = np.swapaxes(arrays["output_value"], -1, -2) @ arrays["key_query"]
    weights = arrays["positions"][:, :-1]
    before, last = last_two(arrays["positions"])
    scale = last.mean(axis=1)
    others = np.where(np.tri(*weights.shape[1:], k=-1, dtype=bool), weights, 0.0)
    finite = np.asarray(np.isfinite(mixing).all(axis=(1, 2)))
    values = np.linalg.svd(np.where(finite[:, None, None], mixing, 0.0), compute_uv=False)
    return Solution(
        arrays["losses"][:, -1] / last.shape[1],
        mixing * scale[:, None, None],
        ratios(arrays["positions"]),
        mean_of_ratios(arrays["positions"]),
        np.abs(before).max(axis=1) / np.abs(scale),
        np.abs(others).max(axis=(1, 2)) / np.abs(scale),
        np.where(finite, (values > 0.01 * values[:, :1]).sum(axis=1), np.nan),
    )


def arrived(values: np.ndarray, of: Solution, loss: float) -> np.ndarray:
    """The values of the seeds whose loss a position is at most `loss`; nan where there are none."""
    there = of.loss <= loss
    return values[there] if there.any() else np.array([np.nan])


def in_words(num_heads: int, of: Solution, floor: int, margin: float) -> str:
    """How many seeds come how near to the least loss, and what each found: a sentence."""
    losses, means, ranks = (", ".join(f"{each:.3g}" for each in values) for values in (of.loss, of.mean_ratio, of.rank))
    return (
        f"H = {num_heads}: {int(np.sum(of.loss <= floor + margin))} of {len(of.loss)} seeds come within {margin:g} of "
        f"the least loss a position, {floor}; losses {losses}; mean ratios {means}; ranks {ranks}."
    )


def family_errors(of: Solution) -> np.ndarray:
    """How far each seed's blocks, p_T C, are from [[1, r], [r, 1]] with the r of its mean ratio [seeds]."""
    dim, mix = of.mixing.shape[-1], -of.mean_ratio / (1 + of.mean_ratio)
    pairs = np.kron(np.eye(dim // 2), np.array([[0.0, 1.0], [1.0, 0.0]]))
    expected = np.eye(dim) + mix[:, None, None] * pairs
    return np.abs(of.mixing - expected).max(axis=(1, 2))


def double_angle_errors(dim: int, seeds: int, first_seed: int) -> np.ndarray:
    """The largest entry of 2 cos(theta) R_theta - I - R_{2 theta} over ten sets of angles, in float64 [seeds]."""
    with jax.enable_x64(True):
        process = Rotations(3, dim)
        keys = jax.vmap(lambda key: jax.random.split(key, 10))(seed_keys(first_seed, seeds))
        angles = jax.vmap(jax.vmap(process.sample_dynamics))(keys)
        once, twice = (np.asarray(jax.vmap(jax.vmap(process.matrix))(factor * angles)) for factor in (1.0, 2.0))
        cosines = np.repeat(np.cos(np.asarray(angles)), 2, axis=-1)
    return np.abs(2 * cosines[..., None] * once - np.eye(dim) - twice).max(axis=(1, 2, 3))
