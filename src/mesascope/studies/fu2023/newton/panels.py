"""Maps of layers against steps, the nearest step of each layer, and errors."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.probes.layer_map import NEAR, LayerMap
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.fu2023.newton.cells import Law
from mesascope.studies.fu2023.newton.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panels_of_laws(summary: Summary) -> "Figure":
    """A row for each law: both maps of the first seed, the nearest steps of all seeds, errors."""
    figure, rows = panel_grid(2, 4, narrowest=3.8)
    for row, law, name in zip(rows, summary, ("equal variances", "ill-conditioned"), strict=True):
        newton, descent, steps, errors = row
        map_of_distances(newton, law.newton[0], "Newton iterate")
        map_of_distances(descent, law.descent[0], "gradient step")
        nearest_steps(steps, law)
        errors_over_layers(errors, law)
        for axes in row:
            axes.set_title(name)
    return figure


def map_of_distances(axes: "Axes", found: LayerMap, steps: str) -> None:
    """Distances as colours, steps on a logarithmic axis; a ring marks the nearest step, filled where it is near."""
    num_layers, num_steps = found.distances.shape
    edges = np.arange(num_steps + 1) + 0.5, np.arange(num_layers + 1) + 0.5
    shown = np.minimum(np.nan_to_num(found.distances, posinf=1.0), 1.0)
    mesh = axes.pcolormesh(*edges, shown, cmap="viridis", vmin=0, vmax=1, rasterized=True)
    near = found.best_distance <= NEAR
    style = {"linestyle": "none", "marker": "o", "markersize": 4, "markeredgecolor": "white"}
    for chosen, face in ((near, "red"), (~near, "none")):
        places = np.flatnonzero(chosen)
        axes.plot(found.best_step[places], places + 1, markerfacecolor=face, **style)
    axes.set(xlabel=steps, ylabel="layer", xscale="log")
    axes.grid(False)
    axes.figure.colorbar(mesh, ax=axes, label="distance")


def nearest_steps(axes: "Axes", law: Law) -> None:
    """k* of each layer over seeds; small where the distance is above .15 and it is no match."""
    layers = np.arange(law.error.shape[1]) + 1
    for color, marker, maps, label in (("C0", "o", law.newton, "Newton"), ("C1", "s", law.descent, "gradient descent")):
        for seed, found in enumerate(maps):
            sizes = np.where(found.best_distance <= NEAR, 22.0, 4.0)
            axes.plot(layers, found.best_step, color=color, linewidth=0.6, label=label if seed == 0 else None)
            axes.scatter(layers, found.best_step, sizes, color=color, marker=marker)
    axes.set(xlabel="layer", ylabel="nearest step", yscale="log")
    axes.legend()


def errors_over_layers(axes: "Axes", law: Law) -> None:
    """Of the models after each layer, and of the algorithms after as many steps."""
    layers = np.arange(law.error.shape[1]) + 1
    band(axes, layers, law.error, "model", color="C2", marker="o")
    axes.plot(layers, law.newton_error[: len(layers)], color="C0", linestyle=":", label="Newton")
    axes.plot(layers, law.descent_error[: len(layers)], label="gradient descent", **{**REFERENCE, "color": "C1"})
    axes.set(xlabel="layer, or step", ylabel="relative error", yscale="log")
    axes.legend()
