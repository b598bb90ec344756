"""Panels of one layer: its training, its alignment, inputs of other scales, and the layer applied many times."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.roles import GRADIENT_DESCENT, LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023._shared.along_training import AlongTraining
from mesascope.studies.oswald2023._shared.repeated import Repeated

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_over_training(axes: "Axes", along: AlongTraining, descent: float) -> None:
    """The band over seeds, every seed's own line, since plateaus differ in length, and gradient descent's loss."""
    band(axes, along.steps, along.loss, "trained", **TRAINED)
    axes.plot(along.steps, along.loss.T, **{**TRAINED, "alpha": 0.5, "linewidth": 0.7})
    axes.axhline(descent, label="gradient descent", **GRADIENT_DESCENT)
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    axes.legend()


def alignment_over_training(axes: "Axes", along: AlongTraining) -> None:
    """Distances on the left scale, the cosine on the right."""
    band(axes, along.steps, along.prediction_distance, "prediction distance", **{**TRAINED, "linestyle": ":"})
    band(axes, along.steps, along.sensitivity_distance, "sensitivity distance", **{**TRAINED, "linestyle": "--"})
    right = axes.twinx()
    band(right, along.steps, along.sensitivity_cosine, "sensitivity cosine", **TRAINED)
    axes.set(xlabel="training step", ylabel="distance", ylim=(0, None))
    right.set(ylabel="cosine", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines])


def loss_over_input_scale(
    axes: "Axes", scales: tuple[float, ...], trained: np.ndarray, rivals: Mapping[str, np.ndarray]
) -> None:
    """Losses [seeds scales] of trained models, and [scales] of rivals by name, gradient descent first."""
    band(axes, np.array(scales), trained, "trained", marker="o", **TRAINED)
    styles: tuple[dict[str, Any], ...] = (GRADIENT_DESCENT, LINE)
    for (name, losses), style in zip(rivals.items(), styles, strict=False):
        axes.plot(scales, losses, label=name, **style)
        if np.any(losses > 0):  # a logarithmic axis needs a positive number
            axes.set_yscale("log")
    axes.axvline(1.0, **LINE)
    axes.set(xlabel="input scale relative to training", ylabel="validation loss")
    axes.legend()


def applied_again_and_again(axes: "Axes", repeated: Repeated, index: int, zero_loss: float) -> None:
    """Losses at one dampening, relative to the zero predictor's; of layers a line for each seed."""
    steps = np.arange(1, repeated.trained.shape[2] + 1)
    layers = (("as trained", repeated.writes_x, TRAINED_TOO), ("writing to y only", repeated.trained, TRAINED))
    for name, of_layers, style in layers:
        for seed, losses in enumerate(of_layers[:, index] / zero_loss):  # a mean would show the worst only
            label = None if seed else f"layer {name}, a line a seed"
            axes.plot(steps, losses, label=label, **{**style, "linewidth": 0.8})
    axes.plot(steps, repeated.gradient_descent[index] / zero_loss, label="gradient descent", **GRADIENT_DESCENT)
    axes.set(xlabel="applications of the layer, steps", ylabel="loss relative to predicting zero", yscale="log")
