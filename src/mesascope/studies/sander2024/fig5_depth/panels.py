"""What models of several depths reached, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.sander2024.fig5_depth.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LOSS = "loss / $|s|^2$"


def three_panels(summary: Summary) -> "Figure":
    """Losses by depth; along the sequence; after each layer of the deepest model."""
    figure, [[by_depth, along, readout]] = panel_grid(1, 3)
    here, anywhere = summary
    by_steps, read, linear = here.by_steps(), here.read(), here.not_normalised()
    steps, states = np.arange(1, len(by_steps) + 1), np.arange(1, here.models[-1].loss.shape[-1] + 1)
    band(by_depth, np.array(here.depths), here.by_depth(), "trained", marker="o")
    band(by_depth, np.array(anywhere.depths), anywhere.by_depth(), "trained, any $s_1$", marker="s")
    by_depth.plot(np.ones(len(linear)), linear, "x", color="C2", label="one layer, not normalised")
    band(readout, np.arange(1, read.shape[1] + 1), read, "read after each layer", marker="o")
    for axes in (by_depth, readout):
        axes.plot(steps, by_steps, label="gradient descent", **REFERENCE)
        axes.plot(steps, here.by_steps_each(), label="a coefficient each", **{**REFERENCE, "linestyle": ":"})
    for i, (depth, of_depth) in enumerate(zip(here.depths, here.models, strict=True)):
        band(along, states, of_depth.whole(), f"{depth} layers" if depth > 1 else "1 layer", color=f"C{i}")
    along.plot(states, here.rivals.loss[0], label="1 step", **REFERENCE)
    along.plot(states, here.rivals.loss[-1], label=f"{len(steps)} steps", **{**REFERENCE, "linestyle": ":"})
    known = here.rivals.least_squares
    along.plot(states, known, color="grey", linewidth=1, label="least squares")
    for axes in (by_depth, readout):
        axes.axhline(known.mean(), color="grey", linewidth=1, label="least squares")
    by_depth.set(xlabel="layers, or steps", ylabel=LOSS)
    along.set(xlabel="states seen", ylabel=LOSS)
    readout.set(xlabel=f"layer of {here.depths[-1]}, or step", ylabel=LOSS)
    for axes in (by_depth, along, readout):
        axes.set_ylim(0, None)
        axes.legend()
    return figure
