"""What the curvature that layers learned is held against, in numbers."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig13_curvature.cells import Curvature
from mesascope.study.base import Readings


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


def readings(by_size: BySize, num_other_seeds: int) -> Readings:
    """The numbers that claims are about, and by number of examples the rates, the extremes and the conditioning."""
    found = by_size.values()
    main, *others = (np.abs(each.curvature[:, -1] / each.best_curvature - 1) for each in found)
    extremes = [farthest_extreme(each, PUBLISHED[size]) for size, each in by_size.items() if size in PUBLISHED]
    by_n = f"N = {', '.join(map(str, by_size))}"
    return {
        "gamma": main,
        "gamma-more": np.max(others, axis=0) if others else np.ma.masked_all(num_other_seeds),
        "extremes": np.max(extremes) if extremes else np.ma.masked_all(1),
        "conditioning": np.concatenate([each.median_ratio for each in found]),
        "heuristic": np.concatenate([each.best_conditioning / each.curvature[:, -1] for each in found]),
        f"learned learning rate, {by_n}": np.array([each.learning_rate[:, -1].mean() for each in found]),
        f"best learning rate, {by_n}": np.array([each.best_learning_rate for each in found]),
        f"learned curvature, {by_n}": np.array([each.curvature[:, -1].mean() for each in found]),
        f"best curvature, {by_n}": np.array([each.best_curvature for each in found]),
        f"curvature that conditions best, {by_n}": np.array([each.best_conditioning for each in found]),
        f"loss at the best rates, {by_n}": np.array([each.best_loss for each in found]),
        f"smallest eigenvalue, {by_n}": np.array([np.exp(np.log(each.smallest).mean()) for each in found]),
        f"largest eigenvalue, {by_n}": np.array([np.exp(np.log(each.largest).mean()) for each in found]),
    }


def farthest_extreme(found: Curvature, published: Published) -> float:
    """How far the published extremes are from ours, on a logarithmic scale, in standard deviations of ours."""
    ours = np.log([found.smallest, found.largest])
    distance = np.log([published.smallest, published.largest]) - ours.mean(axis=1)
    return float(np.max(np.abs(distance) / ours.std(axis=1, ddof=1)))
