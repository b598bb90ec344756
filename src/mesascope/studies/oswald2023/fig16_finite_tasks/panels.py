"""The panels of finitely many tasks."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LINE, TRAINED, TRAINED_TOO, shades
from mesascope.studies._shared.axis_panels import log_axis, training_steps
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolMeasures
from mesascope.studies.oswald2023.fig16_finite_tasks.readings import least_squares_gap

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def four_panels(sizes: tuple[int, ...], dim_x: int, found: PoolMeasures) -> "Figure":
    """Alignment, losses and excess against the number of tasks; the loss on fresh tasks over training."""
    figure, [[aligned, losses, excess, training]] = panel_grid(1, 4)
    x, descent = np.log2(sizes), float(found.gradient_descent)
    away, gap = 1 - found.sensitivity_cosine, found.loss / descent - 1
    least_squares = np.array([least_squares_gap(size, dim_x) for size in sizes])

    band(aligned, x, away.T, "1 - cosine", marker="o", **TRAINED)
    aligned.set(ylabel="1 - mean cosine of sensitivities")
    band(losses, x, found.loss.T, "fresh tasks", marker="o", **TRAINED)
    band(losses, x, found.pool_loss.T, "training tasks", marker="o", **TRAINED_TOO)
    losses.set(ylabel="loss at the end")
    band(excess, x, gap.T, "trained layer", marker="o", **TRAINED)
    excess.plot(x, least_squares, label="p / (B - p - 1)", **LINE)
    excess.set(ylabel="excess of the fresh loss relative to gradient descent's")
    for axes, values in ((aligned, away), (losses, [found.loss, found.pool_loss]), (excess, gap)):
        axes.set(xlabel="number of training tasks B", xticks=x, xticklabels=sizes)
        log_axis(axes, "y", np.asarray(values))

    for size, curve, color in zip(sizes, found.loss_over_training, shades(len(sizes)), strict=True):
        band(training, found.steps, curve, f"B = {size}", color=color)
    training.set(ylabel="loss on fresh tasks")
    training_steps(training, found.steps)
    log_axis(training, "y", found.loss_over_training)
    for axes in (losses, training):
        axes.axhline(descent, label="gradient descent", **GRADIENT_DESCENT)
    for axes in (losses, excess, training):
        axes.legend()
    return figure
