"""The panels of figure 3: a stack of layers against gradient descent and GD++."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.stack_measure import StackMeasured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


GDPP_STYLE = {"color": "C3", "linestyle": "-.", "linewidth": 1.2}
DOTTED = {"linestyle": ":"}


def three_panels(stack: StackMeasured, input_scales: tuple[float, ...]) -> "Figure":
    """Loss over training, alignment over training, loss over input scales."""
    figure, [axes] = panel_grid(1, 3)
    loss_over_training(axes[0], stack)
    alignment_over_training(axes[1], stack)
    loss_over_input_scale(axes[2], stack, np.array(input_scales))
    return figure


def loss_over_training(axes: "Axes", stack: StackMeasured) -> None:
    """The trained stack, and what the best algorithms of as many steps reach."""
    band(axes, stack.steps, stack.loss, "trained", color="C0")
    gd_tied, gd, gdpp_tied, gdpp = map(float, stack.rivals)
    num_steps = len(stack.best_learning_rate)
    axes.axhline(gd_tied, label=f"{num_steps} steps of gradient descent", **REFERENCE)
    axes.axhline(gd, label="the same, a rate for each step", **{**REFERENCE, **DOTTED})
    axes.axhline(gdpp_tied, label="GD++", **GDPP_STYLE)
    axes.axhline(gdpp, label="GD++, rates for each step", **{**GDPP_STYLE, **DOTTED})
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    axes.legend()


def alignment_over_training(axes: "Axes", stack: StackMeasured) -> None:
    """Cosines on the right scale, distances of the predictions on the left."""
    right = axes.twinx()
    for i, (label, color) in enumerate((("gradient descent", "black"), ("GD++", "C3"))):
        band(right, stack.steps, stack.sensitivity_cosine[..., i], f"cosine to {label}", color=color)
        distance = stack.prediction_distance[..., i]
        band(axes, stack.steps, distance, f"distance to {label}", color=color, **DOTTED)
    axes.set(xlabel="training step", ylabel="distance of the predictions", ylim=(0, None))
    right.set(ylabel="cosine of the sensitivities", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines])


def loss_over_input_scale(axes: "Axes", stack: StackMeasured, scales: np.ndarray) -> None:
    """Losses for inputs of another scale."""
    band(axes, scales, stack.scaled, "trained", marker="o", color="C0")
    descent, gdpp = stack.scaled_rivals
    axes.plot(scales, descent, label="gradient descent", **REFERENCE)
    axes.plot(scales, gdpp, label="GD++", **GDPP_STYLE)
    axes.axvline(1.0, color="grey", linewidth=0.6)
    axes.set(xlabel="input scale relative to training", ylabel="validation loss")
    if np.any(descent > 0):  # a logarithmic axis needs a positive number
        axes.set_yscale("log")
    axes.legend()
