"""Distances of candidates in distribution, and of the choice away from it."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.identify.verdict import TOLERANCE
from mesascope.studies.oswald2023.identified.readings import NAMES, Asked, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LEAST, MOST = 1e-2, 2.0  # distances beyond are drawn at the edge
NUM_PROMPTS = 4  # models of prompts, which come first
SHORT = ("one\nlayer", "two\ntied", "five\nuntied", "two\nheads", "aug-\nmented", "equal\nsigns")


def distances(summary: Summary) -> "Figure":
    """Every candidate's distance from every model, of the farthest seed; a frame: the choice of some seed."""
    figure, [panels] = panel_grid(1, 2, narrowest=7.0)
    for axes, which in zip(panels, (slice(NUM_PROMPTS), slice(NUM_PROMPTS, None)), strict=True):
        table(axes, summary.models[which], SHORT[which])
    return figure


def table(axes: "Axes", models: tuple[Asked, ...], names: tuple[str, ...]) -> None:
    """A row a candidate, a column a model; dark is near."""
    found = np.stack([asked.found.distances[:, :, 0].max(axis=0) for asked in models], axis=1)
    shown = np.log10(np.clip(np.nan_to_num(found, nan=MOST), LEAST, MOST))
    axes.imshow(shown, cmap="viridis", vmin=np.log10(LEAST), vmax=np.log10(MOST), aspect="auto")
    for row, column in np.ndindex(*found.shape):
        chosen = bool(np.any(models[column].found.choice == row))
        style = {"edgecolor": "red", "boxstyle": "round,pad=0.25", "facecolor": "none"} if chosen else None
        color = "white" if shown[row, column] < -0.7 else "black"
        text = f"{found[row, column]:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=color, bbox=style)
    candidates = models[0].candidates
    axes.set(xticks=range(len(models)), xticklabels=names, yticks=range(len(candidates)), yticklabels=candidates)
    axes.set_title("farthest seed's distance; framed: a choice", fontsize=8)
    axes.grid(False)


def away(summary: Summary) -> "Figure":
    """The distance of the choice under other laws, its parameters kept."""
    figure, [panels] = panel_grid(1, 2)
    models = list(zip(NAMES, summary.models, strict=True))
    for axes, shown in zip(panels, (models[:NUM_PROMPTS], models[NUM_PROMPTS:]), strict=True):
        for place, (name, asked) in enumerate(shown):
            style = {"marker": "osD^"[place], "color": f"C{place}", "markerfacecolor": "none", "linestyle": "none"}
            rows = np.arange(len(asked.laws)) + 0.18 * (place - (len(shown) - 1) / 2)
            axes.plot(np.clip(np.nan_to_num(asked.found.at_laws, nan=MOST), LEAST, MOST).T, rows, **style)
            axes.plot([], [], label=name, **style)
        laws = ["N = 4 d" if law.startswith("N =") else law for law in shown[0][1].laws]
        axes.axvline(2 * TOLERANCE, color="0.3", linestyle=":", linewidth=0.8)
        axes.set(yticks=range(len(laws)), yticklabels=laws, ylim=(len(laws) - 0.4, -0.6))
        axes.set(xscale="log", xlim=(LEAST, MOST), xlabel="distance of the choice, parameters kept")
        axes.legend()
    return figure
