"""The panels of the figure on finite pools."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolLosses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def three_panels(sizes: tuple[int, ...], summary: PoolLosses) -> "Figure":
    """Alignment and losses at the end against the number of tasks; the loss on fresh prompts over training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.4), layout="constrained")
    aligned, losses, training = figure.subplots(1, 3)
    alignment_over_sizes(aligned, summary)
    for loss, label in ((summary.loss, "fresh tasks"), (summary.pool_loss, "training tasks")):
        band(losses, np.arange(len(sizes)), loss.T, label, marker="o")
    losses.set(xlabel="number of training tasks B", ylabel="loss")
    for size, curve in zip(sizes, summary.loss_over_training, strict=True):
        band(training, summary.steps, curve, f"B = {size}")
    training.set(xlabel="training step", ylabel="loss on fresh tasks")
    for axes in (aligned, losses):
        axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    for axes in (losses, training):
        axes.axhline(float(summary.gradient_descent), label="gradient descent", **REFERENCE)
        axes.legend()
        if np.all(summary.pool_loss > 0):  # a logarithmic axis needs positive numbers
            axes.set_yscale("log")
    return figure


def alignment_over_sizes(axes: "Axes", summary: PoolLosses) -> None:
    """Distances on the left scale, the cosine on the right."""
    x = np.arange(len(summary.sensitivity_cosine))
    band(axes, x, summary.prediction_distance.T, "prediction distance", color="C1", marker="o")
    band(axes, x, summary.sensitivity_distance.T, "sensitivity distance", color="C2", marker="o")
    right = axes.twinx()
    band(right, x, summary.sensitivity_cosine.T, "sensitivity cosine", color="C0", marker="o")
    axes.set(xlabel="number of training tasks B", ylabel="distance", ylim=(0, None))
    right.set(ylabel="cosine", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right")
