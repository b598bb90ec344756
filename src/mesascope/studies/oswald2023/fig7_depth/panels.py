"""The panels of the figure on deep stacks."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GDPP, GRADIENT_DESCENT, TRAINED
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023._shared.stack_panels import show_decades
from mesascope.studies.oswald2023.fig7_depth.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(summary: Summary) -> "Figure":
    """The loss over training of tied layers, untied ones and blocks, beside their rivals'."""
    figure, [row] = panel_grid(1, 3)
    panels = zip(row, ("tied layers", "untied layers", "blocks"), summary[:3], strict=True)
    for axes, name, of in panels:
        band(axes, of.steps, of.loss, f"{name}, trained", **TRAINED)
        axes.axhline(float(of.descent), label="gradient descent as deep", **GRADIENT_DESCENT)
        if of is summary.tied:
            axes.axhline(float(summary.rival.loss), label="GD++ as the authors train it", **GDPP)
        axes.axhline(float(of.gdpp), label="GD++ with the best common rates", **{**GDPP, "linestyle": ":"})
        axes.set(xlabel="training step", ylabel="validation loss", title=name)
        show_decades(axes, np.append(of.loss, of.gdpp))
        axes.legend()
    return figure
