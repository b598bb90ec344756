"""TODO"""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig13_curvature.cells import NUM_TASKS
from mesascope.study.base import Arrays


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


def farthest_extreme(arrays: Arrays, published: Published) -> float:
    """How far the published extremes are from ours, on a logarithmic scale, in standard deviations of ours."""
    ours = np.log([arrays["smallest"], arrays["largest"]])
    distance = np.log([published.smallest, published.largest]) - ours.mean(axis=1)
    return float(np.max(np.abs(distance) / ours.std(axis=1, ddof=1)))


def remark(num_examples: int, arrays: Arrays) -> str:
    """The rates, the extremes and the conditioning of one number of examples, in a sentence."""
    rates = [f"{arrays[name][:, -1].mean():.3g}" for name in ("learning_rate", "curvature")]
    best = [f"{float(arrays[name]):.3g}" for name in ("best_learning_rate", "best_curvature")]
    extremes = [f"{np.exp(np.log(arrays[name]).mean()):.3g}" for name in ("smallest", "largest")]
    return (
        f"N = {num_examples}: eta and gamma learned {rates[0]} and {rates[1]}, best {best[0]} and {best[1]} "
        f"(loss {float(arrays['best_loss']):.3g}), for the conditioning {float(arrays['best_conditioning']):.3g}; "
        f"eigenvalues of {NUM_TASKS} tasks from {extremes[0]} to {extremes[1]}; median condition number after one map "
        f"{arrays['median_ratio'].mean():.2g} of that before."
    )
