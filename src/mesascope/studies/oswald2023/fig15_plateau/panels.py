"""The panels of the plateau figure."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LINE, TRAINED, shades
from mesascope.studies._shared.axis_panels import log_axis, training_steps
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023._shared.plateau_ends import smoothed
from mesascope.studies.oswald2023.fig15_plateau.plateaus import levels
from mesascope.studies.oswald2023.fig15_plateau.readings import (
    Scan,
    Summary,
    Tried,
    is_long,
    lengths_of,
    swapped_when_most_leave,
)
from mesascope.tasks.linear_regression import LinearRegression

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plateaus(summary: Summary, task: LinearRegression) -> "Figure":
    """Figure 15 (left, centre): every seed's loss; and plateaus of one head over its start and its path."""
    figure, [[one, two, starts, shares]] = panel_grid(1, 4)
    for axes, layer, heads in ((one, summary.one, "one head"), (two, summary.two, "two heads")):
        every_loss(axes, layer.losses, levels(task))
        axes.set_title(f"{heads}, {len(layer.losses)} seeds")
    one.sharey(two)
    of = lengths_of(summary, task)
    lengths(starts, summary.sweep.initial_std, of.sweep)
    starts.set(xlabel="initial standard deviation of a weight", title=f"one head, {len(of.sweep)} seeds")
    log_axis(starts, "x", summary.sweep.initial_std)
    both = np.concatenate([of.one, of.sweep])
    lengths(shares, swapped_when_most_leave(summary, of), both)
    shares.set(xlabel="share of the swapped path", xlim=(-0.05, 1.05), title=f"one head, {len(both)} seeds")
    return figure


def every_loss(axes: "Axes", losses: np.ndarray, levels: dict[str, float]) -> None:
    """Every seed's training loss, averaged over 20 steps; `levels` are losses to draw across."""
    smooth = smoothed(losses)
    steps = np.arange(smooth.shape[1]) + (losses.shape[1] - smooth.shape[1] + 1) / 2
    axes.plot(steps, smooth.T, alpha=0.4, linewidth=0.6, **TRAINED)
    for (label, level), style in zip(levels.items(), (GRADIENT_DESCENT, LINE), strict=True):
        axes.axhline(level, label=label, **style)
    axes.set(xlabel="training step", ylabel="training loss", xlim=(steps[0], steps[-1] + 1), ylim=(0, None))
    log_axis(axes, "x", steps)
    axes.legend()


def lengths(axes: "Axes", x: np.ndarray, length: np.ndarray) -> None:
    """Plateaus, the long ones hollow, and their median."""
    long = is_long(length)
    axes.plot(x[~long], length[~long], "o", color=TRAINED["color"], label="plateau")
    hollow = {"color": TRAINED["color"], "markerfacecolor": "none"}
    axes.plot(x[long], length[long], "o", label="longer than 1.5 medians", **hollow)
    axes.axhline(np.median(length), label="median", **LINE)
    axes.set(ylabel="plateau (steps)")
    log_axis(axes, "y", length)
    axes.legend()


def blocks(scan: Scan, task: LinearRegression) -> "Figure":
    """Figure 15 (right): blocks of the scan on their own tasks and on fresh ones, a panel for each batch size."""
    batches, rates = list(dict.fromkeys(each.batch for each in scan)), list(dict.fromkeys(each.rate for each in scan))
    figure, [panels] = panel_grid(1, len(batches), share_y=True)
    drawn = np.stack([losses for block in scan.values() for losses in (block.own, block.fresh)])
    for axes, batch in zip(panels, batches, strict=True):
        for rate, color in zip(rates, shades(len(rates)), strict=True):
            block = scan[Tried(rate, batch)]
            for name, losses, linestyle in (("fresh", block.fresh, "-"), ("own", block.own, ":")):
                band(axes, block.steps, losses, f"{name}, rate {rate:g}", color=color, linestyle=linestyle)
        axes.axhline(levels(task)["gradient descent"], label="gradient descent", **GRADIENT_DESCENT)
        axes.set(title=f"batches of {batch}", ylabel="loss of the block")
        training_steps(axes, next(iter(scan.values())).steps)
        log_axis(axes, "y", drawn)
    panels[-1].legend()
    return figure
