"""How far answers are from a subject's, in units of the subject's own answers."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Inexact
from numpy.typing import ArrayLike

from mesascope.printing import in_short
from mesascope.validation import check_finite_array, check_shape

TOP = 0.01  # of the prompts
MOST_OF_TOP = 0.25  # of the sum: what the top prompts may hold before a sum says little of the others
FEWEST_PROMPTS = 100  # of which a hundredth is one or more


class PromptSums(NamedTuple):
    """|f - g|^2 and |f|^2 for each prompt, at each position [... b p]; f a subject's answers, g others."""

    differences: Float[np.ndarray, "... b p"]
    sizes: Float[np.ndarray, "... b p"]

    __repr__ = in_short


class SquaredDistance(NamedTuple):
    """D of one environment, the mean of D over positions; at each position what it was judged by."""

    value: Float[np.ndarray, "..."]
    by_position: Float[np.ndarray, "... p"]
    top_share: Float[np.ndarray, "... p"]
    """The share of the top 1% of prompts, at least one, in the sum of |f|^2."""
    by_median: Bool[np.ndarray, "... p"]
    """Whether D is a ratio of medians, since the top share is above a quarter."""

    __repr__ = in_short


def prompt_sums(answers: Inexact[np.ndarray, "b m dy"], others: Inexact[np.ndarray, "b m dy"]) -> PromptSums:
    """Sums over all queries of a prompt: one position [b 1]. Others that are not finite are infinitely far.

    ValueError where an answer of the subject is not finite, and for others of another shape.
    """
    with np.errstate(over="ignore"):
        return PromptSums(*(each.sum(axis=1, keepdims=True) for each in position_sums(answers, others)))


def position_sums(answers: Inexact[np.ndarray, "b p dy"], others: Inexact[np.ndarray, "b p dy"]) -> PromptSums:
    """The same for a causal subject, whose answers [b t d] are its predictions at t positions [b t]."""
    check_shape("others", others, answers.shape)
    check_finite_array("answers", answers)
    answers, others = (np.asarray(each, np.promote_types(each.dtype, np.float64)) for each in (answers, others))
    with np.errstate(over="ignore", invalid="ignore"):
        differences = (np.abs(answers - others) ** 2).sum(axis=-1)
    return PromptSums(np.where(np.isnan(differences), np.inf, differences), (np.abs(answers) ** 2).sum(axis=-1))


def squared_distance(sums: PromptSums) -> SquaredDistance:
    """D = sum |f - g|^2 / sum |f|^2 over prompts, at each position; then the mean over positions.

    Uncentred: g = 0 is at 1 exactly. Positions are not pooled: early ones would hide behind the largest answers. Where
    the top 1% of prompts hold more than a quarter of sum |f|^2, D is median |f - g|^2 / median |f|^2 instead. This rule
    looks at f alone, so that all g are judged alike, and needs 100 prompts and a median that is not 0. D is infinite
    for a g that is not finite on any prompt, by median, too. A subject that answers zero to all prompts has no unit: D
    is 0 where g does so too, else infinite. Axes before prompts, as of resampled ones, are kept.
    """
    share = top_share(sums.sizes)
    by_median = is_heavy(sums.sizes)
    by_position = ratio(sums.differences.sum(axis=-2), sums.sizes.sum(axis=-2))
    if by_median.any():
        medians = ratio(*(np.median(each, axis=-2) for each in sums))
        by_position = np.where(by_median & np.isfinite(by_position), medians, by_position)
    return SquaredDistance(by_position.mean(axis=-1), by_position, share, by_median)


def distance(environments: Sequence[SquaredDistance]) -> float:
    """delta = sqrt(mean of D over environments), each counting the same; ValueError where there is none."""
    if not environments:
        raise ValueError("`environments` must hold one or more; got none. Measure `squared_distance` in each.")
    return math.sqrt(float(np.mean([each.value for each in environments])))


def root_share(part: Inexact[np.ndarray, "..."], whole: Inexact[np.ndarray, "..."]) -> float:
    """sqrt(sum |part|^2 / sum |whole|^2); infinite where either is not finite, 0 where both are zero."""
    with np.errstate(over="ignore", invalid="ignore"):
        top, bottom = (np.asarray(np.sum(np.abs(each) ** 2)) for each in (part, whole))
    return math.sqrt(float(ratio(top, bottom))) if np.isfinite(bottom) else math.inf


def ratio(top: ArrayLike, bottom: ArrayLike) -> Float[np.ndarray, "..."]:
    """top / bottom: 0 where both are zero, infinite where the bottom alone is, or both are infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.divide(top, bottom)
    return np.where(np.isnan(found), np.where(np.equal(top, 0), 0.0, np.inf), found)


def top_share(sizes: Float[np.ndarray, "... b p"]) -> Float[np.ndarray, "... p"]:
    """The share of the largest 1% of prompts, at least one, in the sum."""
    num_top = max(1, round(TOP * sizes.shape[-2]))
    return ratio(np.sort(sizes, axis=-2)[..., -num_top:, :].sum(axis=-2), sizes.sum(axis=-2))


def is_heavy(sizes: Float[np.ndarray, "... b p"]) -> Bool[np.ndarray, "... p"]:
    """Whether few prompts hold more than a quarter of the sum, where there are enough to say so.

    Not where the median prompt has size 0, as of a lasso that mostly answers zero: no unit but the sum is left.
    """
    enough = sizes.shape[-2] >= FEWEST_PROMPTS
    return (top_share(sizes) > MOST_OF_TOP) & enough & (np.median(sizes, axis=-2) > 0)
