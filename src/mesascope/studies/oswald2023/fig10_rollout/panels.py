"""The loss over repeated application, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.oswald2023.fig10_rollout.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def a_panel_each(summary: Summary) -> "Figure":
    """The loss over repeated application, a panel for each dampening."""
    figure, [panels] = panel_grid(1, len(summary.dampenings))
    for i, axes in enumerate(panels):
        _panel(axes, summary, i)
    panels[-1].legend()
    return figure


def _panel(axes: "Axes", summary: Summary, index: int) -> None:
    steps = np.arange(1, summary.descent.loss.shape[1] + 1)
    repeated = summary.repeated
    layers = (
        (repeated.trained, "C0", "-", "trained layer, by seed"),
        (repeated.silenced, "C1", ":", "the same, writing to y only"),
    )
    for of_layers, color, line, label in layers:
        for seed, losses in enumerate(of_layers[:, index]):  # a mean over seeds would show the worst one only
            axes.plot(steps, losses, line, color=color, linewidth=1, alpha=0.7, label=None if seed else label)
    axes.plot(steps, summary.descent.loss[index], label="gradient descent", **REFERENCE)
    start = float(summary.population.zero_loss)
    if start > 0 and summary.stable()[index]:
        axes.set_ylim(0, 0.8 * start)  # an explosion leaves the panel
    elif start > 0:  # a logarithmic axis needs a positive number
        axes.set(yscale="log", ylim=(0.1 * start, 1e4 * start))
    axes.set(title=f"dampening {summary.dampenings[index]:g}", xlabel="steps", ylabel="validation loss")
