"""Panels of one layer: its training, its alignment, and inputs of other scales."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_over_training(axes: "Axes", main: Arrays) -> None:
    """Panel a: the band over seeds, and every seed's own line, since plateaus differ in length."""
    steps = main["snapshot_steps"]
    band(axes, steps, main["validation_loss"], "trained", color="C0")
    axes.plot(steps, main["validation_loss"].T, color="C0", alpha=0.5, linewidth=0.7)
    axes.axhline(main["loss_gradient_descent"].mean(), label="gradient descent", **REFERENCE)
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    axes.legend()


def alignment_over_training(axes: "Axes", main: Arrays) -> None:
    """Panel b: distances on the left scale, the cosine on the right."""
    steps = main["snapshot_steps"]
    band(axes, steps, main["prediction_distance"], "prediction distance", color="C1")
    band(axes, steps, main["sensitivity_distance"], "sensitivity distance", color="C2")
    right = axes.twinx()
    band(right, steps, main["sensitivity_cosine"], "sensitivity cosine", color="C0")
    axes.set(xlabel="training step", ylabel="distance", ylim=(0, None))
    right.set(ylabel="cosine", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right")


def input_scale(axes: "Axes", main: Arrays, scales: np.ndarray) -> None:
    """Panel d: losses for inputs U(-alpha/2, alpha/2)."""
    band(axes, scales, main["input_scale_trained"], "trained", marker="o")
    axes.plot(scales, main["input_scale_gradient_descent"].mean(axis=0), label="gradient descent", **REFERENCE)
    axes.axvline(1.0, color="grey", linewidth=0.6)
    axes.set(xlabel="input scale relative to training", ylabel="validation loss")
    if np.any(main["input_scale_gradient_descent"] > 0):  # a logarithmic axis needs a positive number
        axes.set_yscale("log")
    axes.legend()
