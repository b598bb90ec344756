"""The numbers that claims on weights are about."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig9_weights.cells import Weights
from mesascope.study.base import Readings


class Summary(NamedTuple):
    """The weights of one layer, and of tied layers."""

    one: Weights
    tied: Weights


def readings(summary: Summary) -> Readings:
    """The number each claim is about, for every seed; then rates and losses."""
    one, tied = summary
    others = {}
    for layers, weights in (("one layer", one), ("tied layers", tied)):
        others |= {
            f"learning rate, {layers}": weights.learning_rate,
            f"best learning rate, {layers}": weights.best_learning_rate,
            f"training loss, {layers}": weights.last_loss,
            f"loss of the best rates, {layers}": weights.best_loss,
        }
    return {
        "one-read": one.read_distance,
        "one-write": one.descent_distance,
        "one-rate": off(one.learning_rate, one.best_learning_rate),
        "tied-read": tied.read_distance,
        "tied-write": tied.gdpp_distance,
        "tied-not-descent": tied.descent_distance,
        "tied-equal": tied.write_spread / np.abs(tied.curvature),
        "tied-curvature": off(tied.curvature, tied.best_curvature),
        "tied-rate": off(tied.learning_rate, tied.best_learning_rate),
        **others,
        "curvature, tied layers": tied.curvature,
        "best curvature, tied layers": tied.best_curvature,
    }


def off(rate: np.ndarray, best: np.ndarray) -> np.ndarray:
    """|rate / the best - 1|."""
    return np.abs(rate / best - 1)
