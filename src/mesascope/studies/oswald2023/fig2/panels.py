"""The panels of the one-layer figure."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, HALFWAY, TRAINED
from mesascope.studies.oswald2023._shared.layer_panels import (
    alignment_over_training,
    applied_again_and_again,
    loss_over_input_scale,
    loss_over_training,
)
from mesascope.studies.oswald2023._shared.repeated import Repeated
from mesascope.studies.oswald2023.fig2.cells import LayerLosses
from mesascope.studies.oswald2023.fig2.readings import INPUT_SCALES, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def four_panels(summary: Summary, size: int) -> "Figure":
    """Figure 2: loss and alignment over training, models halfway over sizes, loss over input scales."""
    figure, [axes] = panel_grid(1, 4, narrowest=7.0)
    loss_over_training(axes[0], summary.along, float(summary.main.gradient_descent.mean()))
    alignment_over_training(axes[1], summary.along)
    halfway(axes[2], {size: summary.main, **summary.others})
    rivals = {"gradient descent": summary.away.gradient_descent}
    loss_over_input_scale(axes[3], INPUT_SCALES, summary.away.trained, rivals)
    return figure


def halfway(axes: "Axes", losses: dict[int, LayerLosses]) -> None:
    """Panel c: for each size N = dim_x every seed's loss, trained and halfway, relative to gradient descent's."""
    places = np.arange(len(losses))
    for name, shift, style in (("trained", -0.12, TRAINED), ("halfway", 0.12, HALFWAY)):
        marks = {"color": style["color"], "linestyle": "", "marker": "o" if shift < 0 else "x"}
        for place, size in zip(places, sorted(losses), strict=True):
            ratios = getattr(losses[size], name) / losses[size].gradient_descent
            label = None if place else f"{name}, a mark a seed"
            axes.plot(np.full(len(ratios), place + shift), ratios, label=label, **marks)
    axes.axhline(1.0, label="gradient descent", **GRADIENT_DESCENT)
    axes.set(xlabel="N = d", ylabel="loss relative to gradient descent's", xlim=(-0.5, len(losses) - 0.5))
    axes.set_xticks(places, [str(size) for size in sorted(losses)])
    axes.legend()


def rollout(repeated: Repeated, dampening: float, zero_loss: float) -> "Figure":
    """Figure 1, centre: the layer applied again and again; an explosion leaves the panel."""
    figure, [[axes]] = panel_grid(1, 1)
    applied_again_and_again(axes, repeated, 0, zero_loss)
    axes.set(title=f"dampening {dampening:g}", ylim=(0.05, 1.0))
    axes.legend()
    return figure
