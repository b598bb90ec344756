"""The panels of figure 3: a stack of layers against gradient descent and GD++."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GDPP, GRADIENT_DESCENT, LINE, TRAINED
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023._shared.stack_measure import StackMeasured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DOTTED = {"linestyle": ":"}
DECADE = 10.0


def four_panels(stack: StackMeasured, input_scales: tuple[float, ...], held: str, best: str | None) -> "Figure":
    """The loss over training, the cosines and distances over training, the loss over input scales.

    `held` names the GD++ that stacks are held against; `best` the one with the best rates, None where it is the same.
    """
    figure, [axes] = panel_grid(1, 4)
    loss_over_training(axes[0], stack, held, best)
    names = "gradient descent", held
    over_training(axes[1], stack, names, stack.sensitivity_cosine, "cosine of the sensitivities")
    over_training(axes[2], stack, names, stack.prediction_distance, "prediction distance in units of y")
    loss_over_input_scale(axes[3], stack, np.array(input_scales), (*names, best))
    return figure


def loss_over_training(axes: "Axes", stack: StackMeasured, held: str, best: str | None) -> None:
    """The trained stack, and what algorithms of as many steps reach."""
    band(axes, stack.steps, stack.loss, "trained", **TRAINED)
    gd_tied, gd, _, gdpp = map(float, stack.rivals)
    axes.axhline(gd_tied, label="gradient descent", **GRADIENT_DESCENT)
    axes.axhline(gd, label="gradient descent, a rate for each step", **{**GRADIENT_DESCENT, **DOTTED})
    axes.axhline(float(stack.gdpp), label=held, **GDPP)
    axes.axhline(gdpp, label=best or "GD++, rates for each step", **{**GDPP, **DOTTED})
    axes.set(xlabel="training step", ylabel="validation loss")
    show_decades(axes, np.append(stack.loss, stack.rivals))
    axes.legend()


def over_training(axes: "Axes", stack: StackMeasured, names: tuple[str, str], values: np.ndarray, what: str) -> None:
    """Values [seeds snapshots rivals] of the trained stack held against gradient descent and GD++."""
    for i, (name, style) in enumerate(zip(names, (GRADIENT_DESCENT, GDPP), strict=True)):
        band(axes, stack.steps, values[..., i], f"to {name}", **style)
    axes.set(xlabel="training step", ylabel=what)
    axes.legend()


def loss_over_input_scale(
    axes: "Axes", stack: StackMeasured, scales: np.ndarray, names: tuple[str, str, str | None]
) -> None:
    """Losses for inputs of another scale."""
    band(axes, scales, stack.scaled, "trained", marker="o", markersize=3, **TRAINED)
    styles = GRADIENT_DESCENT, GDPP, {**GDPP, **DOTTED}
    for losses, name, style in zip(stack.scaled_rivals, names, styles, strict=True):
        if name is not None:
            axes.plot(scales, losses, label=name, **style)
    axes.axvline(1.0, **LINE)
    axes.set(xlabel="input scale relative to training", ylabel="validation loss")
    show_decades(axes, stack.scaled)
    axes.legend()


def show_decades(axes: "Axes", losses: np.ndarray) -> None:
    """A logarithmic axis where losses span a decade; else one from zero."""
    if spans_a_decade(losses):
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)


def spans_a_decade(losses: np.ndarray) -> bool:
    """Whether the largest of the losses that a logarithmic axis can show is ten times the smallest."""
    seen = losses[np.isfinite(losses) & (losses > 0)]
    return bool(seen.size and seen.max() > DECADE * seen.min())
