"""Axes whose numbers are short and do not overlap, however narrow a panel is."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def log_axis(axes: "Axes", name: str, values: np.ndarray) -> None:
    """Makes the axis `name`, x or y, logarithmic with numbers at 1, 2 and 5, or at powers of ten beyond two decades.

    It stays linear where some of `values` is not positive, or all are equal.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    shown = np.asarray(values, float)
    shown = shown[np.isfinite(shown)]
    if not shown.size or shown.min() <= 0 or shown.min() == shown.max():
        return
    subs = (1.0, 2.0, 5.0) if shown.max() < 100 * shown.min() else (1.0,)
    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def training_steps(axes: "Axes", steps: np.ndarray) -> None:
    """The name of the x axis of training steps, which are counted in thousands where there are many."""
    if steps[-1] < 5000:
        axes.set(xlabel="training step")
        return
    axes.xaxis.set_major_formatter(lambda step, _: f"{step / 1000:g}")
    axes.set(xlabel="training step (thousands)")
