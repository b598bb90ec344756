"""Distances to the two rivals over the number of pretraining tasks, and losses on fresh ones."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LEAST_SQUARES, LINE, OTHER, TRAINED
from mesascope.studies._shared.panels import band
from mesascope.studies.raventos2023.diversity.readings import FRESH, LAWS, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def three_panels(summary: Summary) -> "Figure":
    """Distances on the pool's own tasks, on fresh tasks, and losses on fresh tasks."""
    figure, [[own, fresh, losses]] = panel_grid(1, 3)
    for law, axes in enumerate((own, fresh)):
        distances(axes, summary, law)
    losses_on_fresh(losses, summary)
    for axes in (own, fresh, losses):
        axes.set(xlabel="pretraining tasks M", xscale="log")
        axes.set_xticks(summary.sizes, [str(size) for size in summary.sizes])
        axes.set_xticks([], minor=True)
        axes.set_ylim(0, None)
        axes.legend()
    return figure


def distances(axes: "Axes", summary: Summary, law: int) -> None:
    """How far models are from either rival, and the rivals from each other."""
    found, sizes = summary.found, np.array(summary.sizes)
    band(axes, sizes, found.to_pool[:, law].T, "model to pool posterior", marker="o", color=OTHER["color"])
    band(axes, sizes, found.to_ridge[:, law].T, "model to ridge", marker="s", color=LEAST_SQUARES["color"])
    axes.plot(sizes, found.apart[:, law], label="pool posterior to ridge", **LINE)
    axes.set(ylabel="relative distance", title=f"prompts of {LAWS[law]}")


def losses_on_fresh(axes: "Axes", summary: Summary) -> None:
    """Of the models and of both rivals."""
    found, sizes = summary.found, np.array(summary.sizes)
    band(axes, sizes, found.loss[:, FRESH].T, "model", marker="o", **TRAINED)
    axes.plot(sizes, found.pool_loss[:, FRESH], label="pool posterior", **OTHER)
    axes.plot(sizes, found.ridge_loss[:, FRESH], label="ridge", **LEAST_SQUARES)
    axes.set(ylabel="loss", title=f"prompts of {LAWS[FRESH]}")
