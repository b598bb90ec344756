"""The penalty that each stack is nearest to, and how far it is from ridge regression with others."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import shades
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.akyurek2022.noise.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def two_panels(summary: Summary) -> "Figure":
    """Distance over the penalty, and the nearest penalty over that of Bayes."""
    figure, [[curves, penalties]] = panel_grid(1, 2)
    distances_over_penalty(curves, summary)
    nearest_over_bayes(penalties, summary)
    return figure


def distances_over_penalty(axes: "Axes", summary: Summary) -> None:
    """A curve for each level, and a dotted line at its s^2 / tau^2."""
    labels = _labels(summary)
    for i, (label, colour) in enumerate(zip(labels, shades(len(labels)), strict=True)):
        band(axes, np.array(summary.curve), summary.fits.curve[i], label, color=colour)
        axes.axvline(summary.bayes_penalties[i], color=colour, linestyle=":", linewidth=1.2)
    axes.set(xlabel="ridge penalty", ylabel="distance to ridge")
    if np.isfinite(summary.curve).all():
        axes.set_xscale("log")
    axes.set_ylim(0, None)
    axes.legend()


def nearest_over_bayes(axes: "Axes", summary: Summary) -> None:
    """A point for each level and seed, and the line on which both are equal."""
    ends = np.array([summary.penalties[0] / 2, 2 * summary.penalties[-1]])
    axes.plot(ends, ends, label="equal", **REFERENCE)
    labels = _labels(summary)
    for i, (label, colour) in enumerate(zip(labels, shades(len(labels)), strict=True)):
        nearest = summary.fits.penalty[i]
        style = {"color": colour, "marker": "osD^v<>"[i % 7], "markerfacecolor": "none", "markersize": 5}
        axes.plot(np.full(len(nearest), summary.bayes_penalties[i]), nearest, linestyle="none", label=label, **style)
    axes.set(xlabel=r"$s^2 / \tau^2$", ylabel="nearest ridge penalty")
    if np.isfinite(summary.fits.penalty).any():  # a logarithmic axis needs positive numbers
        axes.set(xscale="log", yscale="log")
        ticks = [f"{penalty:g}" for penalty in summary.penalties]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(summary.penalties, ticks)
            axis.set_ticks([], minor=True)
    axes.legend()


def _labels(summary: Summary) -> list[str]:
    return [rf"$s^2 = {noise:g}$, $\tau^2 = {weight:g}$" for noise, weight in summary.levels]
