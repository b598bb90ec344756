"""The panels of the sine waves."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LINE, TRAINED
from mesascope.studies._shared.axis_panels import log_axis, training_steps
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023.fig4_sine.cells import SineMeasures, Waves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BEFORE = {**TRAINED, "linestyle": ":"}


def functions(drawn: Waves) -> "Figure":
    """Figure 4 (left): what the networks of the first seed make of each wave, before the step and after it."""
    num_waves = len(drawn.truth)
    figure, panels = panel_grid(2, num_waves, narrowest=4.0)
    for (moment, wave), axes in np.ndenumerate(panels):
        axes.plot(drawn.points, drawn.truth[wave], color="0.6", linewidth=3, label="sine wave")
        axes.plot(drawn.xs[wave], drawn.ys[wave], "o", color="black", label="examples")
        axes.plot(drawn.points, drawn.trained[0, wave, moment], label="attention", **TRAINED)
        axes.plot(drawn.points, drawn.descent[0, wave, moment], label="gradient step", **GRADIENT_DESCENT)
        axes.set(title=f"wave {wave + 1}, {('before', 'after')[moment]}", xlabel="x", ylabel="y")
        if moment == 1 and wave == num_waves - 1:
            axes.legend(title="first seed")
    return figure


def over_training(found: SineMeasures) -> "Figure":
    """Figure 4 (centre, right): losses, cosines and distances over training on tied waves."""
    figure, [[losses, cosines, distances]] = panel_grid(1, 3)
    band(losses, found.steps, found.loss_trained, "attention", **TRAINED)
    band(losses, found.steps, found.loss_descent, "gradient step", **GRADIENT_DESCENT)
    losses.axhline(float(found.loss_zero), label="zero predictor", **LINE)
    losses.set(ylabel="validation loss")
    log_axis(losses, "y", np.stack([found.loss_trained, found.loss_descent]))

    band(cosines, found.steps, found.pooled_cosine, "pooled over prompts", **TRAINED)
    band(cosines, found.steps, found.sensitivity_cosine, "mean of their signs", **BEFORE)
    cosines.set(ylabel="cosine between slopes")

    size = float(found.target_size)
    band(distances, found.steps, found.prediction_distance / size, "after the step", **TRAINED)
    band(distances, found.steps, found.initial_distance / size, "before the step", **BEFORE)
    distances.set(ylabel="distance / mean |target|", ylim=(0, None))
    for axes in (losses, cosines, distances):
        training_steps(axes, found.steps)
        axes.legend()
    return figure
