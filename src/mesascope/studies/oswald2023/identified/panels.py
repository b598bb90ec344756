"""Distances of candidates in distribution, and of the choice away from it."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.identify.verdict import APPROXIMATE, TOLERANCE
from mesascope.studies.oswald2023.identified.readings import Asked, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LEAST, MOST = 1e-3, 2.0  # distances beyond are drawn at the edge


def ranking(summary: Summary) -> "Figure":
    """Every candidate's distance from every model, the seeds beside each other."""
    figure, panels = panel_grid(1, len(summary.models))
    for axes, (name, asked) in zip(panels[0], summary.models.items(), strict=True):
        candidates(axes, asked)
        axes.set_title(name)
    return figure


def candidates(axes: "Axes", asked: Asked) -> None:
    """A row a candidate, the nearest on top; filled: the choice."""
    found, num = asked.found, len(asked.candidates)
    order = np.argsort(np.nan_to_num(found.distances[:, :, 0].mean(axis=0), nan=np.inf))
    for row, place in enumerate(order):
        distances = np.clip(np.nan_to_num(found.distances[:, place, 0], nan=MOST), LEAST, MOST)
        chosen = found.choice == place
        axes.plot(distances[~chosen], np.full(np.sum(~chosen), row), "o", color="0.5", markerfacecolor="none")
        axes.plot(distances[chosen], np.full(np.sum(chosen), row), "o", color="C0")
    for bound in (TOLERANCE, APPROXIMATE):
        axes.axvline(bound, color="0.3", linestyle=":", linewidth=0.8)
    names = [asked.candidates[place] for place in order]
    axes.set(yticks=range(num), yticklabels=names, ylim=(num - 0.5, -0.5))
    axes.set(xscale="log", xlim=(LEAST, MOST), xlabel="distance in distribution")


def away(summary: Summary) -> "Figure":
    """The distance of the choice under other laws, its parameters kept."""
    figure, [panels] = panel_grid(1, 2)
    models = list(summary.models.items())
    for axes, shown in zip(panels, (models[:4], models[4:]), strict=True):
        for place, (name, asked) in enumerate(shown):
            rows = np.arange(len(asked.laws)) + 0.2 * (place - 1)
            distances = np.clip(np.nan_to_num(asked.found.at_laws, nan=MOST), LEAST, MOST)
            axes.plot(distances.T, rows, "osD^"[place], color=f"C{place}", markerfacecolor="none")
            axes.plot([], [], "osD^"[place], color=f"C{place}", markerfacecolor="none", label=name)
        laws = [law if not law.startswith("N =") else "N = 4 d" for law in shown[0][1].laws]
        axes.axvline(2 * TOLERANCE, color="0.3", linestyle=":", linewidth=0.8)
        axes.set(yticks=range(len(laws)), yticklabels=laws, ylim=(len(laws) - 0.4, -0.6))
        axes.set(xscale="log", xlim=(LEAST, MOST), xlabel="distance, parameters kept")
        axes.legend()
    return figure
