"""The panels of the figure on deep stacks."""

from typing import TYPE_CHECKING

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023.fig7_depth.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(summary: Summary) -> "Figure":
    """The loss over training of tied layers, untied ones and blocks, beside their rivals'."""
    figure, [row] = panel_grid(1, 3)
    panels = zip(row, ("tied", "untied", "blocks"), summary[:3], strict=True)
    for axes, name, of in panels:
        band(axes, of.steps, of.loss, f"{name}, trained", color="C0")
        axes.axhline(float(of.descent), label="gradient descent", **REFERENCE)
        axes.axhline(float(of.gdpp), label="GD++", color="C3", linestyle="-.")
        axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, None), title=name)
        axes.legend()
    return figure
