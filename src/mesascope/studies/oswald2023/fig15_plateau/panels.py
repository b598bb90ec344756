"""The panels of the plateau figure."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.plateau_ends import smoothed
from mesascope.studies.oswald2023.fig15_plateau.cells import BlockLosses
from mesascope.studies.oswald2023.fig15_plateau.plateaus import levels
from mesascope.studies.oswald2023.fig15_plateau.readings import (
    Lengths,
    Summary,
    lengths_of,
    line_through,
    swapped_when_most_leave,
)
from mesascope.tasks.linear_regression import LinearRegression

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ONE: dict[str, Any] = {"color": "C0", "label": "one head"}
TWO: dict[str, Any] = {"color": "C1", "label": "two heads"}
TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)  # of initial scales


def four_panels(summary: Summary, task: LinearRegression, block_tasks: int) -> "Figure":
    """Losses of all seeds and of the block; plateaus over initial scales and over the share of the swapped path."""
    of = lengths_of(summary, task)
    figure, [[losses, block, starts, shares]] = panel_grid(1, 4)
    losses_of_all_seeds(losses, summary.one.losses, summary.two.losses, levels(task))
    two_losses(block, summary.block, block_tasks, levels(task)["gradient descent"])
    length_over_start(starts, summary.sweep_one.initial_std, of)
    length_over_share(shares, swapped_when_most_leave(summary, of), np.concatenate([of.one, of.sweep_one]))
    return figure


def losses_of_all_seeds(axes: "Axes", one: np.ndarray, two: np.ndarray, levels: dict[str, float]) -> None:
    """Every seed's training loss, averaged over 20 steps; `levels` are losses to draw across."""
    for losses, style in ((one, ONE), (two, TWO)):
        smooth = smoothed(losses)
        steps = np.arange(smooth.shape[1]) + (losses.shape[1] - smooth.shape[1] + 1) / 2
        lines = axes.plot(steps, smooth.T, color=style["color"], alpha=0.6, linewidth=0.8)
        lines[0].set_label(style["label"])
    for (label, level), linestyle in zip(levels.items(), ("--", ":"), strict=True):
        axes.axhline(level, label=label, **{**REFERENCE, "linestyle": linestyle})
    axes.set(xlabel="training step", ylabel="training loss", ylim=(0, None))
    axes.legend()


def two_losses(axes: "Axes", block: BlockLosses, num_tasks: int, best: float) -> None:
    """The block's loss on its own tasks and on fresh ones, over training."""
    band(axes, block.steps, block.own, f"its {num_tasks} tasks", color="C4")
    band(axes, block.steps, block.fresh, "fresh tasks", color="C2")
    axes.axhline(best, label="gradient descent", **REFERENCE)
    axes.set(xlabel="training step", ylabel="loss of a block with a perceptron", ylim=(0, None))
    axes.legend()


def length_over_start(axes: "Axes", std: np.ndarray, of: Lengths) -> None:
    """Each seed's plateau against the scale it started from, and the line fitted to one head's."""
    axes.plot(std, of.sweep_one, "o", **ONE)
    axes.plot(std, of.sweep_two, "x", **TWO)
    order, values = np.argsort(std), line_through(std, of.sweep_one).values
    axes.plot(std[order], values[order], color="C0", linewidth=0.8, linestyle=":", label="line, one head")
    axes.set(xlabel="initial standard deviation of a weight", ylabel="plateau (steps)", ylim=(0, None))
    if np.any(std > 0):  # a logarithmic axis needs a positive number
        axes.set_xscale("log")
        ticks = [tick for tick in TICKS if std.min() <= tick <= std.max()]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.legend()


def length_over_share(axes: "Axes", share: np.ndarray, length: np.ndarray) -> None:
    """Each seed's plateau against how much of its step goes the swapped way when most seeds leave."""
    axes.plot(share, length, "o", **ONE)
    axes.set(xlabel="share of the swapped path", ylabel="plateau (steps)", xlim=(-0.03, 1.03), ylim=(0, None))
    axes.legend()
