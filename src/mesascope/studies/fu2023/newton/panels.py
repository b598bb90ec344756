"""Maps of layers against steps, the nearest step of each layer, and errors."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, OTHER, TRAINED
from mesascope.probes.layer_map import NEAR, LayerMap
from mesascope.studies._shared.panels import band
from mesascope.studies.fu2023.newton.cells import Law
from mesascope.studies.fu2023.newton.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


STEPS = (1, 4, 16, 64, 256, 1024)  # numbers that axes of steps show
FAR = 0.5  # where the colours of distances end


def maps_and_steps(law: Law) -> "Figure":
    """Both maps of the first seed, and the nearest steps of all seeds."""
    figure, [[newton, descent, steps]] = panel_grid(1, 3)
    map_of_distances(newton, law.newton[0], "Newton iterate")
    map_of_distances(descent, law.descent[0], "gradient step")
    nearest_steps(steps, law)
    return figure


def errors(summary: Summary) -> "Figure":
    """The errors on either law of inputs."""
    figure, [panels] = panel_grid(1, 2)
    for axes, law, name in zip(panels, summary, ("equal variances", "ill-conditioned"), strict=True):
        errors_over_layers(axes, law)
        axes.set_title(name)
    return figure


def map_of_distances(axes: "Axes", found: LayerMap, steps: str) -> None:
    """Distances as colours; a ring marks a layer's nearest step, filled where the distance is at most .15."""
    num_layers, num_steps = found.distances.shape
    edges = np.arange(num_steps + 1) + 0.5, np.arange(num_layers + 1) + 0.5
    shown = np.minimum(np.nan_to_num(found.distances, nan=FAR), FAR)
    mesh = axes.pcolormesh(*edges, shown, cmap="viridis", vmin=0, vmax=FAR, rasterized=True)
    layers, near = np.arange(num_layers) + 1, found.best_distance <= NEAR
    for chosen, face in ((near, "red"), (~near, "none")):
        style = {"markerfacecolor": face, "markeredgecolor": "white", "markersize": 5, "linestyle": "none"}
        axes.plot(found.best_step[chosen], layers[chosen], marker="o", **style)
    axes.set(xlabel=steps, ylabel="layer", xscale="log")
    _tick(axes.xaxis, num_steps)
    axes.set_yticks(layers)
    axes.grid(False)
    axes.figure.colorbar(mesh, ax=axes, label="distance", extend="max", ticks=(0, NEAR, FAR))


def nearest_steps(axes: "Axes", law: Law) -> None:
    """k* of each layer, a line a seed; a marker is filled where the distance is at most .15."""
    layers = np.arange(law.error.shape[1]) + 1
    for color, marker, maps, label in (
        (OTHER["color"], "o", law.newton, "Newton"),
        (GRADIENT_DESCENT["color"], "s", law.descent, "gradient descent"),
    ):
        for seed, found in enumerate(maps):
            near = found.best_distance <= NEAR
            style = {"color": color, "marker": marker, "markersize": 4}
            axes.plot(layers, found.best_step, linewidth=0.6, markerfacecolor="white", **style)
            axes.plot(layers[near], found.best_step[near], linestyle="none", label=None if seed else label, **style)
    axes.set(xlabel="layer", ylabel="nearest step", yscale="log", xticks=layers)
    _tick(axes.yaxis, max(found.distances.shape[1] for found in (*law.newton, *law.descent)))
    axes.legend()


def _tick(axis: "Axis", num_steps: int) -> None:
    shown = [step for step in STEPS if step <= num_steps]
    axis.set_ticks(shown, [str(step) for step in shown])
    axis.set_ticks([], minor=True)


def errors_over_layers(axes: "Axes", law: Law) -> None:
    """Of the models after each layer, and of the algorithms after as many steps."""
    layers = np.arange(law.error.shape[1]) + 1
    band(axes, layers, law.error, "model", marker="o", **TRAINED)
    axes.plot(layers, law.newton_error[: len(layers)], label="Newton", **OTHER)
    axes.plot(layers, law.descent_error[: len(layers)], label="gradient descent", **GRADIENT_DESCENT)
    axes.set(xlabel="layer, or step", ylabel="relative error", xticks=layers)
    if np.isfinite(law.newton_error).any():  # a logarithmic axis needs positive numbers
        axes.set_yscale("log")
    axes.legend()
