"""The panels of figure 3: a stack of layers against gradient descent and GD++."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


GDPP_STYLE = {"color": "C3", "linestyle": "-.", "linewidth": 1.2}


def three_panels(results: Arrays, input_scales: tuple[float, ...], depth: int) -> "Figure":
    """Loss over training, alignment over training, loss over input scales."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.4))
    axes = figure.subplots(1, 3)
    loss_over_training(axes[0], results, depth)
    alignment_over_training(axes[1], results)
    input_scale(axes[2], results, np.array(input_scales))
    for letter, panel in zip("abc", axes, strict=True):
        panel.set_title(letter, loc="left", fontweight="bold")
    return figure


def loss_over_training(axes: "Axes", results: Arrays, depth: int) -> None:
    """Panel a: the trained stack, and what the best algorithms of as many steps reach."""
    steps = results["snapshot_steps"]
    band(axes, steps, results["validation_loss"], "trained", color="C0")
    axes.axhline(float(results["loss_gd_tied"]), label=f"{depth} steps of gradient descent", **REFERENCE)
    axes.axhline(float(results["loss_gd"]), label="the same, a rate for each step", **{**REFERENCE, "linestyle": ":"})
    axes.axhline(float(results["loss_gdpp_tied"]), label="GD++", **GDPP_STYLE)
    axes.axhline(float(results["loss_gdpp"]), label="GD++, rates for each step", **{**GDPP_STYLE, "linestyle": ":"})
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    axes.legend(fontsize="small")


def alignment_over_training(axes: "Axes", results: Arrays) -> None:
    """Panel b: cosines on the right scale, distances of the predictions on the left."""
    steps = results["snapshot_steps"]
    right = axes.twinx()
    for name, label, color in (("gd", "gradient descent", "C7"), ("gdpp", "GD++", "C3")):
        band(right, steps, results[f"{name}_sensitivity_cosine"], f"cosine to {label}", color=color)
        band(axes, steps, results[f"{name}_prediction_distance"], f"distance to {label}", color=color, linestyle=":")
    axes.set(xlabel="training step", ylabel="distance of the predictions", ylim=(0, None))
    right.set(ylabel="cosine of the sensitivities", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right", fontsize="small")


def input_scale(axes: "Axes", results: Arrays, scales: np.ndarray) -> None:
    """Panel c: losses for inputs of another scale."""
    band(axes, scales, results["input_scale_trained"], "trained", marker="o", color="C0")
    axes.plot(scales, results["input_scale_gd"].mean(axis=0), label="gradient descent", **REFERENCE)
    axes.plot(scales, results["input_scale_gdpp"].mean(axis=0), label="GD++", **GDPP_STYLE)
    axes.axvline(1.0, color="grey", linewidth=0.6)
    axes.set(xlabel="input scale relative to training", ylabel="validation loss")
    if np.any(results["input_scale_gd"] > 0):  # a logarithmic axis needs a positive number
        axes.set_yscale("log")
    axes.legend(fontsize="small")
