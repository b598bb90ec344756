"""Pieces that figures share. matplotlib is imported when a figure is drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REFERENCE = {"color": "black", "linestyle": "--", "linewidth": 1.2}  # the algorithm a model is held against


def band(axes: "Axes", x: np.ndarray, per_seed: np.ndarray, label: str, **style: Any) -> None:
    """The mean over seeds [seeds x] as a line, and the range from the lowest seed to the highest as a band."""
    (line,) = axes.plot(x, per_seed.mean(axis=0), label=label, **style)
    axes.fill_between(x, per_seed.min(axis=0), per_seed.max(axis=0), color=line.get_color(), alpha=0.25, linewidth=0)
