"""The panels of the sine waves."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def three_panels(arrays: Arrays) -> "Figure":
    """Figure 4: functions before and after the step, loss over training, alignment over training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4.2), layout="constrained")
    waves = [f"wave {wave}" for wave in range(len(arrays["truth"]))]
    axes = figure.subplot_mosaic([[wave, "loss", "alignment"] for wave in waves], width_ratios=(1.3, 1, 1))
    for index, wave in enumerate(waves):
        functions(axes[wave], arrays, index)
    axes[waves[-1]].set_xlabel("x")
    axes[waves[0]].legend(fontsize=7, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    loss_over_training(axes["loss"], arrays)
    alignment_over_training(axes["alignment"], arrays)
    return figure


def functions(axes: "Axes", arrays: Arrays, wave: int) -> None:
    """One wave, its examples, and what the networks of the first seed make of it."""
    points = arrays["points"]
    axes.plot(points, arrays["truth"][wave], color="grey", linewidth=1, label="sine wave")
    axes.plot(arrays["xs"][wave], arrays["ys"][wave], "o", color="grey", markersize=3, label="examples")
    reference, attention = arrays["curves_descent"][0, wave], arrays["curves_trained"][0, wave]
    axes.plot(points, reference[0], label="gradient step, before", **{**REFERENCE, "linestyle": ":"})
    axes.plot(points, reference[1], label="gradient step, after", **REFERENCE)
    axes.plot(points, attention[0], color="C0", linestyle=":", label="attention, before")
    axes.plot(points, attention[1], color="C0", label="attention, after")
    axes.set_ylabel("y")
    size = 1.6 * np.abs(arrays["truth"][wave]).max()
    if np.isfinite(size):
        axes.set_ylim(-size, size)


def loss_over_training(axes: "Axes", arrays: Arrays) -> None:
    """Both losses, every seed's own line too, since plateaus differ in length, and the zero predictor's."""
    steps, zero = arrays["snapshot_steps"], float(arrays["loss_zero"])
    band(axes, steps, arrays["loss_trained"], "trained attention", color="C0")
    band(axes, steps, arrays["loss_descent"], "gradient step on a trained perceptron", **REFERENCE)
    for name, style in {"trained": "C0-", "descent": "k--"}.items():
        axes.plot(steps, arrays[f"loss_{name}"].T, style, alpha=0.5, linewidth=0.7)
    axes.axhline(zero, color="grey", linewidth=0.6, label="zero predictor")
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, 1.5 * zero if np.isfinite(zero) else None))
    axes.legend(loc="upper right")


def alignment_over_training(axes: "Axes", arrays: Arrays) -> None:
    """Distances on the left scale, the cosine on the right."""
    steps = arrays["snapshot_steps"]
    band(axes, steps, arrays["prediction_distance"], "prediction distance", color="C1")
    band(axes, steps, arrays["sensitivity_distance"], "sensitivity distance", color="C2")
    right = axes.twinx()
    band(right, steps, arrays["sensitivity_cosine"], "sensitivity cosine", color="C0")
    axes.set(xlabel="training step", ylabel="distance", ylim=(0, None))
    right.set(ylabel="cosine", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    labels = [str(line.get_label()) for line in lines]
    axes.legend(lines, labels, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
