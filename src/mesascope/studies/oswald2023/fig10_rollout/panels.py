"""The numbers that the claims about repeated application are judged by, and their figure."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.oswald2023.fig10_rollout.descent import DAMPENINGS
from mesascope.studies.oswald2023.fig10_rollout.readings import STABLE
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def four_panels(descent: Arrays, trained: Arrays) -> "Figure":
    """The loss over repeated application, a panel for each dampening."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 3.2), layout="constrained")
    panels = figure.subplots(1, len(DAMPENINGS))
    for i, axes in enumerate(panels):
        _panel(axes, descent, trained, i)
    panels[-1].legend()
    return figure


def _panel(axes: "Axes", descent: Arrays, trained: Arrays, index: int) -> None:
    steps = np.arange(1, descent["loss"].shape[1] + 1)
    styles = {"trained": ("C0", "-", "trained layer, by seed"), "silenced": ("C1", ":", "the same, writing to y only")}
    for name, (color, line, label) in styles.items():
        for seed, losses in enumerate(trained[name][:, index]):  # a mean over seeds would show the worst one only
            axes.plot(steps, losses, line, color=color, linewidth=1, alpha=0.7, label=None if seed else label)
    axes.plot(steps, descent["loss"][index], label="gradient descent", **REFERENCE)
    start = float(descent["zero_loss"])
    if start > 0 and STABLE[index]:
        axes.set_ylim(0, 0.8 * start)  # an explosion leaves the panel
    elif start > 0:  # a logarithmic axis needs a positive number
        axes.set(yscale="log", ylim=(0.1 * start, 1e4 * start))
    axes.set(title=f"dampening {DAMPENINGS[index]:g}", xlabel="steps", ylabel="validation loss")
