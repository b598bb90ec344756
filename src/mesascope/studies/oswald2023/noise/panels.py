"""Step sizes and losses over label noise and over weight decay, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023.noise.readings import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def three_panels(summary: Summary) -> "Figure":
    """Step size and losses over the noise's variance, and step size over weight decay."""
    figure, [[left, middle, right]] = panel_grid(1, 3)
    variances, levels = np.array(summary.noise_variances), summary.levels
    band(left, variances, levels.learning_rate[:, 0].T, "one trained layer", marker="o")
    left.plot(variances, levels.best_learning_rate, label="best gradient step, closed form", **REFERENCE)
    left.set(ylabel="learning rate")
    losses_over_noise(middle, summary)
    for axes in (left, middle):
        axes.set_xscale("symlog", linthresh=0.01)
        axes.set(xlabel="variance of the label noise")
        if np.isfinite(variances).all():
            axes.set_xticks(variances, [f"{variance:g}" for variance in variances])
            axes.set_xlim(-0.002, 1.3 * max(variances.max(), 0.01))
    step_over_decay(right, summary)
    for axes in (left, right):
        axes.set_ylim(0, None)
        axes.legend()
    return figure


def losses_over_noise(axes: "Axes", summary: Summary) -> None:
    """Every depth's loss, with the best GD++ of that depth dotted, and ridge dashed."""
    levels, variances, last = summary.levels, np.array(summary.noise_variances), len(summary.depths) - 1
    for k, depth in enumerate(summary.depths):
        label = "1 layer" if depth == 1 else f"{depth} tied layers"
        band(axes, variances, levels.loss[:, k].T, label, marker="o", color=f"C{k}")
        axes.plot(variances, levels.gdpp_loss[:, k], ":", color=f"C{k}", label="best GD++" if k == last else None)
    axes.plot(variances, levels.bayes_loss, label="ridge (Bayes)", **REFERENCE)
    top = levels.loss.max()
    axes.set(ylabel="loss on clean targets", ylim=(0, 1.05 * top if np.isfinite(top) else None))
    axes.legend()


def step_over_decay(axes: "Axes", summary: Summary) -> None:
    """The learned step size at every strength of weight decay."""
    decays, label = summary.weight_decays, f"one trained layer, noise variance {summary.noise_variances[0]:g}"
    band(axes, np.array(decays), summary.decay.learning_rate.T, label, marker="o")
    axes.axhline(summary.levels.best_learning_rate[0], label="best gradient step, closed form", **REFERENCE)
    axes.set(xlabel="weight decay", ylabel="learning rate")
    axes.set_xticks(decays, [f"{each:g}" for each in decays])
    if len(decays) > 1:
        axes.set_xscale("symlog", linthresh=decays[1])
        axes.set_xticks(decays, [f"{each:g}" for each in decays])
        axes.set_xlim(-0.3 * decays[1], 1.3 * decays[-1])
