"""The panels of the one-layer figure."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.layer_panels import alignment_over_training, input_scale, loss_over_training
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def four_panels(results: list[Arrays], sizes: tuple[int, ...], input_scales: np.ndarray) -> "Figure":
    """Figure 2: loss and alignment over training, interpolation over sizes, loss over input scales."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 3.2))
    axes = figure.subplots(1, 4)
    main = results[0]
    loss_over_training(axes[0], main)
    alignment_over_training(axes[1], main)
    interpolation(axes[2], results, sizes)
    input_scale(axes[3], main, input_scales)
    for letter, panel in zip("abcd", axes, strict=True):
        panel.set_title(letter, loc="left", fontweight="bold")
    return figure


def interpolation(axes: "Axes", results: list[Arrays], sizes: tuple[int, ...]) -> None:
    """Panel c: three losses for each size N = dim_x."""
    order = np.argsort(sizes)
    x = np.array(sizes)[order]
    styles = {
        "loss_gradient_descent": {"label": "gradient descent", **REFERENCE},
        "loss_trained": {"label": "trained", "marker": "o"},
        "loss_interpolated": {"label": "halfway", "marker": "x", "linestyle": ":"},
    }
    for name, style in styles.items():
        band(axes, x, np.stack([results[i][name] for i in order], axis=1), style.pop("label"), **style)
    axes.set(xlabel="N = dim_x", ylabel="validation loss", xticks=x)
    axes.legend()


def rollout(main: Arrays, dampening: float) -> "Figure":
    """Figure 1, centre: the layer applied again and again."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.2))
    axes = figure.subplots()
    steps = np.arange(1, main["rollout_trained"].shape[1] + 1)
    for seed, losses in enumerate(main["rollout_trained"]):  # a mean over seeds would show the worst one only
        label = "trained layer, repeated, by seed" if seed == 0 else None
        axes.plot(steps, losses, color="C0", linewidth=1, alpha=0.7, label=label)
    band(axes, steps, main["rollout_silenced"], "the same, writing to y only", color="C1", linestyle=":")
    axes.plot(steps, main["rollout_gradient_descent"].mean(axis=0), label="gradient descent", **REFERENCE)
    axes.set(xlabel=f"steps (dampening {dampening:g})", ylabel="validation loss")
    top = 1.2 * main["rollout_gradient_descent"][:, 0].max()
    if np.isfinite(top):
        axes.set_ylim(0, top)  # an explosion leaves the panel
    axes.legend(frameon=True, framealpha=1, edgecolor="none")  # a line that leaves the panel may pass behind it
    return figure
