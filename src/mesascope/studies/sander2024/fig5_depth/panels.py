"""What models of several depths reached, drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LEAST_SQUARES, LINE, TRAINED, TRAINED_TOO
from mesascope.studies.sander2024.fig5_depth.readings import Reached, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS = "loss relative to $|s|^2$"
EACH = {**GRADIENT_DESCENT, "linestyle": ":"}  # steps with a coefficient each
DOTS: dict[str, Any] = {"marker": "o", "linestyle": "none", "fillstyle": "none"}


def three_panels(summary: Summary) -> "Figure":
    """Losses by depth; of one layer, by its norm and first state; and along the sequence."""
    figure, [[by_depth, one_layer, along]] = panel_grid(1, 3)
    _by_depth(by_depth, summary.fixed)
    _one_layer(one_layer, summary)
    _along(along, summary.fixed)
    for axes in (by_depth, one_layer, along):
        axes.set(ylabel=LOSS)
        axes.set_ylim(0, None)
        axes.legend()
    return figure


def _by_depth(axes: "Axes", fixed: Reached) -> None:
    losses, steps = fixed.by_depth(), np.arange(1, len(fixed.by_steps()) + 1)
    axes.plot(fixed.depths, fixed.best(), label=f"L layers, best of {len(losses)} seeds", marker="o", **TRAINED)
    axes.plot(np.tile(fixed.depths, len(losses)), losses.ravel(), color=TRAINED["color"], label="every seed", **DOTS)
    axes.plot(steps, fixed.by_steps(), label="L gradient steps", **GRADIENT_DESCENT)
    axes.plot(steps, fixed.by_steps_each(), label="with a coefficient each", **EACH)
    axes.axhline(fixed.rivals.least_squares.mean(), label="least squares", **LEAST_SQUARES)
    axes.set(xlabel="layers, or steps, L", xticks=steps)


def _one_layer(axes: "Axes", summary: Summary) -> None:
    """A dot a seed, by first state; what the layers are held against, dashes."""
    for i, of in enumerate(summary):
        plain, normalised = of.not_normalised(), of.models[0].whole().mean(axis=-1)
        for losses, role, label in (
            (plain, TRAINED_TOO, "one layer, not normalised"),
            (normalised, TRAINED, "one layer, normalised"),
        ):
            label = label if i == 0 else None
            axes.plot(np.full(len(losses), i), losses, color=role["color"], label=label, **DOTS)
        for loss, role, label in (
            (of.by_steps()[0], GRADIENT_DESCENT, "one step"),
            (of.scaled.loss.mean(), LINE, "one step of one length"),
        ):
            axes.plot([i - 0.3, i + 0.3], [loss, loss], label=label if i == 0 else None, **role)
    axes.set_xticks(range(2), ["$s_1$ fixed", "$s_1$ random"])
    axes.set(xlabel="first state", xlim=(-0.6, 1.6))


def _along(axes: "Axes", fixed: Reached) -> None:
    """The best seeds of the shallowest and the deepest model."""
    states = np.arange(1, fixed.rivals.loss.shape[1] + 1)
    for place, role in ((0, TRAINED_TOO), (-1, TRAINED)):
        depth, losses = fixed.depths[place], fixed.models[place].whole()
        best = losses[np.argmin(np.nan_to_num(losses.mean(axis=-1), nan=np.inf))]
        axes.plot(states, best, label=f"{depth} layer{'s' * (depth > 1)}, best seed", **role)
    axes.plot(states, fixed.rivals.loss[0], label="1 gradient step", **GRADIENT_DESCENT)
    axes.plot(states, fixed.rivals.each_loss[-1], label=f"{len(fixed.rivals.loss)} steps, a coefficient each", **EACH)
    axes.plot(states, fixed.rivals.least_squares, label="least squares", **LEAST_SQUARES)
    axes.set(xlabel="states seen")
