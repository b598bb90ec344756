"""Step sizes and losses over label noise and over weight decay, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GDPP, GRADIENT_DESCENT, LEAST_SQUARES, TRAINED, shades
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023.noise.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def four_panels(summary: Summary) -> "Figure":
    """Over the noise's variance the step size, losses, and losses relative to GD++; the step size over weight decay."""
    figure, [[first, second], [third, fourth]] = panel_grid(2, 2)
    step_over_noise(first, summary)
    losses_over_noise(second, third, summary)
    variances = np.array(summary.noise_variances)
    for axes in (first, second, third):
        axes.set_xscale("symlog", linthresh=0.01)
        axes.set(xlabel="variance of the label noise s²")
        if np.isfinite(variances).all():
            axes.set_xticks(variances, [f"{variance:g}" for variance in variances])
            axes.set_xlim(-0.002, 1.3 * max(variances.max(), 0.01))
    step_over_decay(fourth, summary)
    return figure


def step_over_noise(axes: "Axes", summary: Summary) -> None:
    """The learned step size of one layer, and the best one."""
    variances, levels = np.array(summary.noise_variances), summary.levels
    of_seeds = levels.learning_rate[:, 0].T
    band(axes, variances, of_seeds, f"one trained layer (n = {len(of_seeds)})", marker="o", **TRAINED)
    axes.plot(variances, levels.best_learning_rate, label="best gradient step", **GRADIENT_DESCENT)
    axes.set(ylabel="learning rate η", ylim=(0, None))
    axes.legend()


def losses_over_noise(axes: "Axes", relative: "Axes", summary: Summary) -> None:
    """The loss of every depth and of ridge; and of every depth relative to the best GD++ of as many steps."""
    levels, variances = summary.levels, np.array(summary.noise_variances)
    for k, (depth, colour) in enumerate(zip(summary.depths, shades(len(summary.depths)), strict=True)):
        label = "1 layer" if depth == 1 else f"{depth} tied layers"
        band(axes, variances, levels.loss[:, k].T, label, marker="o", color=colour)
        if depth > 1:
            band(
                relative,
                variances,
                (levels.loss[:, k] / levels.gdpp_loss[:, k, None]).T,
                label,
                marker="o",
                color=colour,
            )
    axes.plot(variances, levels.bayes_loss, label="ridge, penalty s²", **LEAST_SQUARES)
    relative.axhline(1.0, label="best GD++", **GDPP)
    top = levels.loss.max()
    axes.set(ylabel="loss on clean targets, half the squared error", ylim=(0, 1.05 * top if np.isfinite(top) else None))
    relative.set(ylabel="loss relative to the best GD++")
    axes.legend()
    relative.legend()


def step_over_decay(axes: "Axes", summary: Summary) -> None:
    """The learned step size at every strength of weight decay."""
    decays, of_seeds = summary.weight_decays, summary.decay.learning_rate.T
    label = f"one trained layer, s² = {summary.noise_variances[0]:g} (n = {len(of_seeds)})"
    band(axes, np.array(decays), of_seeds, label, marker="o", **TRAINED)
    axes.axhline(summary.levels.best_learning_rate[0], label="best gradient step", **GRADIENT_DESCENT)
    axes.set(xlabel="strength of weight decay", ylabel="learning rate η", ylim=(0, None))
    axes.set_xticks(decays, [f"{each:g}" for each in decays])
    if len(decays) > 1:
        axes.set_xscale("symlog", linthresh=decays[1])
        axes.set_xticks(decays, [f"{each:g}" for each in decays])
        axes.set_xlim(-0.3 * decays[1], 1.3 * decays[-1])
    axes.legend()
