"""The numbers that claims on weights are about."""

import numpy as np

from mesascope.studies.oswald2023.fig9_weights.cells import Weights
from mesascope.study.base import Readings


def readings(summary: dict[int, Weights]) -> Readings:
    """The number each claim is about, for every seed, of tied layers the worst depth's; then rates and losses."""
    one = summary[1]
    tied = [weights for depth, weights in summary.items() if depth > 1]
    others = {}
    for depth, weights in summary.items():
        layers = "one layer" if depth == 1 else f"{depth} tied layers"
        others |= {
            f"learning rate / the best, {layers}": weights.learning_rate / weights.best_learning_rate,
            f"last diagonal entry of W_KQ, {layers}": weights.read_last,
            f"training loss, {layers}": weights.last_loss,
            f"loss of the best rates, {layers}": weights.best_loss,
        }
    return {
        "one-read": one.read_distance,
        "one-diagonal": one.read_spread,
        "one-beside": one.read_beside,
        "one-write": one.descent_distance,
        "one-rate": rate_off(one),
        "tied-read": np.max([weights.read_distance for weights in tied], axis=0),
        "tied-beside": np.max([weights.read_beside for weights in tied], axis=0),
        "tied-write": np.max([weights.gdpp_distance for weights in tied], axis=0),
        "tied-not-descent": np.min([weights.descent_distance for weights in tied], axis=0),
        "tied-equal": np.max([weights.write_spread / np.abs(weights.curvature) for weights in tied], axis=0),
        "tied-curvature": np.max([np.abs(each.curvature / each.best_curvature - 1) for each in tied], axis=0),
        "tied-rate": np.max([rate_off(weights) for weights in tied], axis=0),
        **others,
    }


def rate_off(weights: Weights) -> np.ndarray:
    """|learning rate / the best - 1|."""
    return np.abs(weights.learning_rate / weights.best_learning_rate - 1)
