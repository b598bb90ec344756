"""The panels of the sine waves."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.along_training import AlongTraining
from mesascope.studies.oswald2023._shared.layer_panels import alignment_over_training
from mesascope.studies.oswald2023.fig4_sine.cells import SineMeasures, Waves
from mesascope.studies.oswald2023.fig4_sine.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def three_panels(summary: Summary) -> "Figure":
    """Figure 4: functions before and after the step, loss over training, alignment over training."""
    found, drawn = summary
    figure, [[*waves, losses, aligned]] = panel_grid(1, len(drawn.truth) + 2)
    for index, axes in enumerate(waves):
        functions(axes, drawn, index)
    waves[0].legend()
    loss_over_training(losses, found)
    distances = found.prediction_distance, found.sensitivity_cosine, found.sensitivity_distance
    alignment_over_training(aligned, AlongTraining(found.steps, found.loss_trained, *distances))
    return figure


def functions(axes: "Axes", drawn: Waves, wave: int) -> None:
    """One wave, its examples, and what the networks of the first seed make of it."""
    axes.plot(drawn.points, drawn.truth[wave], color="grey", linewidth=1, label="sine wave")
    axes.plot(drawn.xs[wave], drawn.ys[wave], "o", color="grey", markersize=3, label="examples")
    reference, attention = drawn.descent[0, wave], drawn.trained[0, wave]
    axes.plot(drawn.points, reference[0], label="gradient step, before", **{**REFERENCE, "linestyle": ":"})
    axes.plot(drawn.points, reference[1], label="gradient step, after", **REFERENCE)
    axes.plot(drawn.points, attention[0], color="C0", linestyle=":", label="attention, before")
    axes.plot(drawn.points, attention[1], color="C0", label="attention, after")
    axes.set(xlabel="x", ylabel="y")
    size = 1.6 * np.abs(drawn.truth[wave]).max()
    if np.isfinite(size):
        axes.set_ylim(-size, size)


def loss_over_training(axes: "Axes", found: SineMeasures) -> None:
    """Both losses, every seed's own line too, since plateaus differ in length, and the zero predictor's."""
    band(axes, found.steps, found.loss_trained, "trained attention", color="C0")
    band(axes, found.steps, found.loss_descent, "gradient step on a trained perceptron", **REFERENCE)
    for losses, style in ((found.loss_trained, "C0-"), (found.loss_descent, "k--")):
        axes.plot(found.steps, losses.T, style, alpha=0.5, linewidth=0.7)
    zero = float(found.loss_zero)
    axes.axhline(zero, color="grey", linewidth=0.6, label="zero predictor")
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, 1.5 * zero if np.isfinite(zero) else None))
    axes.legend()
