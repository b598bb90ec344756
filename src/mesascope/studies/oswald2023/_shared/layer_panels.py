"""Panels of one layer: its training, its alignment, and inputs of other scales."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.along_training import AlongTraining

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_over_training(axes: "Axes", along: AlongTraining, descent: float) -> None:
    """The band over seeds, every seed's own line, since plateaus differ in length, and gradient descent's loss."""
    band(axes, along.steps, along.loss, "trained", color="C0")
    axes.plot(along.steps, along.loss.T, color="C0", alpha=0.5, linewidth=0.7)
    axes.axhline(descent, label="gradient descent", **REFERENCE)
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    axes.legend()


def alignment_over_training(axes: "Axes", along: AlongTraining) -> None:
    """Distances on the left scale, the cosine on the right."""
    band(axes, along.steps, along.prediction_distance, "prediction distance", color="C1")
    band(axes, along.steps, along.sensitivity_distance, "sensitivity distance", color="C2")
    right = axes.twinx()
    band(right, along.steps, along.sensitivity_cosine, "sensitivity cosine", color="C0")
    axes.set(xlabel="training step", ylabel="distance", ylim=(0, None))
    right.set(ylabel="cosine", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines])


def loss_over_input_scale(
    axes: "Axes", scales: tuple[float, ...], trained: np.ndarray, rivals: Mapping[str, np.ndarray]
) -> None:
    """Losses [seeds scales] of trained models, and [scales] of rivals by name, the first in black."""
    band(axes, np.array(scales), trained, "trained", marker="o")
    styles: tuple[dict[str, Any], ...] = (REFERENCE, {"color": "grey"})
    for (name, losses), style in zip(rivals.items(), styles, strict=False):
        axes.plot(scales, losses, label=name, **style)
        if np.any(losses > 0):  # a logarithmic axis needs a positive number
            axes.set_yscale("log")
    axes.axvline(1.0, color="grey", linewidth=0.6)
    axes.set(xlabel="input scale relative to training", ylabel="validation loss")
    axes.legend()
