"""How far answers are from a subject's: relative to the size of the subject's own, uncentred, so that zero is at 1."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

TOP = 0.01  # the share of prompts whose part in a sum is looked at
HEAVY = 0.25  # beyond which a sum is judged by medians


class Distance(NamedTuple):
    """sqrt(mean over environments of sum |f - g|^2 / sum |f|^2), or of medians where a sum has heavy tails."""

    delta: float
    top_share: float
    by_median: bool


def squares(answers: np.ndarray) -> np.ndarray:
    """|.|^2 of answers [... b m dy], summed over what belongs to one prompt: [... b]; inf where one is no number."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.sum(np.abs(answers).astype(float) ** 2, axis=(-2, -1))
    return np.where(np.isfinite(found), found, np.inf)


def errors(subject: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """|f - g|^2 a prompt [... b], of a subject's answers [b m dy] and a candidate's [... b m dy]."""
    with np.errstate(over="ignore", invalid="ignore"):
        return squares(candidate.astype(np.result_type(candidate, 0.0)) - subject)


def ratio(errors: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """D of one environment: sums over prompts, then the ratio; 0 of two zeros, infinite where the subject is zero."""
    top, bottom = errors.sum(axis=-1), sizes.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(top == 0, 0.0, top / bottom)


def top_share(errors: np.ndarray) -> float:
    """The part that the worst hundredth of prompts has in the sum of errors [b]."""
    whole = errors.sum()
    if not np.isfinite(whole) or whole == 0:
        return 0.0
    worst = max(1, round(TOP * len(errors)))
    return float(np.sort(errors)[-worst:].sum() / whole)


def distance(errors: Sequence[np.ndarray], sizes: Sequence[np.ndarray]) -> Distance:
    """Over environments, each with an error and a size a prompt [b]."""
    share = max(top_share(each) for each in errors)
    heavy = share > HEAVY and min(len(each) for each in errors) >= 1 / TOP
    found = [by_median(e, s) if heavy else ratio(e, s) for e, s in zip(errors, sizes, strict=True)]
    return Distance(float(np.sqrt(np.mean(found))), share, heavy)


def by_median(errors: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """D of one environment by the medians of both."""
    top, bottom = np.median(errors, axis=-1), np.median(sizes, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(top == 0, 0.0, top / bottom)
