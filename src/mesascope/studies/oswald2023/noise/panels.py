"""The numbers that the claims about label noise are judged by, and their figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def three_panels(levels: Arrays, decay: Arrays, depths: Sequence[int], decays: Sequence[float]) -> "Figure":
    """Step size and losses over the noise's variance, and step size over weight decay."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    variances = levels["noise_variance"]
    band(left, variances, levels["step_size"][:, 0].T, "one trained layer", marker="o")
    left.plot(variances, levels["best_step_size"], label="best gradient step, closed form", **REFERENCE)
    left.set(ylabel="learning rate")
    losses_over_noise(middle, levels, depths)
    band(
        right,
        np.asarray(decays),
        decay["decay_step_size"].T,
        f"one trained layer, noise variance {variances[0]:g}",
        marker="o",
    )
    right.axhline(levels["best_step_size"][0], label="best gradient step, closed form", **REFERENCE)
    right.set(xlabel="weight decay", ylabel="learning rate")
    right.set_xscale("symlog", linthresh=min(each for each in decays if each > 0))
    right.set_xticks(decays, [f"{each:g}" for each in decays])
    right.set_xlim(-0.3 * decays[1], 1.3 * decays[-1])
    for axes in (left, middle):
        axes.set_xscale("symlog", linthresh=0.01)
        axes.set(xlabel="variance of the label noise")
        if np.isfinite(variances).all():
            axes.set_xticks(variances, [f"{variance:g}" for variance in variances])
            axes.set_xlim(-0.002, 1.3 * max(variances.max(), 0.01))
    for axes in (left, right):
        axes.set_ylim(0, None)
        axes.legend(loc="lower left")
    return figure


def losses_over_noise(axes: "Axes", levels: Arrays, depths: Sequence[int]) -> None:
    """Every depth's loss, with the best GD++ of that depth dotted, and ridge dashed."""
    variances, last = levels["noise_variance"], len(depths) - 1
    for k, depth in enumerate(depths):
        label = "1 layer" if depth == 1 else f"{depth} tied layers"
        band(axes, variances, levels["loss"][:, k].T, label, marker="o", color=f"C{k}")
        axes.plot(variances, levels["gdpp_loss"][:, k], ":", color=f"C{k}", label="best GD++" if k == last else None)
    axes.plot(variances, levels["bayes_loss"], label="ridge (Bayes)", **REFERENCE)
    top = levels["loss"].max()
    axes.set(ylabel="loss on clean targets", ylim=(0, 1.5 * top if np.isfinite(top) else None))
    axes.legend(loc="upper left", ncols=2)
