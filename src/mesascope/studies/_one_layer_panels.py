"""The panels of the one-layer figure."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._base import Arrays
from mesascope.studies._panels import REFERENCE, band

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


def loss_over_training(axes: "Axes", main: Arrays) -> None:
    """Panel a: the band over seeds, and every seed's own line, since plateaus differ in length."""
    steps = main["snapshot_steps"]
    band(axes, steps, main["validation_loss"], "trained", color="C0")
    axes.plot(steps, main["validation_loss"].T, color="C0", alpha=0.5, linewidth=0.7)
    axes.axhline(main["loss_gradient_descent"].mean(), label="gradient descent", **REFERENCE)
    axes.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    axes.legend()


def alignment_over_training(axes: "Axes", main: Arrays) -> None:
    """Panel b: distances on the left scale, the cosine on the right."""
    steps = main["snapshot_steps"]
    band(axes, steps, main["prediction_distance"], "prediction distance", color="C1")
    band(axes, steps, main["sensitivity_distance"], "sensitivity distance", color="C2")
    right = axes.twinx()
    band(right, steps, main["sensitivity_cosine"], "sensitivity cosine", color="C0")
    axes.set(xlabel="training step", ylabel="distance", ylim=(0, None))
    right.set(ylabel="cosine", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right")


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


def input_scale(axes: "Axes", main: Arrays, scales: np.ndarray) -> None:
    """Panel d: losses for inputs U(-alpha/2, alpha/2)."""
    band(axes, scales, main["input_scale_trained"], "trained", marker="o")
    axes.plot(scales, main["input_scale_gradient_descent"].mean(axis=0), label="gradient descent", **REFERENCE)
    axes.axvline(1.0, color="grey", linewidth=0.6)
    axes.set(xlabel="input scale relative to training", ylabel="validation loss")
    if np.any(main["input_scale_gradient_descent"] > 0):  # a logarithmic axis needs a positive number
        axes.set_yscale("log")
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
