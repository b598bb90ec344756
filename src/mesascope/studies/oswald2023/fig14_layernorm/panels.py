"""The panels of normalised layers, a row for each depth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LINE, TRAINED
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023.fig14_layernorm.cells import NormalisedLosses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TICKS = (0.5, 1.0, 2.0, 5.0, 20.0, 100.0)


def rows_of_depths(losses: Mapping[int, NormalisedLosses], input_scales: tuple[float, ...]) -> "Figure":
    """The loss over training, and over input scales, by depth."""
    figure, rows = panel_grid(len(losses), 2)
    for (training, scales), (depth, of_depth) in zip(rows, losses.items(), strict=True):
        over_training(training, of_depth, input_scales.index(1.0))
        over_input_scale(scales, of_depth, np.array(input_scales))
        for axes in (training, scales):
            axes.set_title(f"K = {depth}")
            axes.axhline(1.0, label="predicting zero", **LINE)
            axes.legend()
    return figure


def over_training(axes: "Axes", losses: NormalisedLosses, as_trained: int) -> None:
    """Every seed's loss, a line each, since plateaus differ in length, and gradient descent's."""
    zero = losses.away_zero[as_trained]
    lines = axes.plot(losses.steps, losses.loss.T / zero, **TRAINED)
    lines[0].set_label(f"trained (n = {len(lines)})")
    axes.axhline(losses.away_descent[as_trained] / zero, label="gradient descent", **GRADIENT_DESCENT)
    axes.set(xlabel="training step", ylabel="loss relative to predicting zero", ylim=(0, 1.05))


def over_input_scale(axes: "Axes", losses: NormalisedLosses, scales: np.ndarray) -> None:
    """Losses on inputs of other scales than trained on, which is marked."""
    band(axes, scales, losses.away_trained / losses.away_zero, "trained", marker="o", **TRAINED)
    axes.plot(scales, losses.away_descent / losses.away_zero, label="gradient descent", **GRADIENT_DESCENT)
    axes.axvline(1.0, **LINE)
    if np.any(losses.away_descent > 0):  # a logarithmic axis needs a positive number
        axes.set_yscale("log")
        axes.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
        axes.minorticks_off()
    axes.set(xlabel="input scale relative to training", ylabel="loss relative to predicting zero")
