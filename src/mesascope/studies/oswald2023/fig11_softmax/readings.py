"""The numbers, one a seed, that the claims about softmax heads are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig11_softmax.cells import BestSteps, HeadMeasures
from mesascope.study.base import Readings


class Summary(NamedTuple):
    """What single steps reach, and what is measured of trained heads, by their number."""

    best: BestSteps
    heads: dict[int, HeadMeasures]


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and the losses and rates that they are made of.

    Where no single head was trained there is no number for it.
    """
    best, one, two = summary.best, summary.heads.get(1), summary.heads[2]
    rates, writes, loss = two.rates, two.writes, two.loss[:, -1]
    own = np.trace(rates, axis1=2, axis2=3) / rates.shape[-1]
    alone = np.ma.masked_all(len(loss)) if one is None else one.loss[:, -1]
    return {
        "one-head": alone / best.loss_gd,
        "two-heads": loss / best.loss_gd - 1,
        "centred-loss": np.abs(loss / best.loss_centred - 1),
        "centred-cosine": two.cosine_centred[:, -1],
        "centred-wins": two.cosine_centred[:, -1] - two.cosine_gd[:, -1],
        "opposite": np.abs(writes.sum(axis=1)) / np.abs(writes).sum(axis=1),
        "mirrored": cosine(off_diagonal(rates[:, 0]), off_diagonal(rates[:, 1])),
        "diagonal": distance_from_identity(rates.sum(axis=1)),
        "one-head-least": np.abs(np.ma.atleast_1d(np.ma.min(alone)) / best.loss_smoother - 1),
        **{f"loss of {heads(number)}": found.loss[:, -1] for number, found in summary.heads.items()},
        "loss of the best gradient step": best.loss_gd,
        "its rate": best.rate_gd,
        "loss of the best centred step": best.loss_centred,
        "the centred step's rate": best.rate_centred,
        "mean cosine between the two steps": best.cosine_of_both,
        "loss of the best single head whose W_KQ is b sqrt(k) I on x": best.loss_smoother,
        "that head's b": best.sharpness,
        "mean learning rate of the first of two heads": own[:, 0],
        "mean learning rate of the second": own[:, 1],
    }


def heads(number: int) -> str:
    """A number of heads in words."""
    return "1 head" if number == 1 else f"{number} heads"


def off_diagonal(matrices: np.ndarray) -> np.ndarray:
    """The entries off the diagonal [..., d^2 - d] of square matrices [..., d, d]."""
    return matrices[..., ~np.eye(matrices.shape[-1], dtype=bool)]


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The cosine of the angle between vectors, along the last axis."""
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.sum(first * second, axis=-1) / norms


def distance_from_identity(matrices: np.ndarray) -> np.ndarray:
    """|S - c I| / |S| (Frobenius), c the mean of S's diagonal: 0 for a multiple of the identity."""
    scale = np.trace(matrices, axis1=-2, axis2=-1) / matrices.shape[-1]
    rest = matrices - scale[..., None, None] * np.eye(matrices.shape[-1])
    return np.linalg.norm(rest, axis=(-2, -1)) / np.linalg.norm(matrices, axis=(-2, -1))
