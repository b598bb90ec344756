"""What the curvature that layers learned is held against, in numbers."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig13_curvature.cells import Curvature
from mesascope.study.base import Readings

# What is read, in the words of a criterion; gamma is the curvature of GD++, x <- (I - gamma X X^T) x.
PAPERS = "largest |learned γ / paper's γ - 1|: .179, .099, .056, .029 for N = 10, 25, 50, 100"
BEST = "|learned γ / γ of least expected loss of two steps of GD++ - 1|, N = 10"
MORE = "largest |learned γ / γ of least expected loss of two steps of GD++ - 1| over N = 25, 50, 100"
EXTREME = "largest |log of a published extreme - mean of ours| / standard deviation of ours, over draws and all N"
MEDIAN = "median condition number of a task's XXᵀ after one map with learned γ / before, largest over all N"
HEURISTIC = "γ of least condition number of all tasks / learned γ, smallest over all N"


class Published(NamedTuple):
    """What the paper's figure 13 reports for one number of examples (dim_x = 10, inputs in [-1/2, 1/2])."""

    smallest: float
    largest: float
    curvature: float


PUBLISHED = {
    10: Published(1e-10, 4.6, 0.179),
    25: Published(0.097, 7.712, 0.099),
    50: Published(0.666, 10.845, 0.056),
    100: Published(2.870, 17.196, 0.029),
}

BySize = dict[int, Curvature]  # by number of examples, the main one first


def readings(by_size: BySize) -> Readings:
    """The numbers that claims are about, one a seed, and by number of examples what they are made of."""
    found = by_size.values()
    nothing = np.ma.masked_all(len(next(iter(found)).median_ratio))
    main, *others = (np.abs(each.curvature[:, -1] / each.best_curvature - 1) for each in found)
    reported = [(each, PUBLISHED[size]) for size, each in by_size.items() if size in PUBLISHED]
    misses = [np.abs(each.curvature[:, -1] / published.curvature - 1) for each, published in reported]
    return {
        "published": np.max(misses, axis=0) if misses else nothing,
        "gamma": main,
        "gamma-more": np.max(others, axis=0) if others else nothing,
        "extremes": np.max([farthest_extreme(*each) for each in reported]) if reported else np.ma.masked_all(1),
        "conditioning": np.max([each.median_ratio for each in found], axis=0),
        "heuristic": np.min([each.best_conditioning / each.curvature[:, -1] for each in found], axis=0),
        **_by_number_of_examples(by_size),
    }


def _by_number_of_examples(by_size: BySize) -> Readings:
    """Rates for every seed, and for each number of examples the best ones and the extremes."""
    found = by_size.values()
    by_n = f"N = {', '.join(map(str, by_size))}"
    learned = {
        f"learned {name}, N = {size}, every seed": rates[:, -1]
        for size, each in by_size.items()
        for name, rates in (("gamma", each.curvature), ("learning rate", each.learning_rate))
    }
    return {
        **learned,
        f"gamma of least loss, {by_n}": np.array([each.best_curvature for each in found]),
        f"learning rate of least loss, {by_n}": np.array([each.best_learning_rate for each in found]),
        f"least loss of two steps, {by_n}": np.array([each.best_loss for each in found]),
        f"gamma of least condition number, {by_n}": np.array([each.best_conditioning for each in found]),
        f"smallest eigenvalue, {by_n}": np.array([np.exp(np.log(each.smallest).mean()) for each in found]),
        f"largest eigenvalue, {by_n}": np.array([np.exp(np.log(each.largest).mean()) for each in found]),
    }


def farthest_extreme(found: Curvature, published: Published) -> float:
    """How far the published extremes are from ours, on a logarithmic scale, in standard deviations of ours."""
    ours = np.log([found.smallest, found.largest])
    distance = np.log([published.smallest, published.largest]) - ours.mean(axis=1)
    return float(np.max(np.abs(distance) / ours.std(axis=1, ddof=1)))
