"""The panels of the one-layer figure."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.layer_panels import (
    alignment_over_training,
    loss_over_input_scale,
    loss_over_training,
)
from mesascope.studies.oswald2023.fig2.cells import LayerLosses
from mesascope.studies.oswald2023.fig2.readings import INPUT_SCALES, Summary
from mesascope.studies.oswald2023.fig2.rollout import RolledOut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def four_panels(summary: Summary, sizes: tuple[int, ...]) -> "Figure":
    """Figure 2: loss and alignment over training, interpolation over sizes, loss over input scales."""
    figure, [axes] = panel_grid(1, 4)
    loss_over_training(axes[0], summary.along, float(summary.sizes[0].gradient_descent.mean()))
    alignment_over_training(axes[1], summary.along)
    interpolation(axes[2], sizes, summary.sizes)
    rivals = {"gradient descent": summary.descent_away.input_scale}
    loss_over_input_scale(axes[3], INPUT_SCALES, summary.trained_away.input_scale, rivals)
    return figure


def interpolation(axes: "Axes", sizes: tuple[int, ...], losses: tuple[LayerLosses, ...]) -> None:
    """Panel c: three losses for each size N = dim_x."""
    order = np.argsort(sizes)
    x = np.array(sizes)[order]
    _, trained, descent, halfway, _ = (np.stack(arrays, axis=-1)[..., order] for arrays in zip(*losses, strict=True))
    band(axes, x, descent, "gradient descent", **REFERENCE)
    band(axes, x, trained, "trained", marker="o")
    band(axes, x, halfway, "halfway", marker="x", linestyle=":")
    axes.set(xlabel="N = dim_x", ylabel="validation loss", xticks=x)
    axes.legend()


def rollout(losses: RolledOut, dampening: float) -> "Figure":
    """Figure 1, centre: the layer applied again and again."""
    figure, [[axes]] = panel_grid(1, 1)
    steps = np.arange(1, losses.trained.shape[1] + 1)
    lines = axes.plot(steps, losses.trained.T, color="C0", linewidth=1, alpha=0.7)  # a mean would show the worst only
    lines[0].set_label("trained layer, repeated, by seed")
    band(axes, steps, losses.silenced, "the same, writing to y only", color="C1", linestyle=":")
    axes.plot(steps, losses.gradient_descent, label="gradient descent", **REFERENCE)
    axes.set(xlabel=f"steps (dampening {dampening:g})", ylabel="validation loss")
    top = 1.2 * losses.gradient_descent[0]
    if np.isfinite(top):
        axes.set_ylim(0, top)  # an explosion leaves the panel
    axes.legend()
    return figure
