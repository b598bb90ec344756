"""What is left of diagonal heads in dense ones: the numbers of the claims."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.dense.cells import LAWS, PAIRS, UNITARY, Dense
from mesascope.studies.sander2024.dense.haar import HaarLosses
from mesascope.study.base import Readings

ARRIVED = 1e-3  # a loss per position that counts as zero


class Summary(NamedTuple):
    """What was trained on dynamics that commute, by the name of their law; and on Haar dynamics."""

    heads: tuple[int, ...]
    dim: int
    trained: dict[str, Dense]
    haar: HaarLosses


def readings(summary: Summary) -> Readings:
    """One number a seed, but for the best seed's loss on pairs and the share of seeds that stay dense."""
    dim, counts = summary.dim, np.array(summary.heads)
    all_of, spare, fewer, below = counts == dim, counts > dim, counts < dim, 2 * counts < dim
    unitary, pairs = (summary.trained[law] for law in (UNITARY, PAIRS))
    ends = {law: of.losses[:, -1] for law, of in summary.trained.items()}
    dense = np.where(np.isfinite(ends[PAIRS][:, all_of]), pairs.visible_energy[:, all_of] >= 0.5, np.nan)
    return {
        "zero": np.max([of[:, all_of] for of in ends.values()], axis=0),
        "floor": np.abs(ends[UNITARY][:, fewer] / (dim - counts[fewer]) - 1).max(axis=1),
        "energy": arrived(unitary, unitary.energy, all_of),
        "defect": arrived(unitary, unitary.defect, all_of),
        "visible": arrived(unitary, unitary.visible_energy, spare),
        "pairs-dense": dense.mean(),
        "pairs-floor": (ends[PAIRS][:, below] / (dim - 2 * counts[below])).min(),
        "haar-one": np.abs(summary.haar.loss / summary.haar.floor - 1),
        **_by_seed(summary),
    }


def arrived(of: Dense, reading: np.ndarray, among: np.ndarray) -> np.ma.MaskedArray:
    """A reading [seeds heads] of some numbers of heads, masked where a seed did not reach zero loss."""
    return np.ma.masked_array(reading, of.losses[:, -1] > ARRIVED)[:, among]


def _by_seed(summary: Summary) -> Readings:
    return {
        **{
            f"{what}, {law}, {heads} heads": numbers[:, i]
            for law, of in ((law, summary.trained[law]) for law in LAWS)
            for what, numbers in (
                ("loss per position", of.losses[:, -1]),
                ("visible off-diagonal energy", of.visible_energy),
                ("mean p_{T-1} / p_T", of.ratio),
            )
            for i, heads in enumerate(summary.heads)
        },
        "loss on Haar dynamics, 1 head": summary.haar.loss,
        "least loss on Haar dynamics": summary.haar.floor,
    }
