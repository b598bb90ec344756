"""The panels of finitely many tasks."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.along_training import AlongTraining
from mesascope.studies.oswald2023._shared.layer_panels import alignment_over_training
from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolMeasures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(sizes: tuple[int, ...], found: PoolMeasures) -> "Figure":
    """Alignment and losses at the end against the number of tasks; the loss on fresh prompts over training."""
    figure, [[aligned, losses, training]] = panel_grid(1, 3)
    x, alignment = (
        np.arange(len(sizes)),
        (found.prediction_distance, found.sensitivity_cosine, found.sensitivity_distance),
    )
    alignment_over_training(aligned, AlongTraining(x, found.loss.T, *(each.T for each in alignment)))
    for loss, label in ((found.loss, "fresh tasks"), (found.pool_loss, "training tasks")):
        band(losses, x, loss.T, label, marker="o")
    losses.set(ylabel="loss")
    for size, curve in zip(sizes, found.loss_over_training, strict=True):
        band(training, found.steps, curve, f"B = {size}")
    training.set(xlabel="training step", ylabel="loss on fresh tasks")
    for axes in (aligned, losses):
        axes.set(xlabel="number of training tasks B")
        axes.set_xticks(x, [str(size) for size in sizes])
    for axes in (losses, training):
        axes.axhline(float(found.gradient_descent), label="gradient descent", **REFERENCE)
        axes.legend()
        if np.all(found.pool_loss > 0):  # a logarithmic axis needs positive numbers
            axes.set_yscale("log")
    return figure
