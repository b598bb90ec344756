"""The figure of layers trained on dynamics that commute or not."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LEAST_SQUARES, LINE, TRAINED, TRAINED_TOO
from mesascope.studies.sander2024.noncommuting.readings import STARTED, LayerReadings, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS: dict[str, dict[str, Any]] = {
    "scalar": {"color": TRAINED["color"], "marker": "o"},
    "dense": {"color": TRAINED_TOO["color"], "marker": "s"},
    STARTED: {"color": TRAINED_TOO["color"], "marker": "^", "fillstyle": "none"},
}


def four_panels(summary: Summary, turnings: tuple[float, ...], fixed_turnings: tuple[float, ...]) -> "Figure":
    """By law of W the loss, the second coefficient and the distance to a step; a step's loss where s_1 is fixed."""
    figure, [[losses, ratios], [distances, fixed]] = panel_grid(2, 2)
    laws = tuple(summary.laws.values())
    _dots(losses, summary, lambda layers: layers.loss)
    _dots(ratios, summary, LayerReadings.ratio)
    _dots(distances, summary, lambda layers: layers.distance)
    _marks(losses, [law.terms.one for law in laws], "best gradient step", GRADIENT_DESCENT)
    _marks(losses, [law.terms.two for law in laws], "best two terms", LEAST_SQUARES)
    _marks(ratios, [law.terms.ratio() for law in laws], "best two terms", LEAST_SQUARES)
    losses.set(ylabel="loss, relative to |s|²", title="trained layers, a marker a seed")
    ratios.set(ylabel="c' / c", title="second coefficient")
    distances.axhline(0.05, **LINE, label="5%")
    distances.set(
        ylabel="squared distance, relative to |s|²", title="distance from the best gradient step", ylim=(0, None)
    )
    for axes in (losses, ratios, distances):
        axes.set_xticks(range(len(laws)), [*(f"{each:g}" for each in turnings), "uniform W"])
        axes.set(xlabel="turning τ of the planes of W", xlim=(-0.5, len(laws) - 0.5))
        axes.legend()
    _marks(fixed, [terms.one for terms in summary.fixed], "best gradient step", GRADIENT_DESCENT)
    fixed.set_xticks(range(len(fixed_turnings)), [f"{each:g}" for each in fixed_turnings])
    fixed.set(
        xlabel="turning τ of the planes of W", ylabel="loss, relative to |s|²", title="s₁ the same in every sequence"
    )
    fixed.set_xlim(-0.5, len(fixed_turnings) - 0.5)
    fixed.legend()
    return figure


def _dots(axes: "Axes", summary: Summary, number: Callable[[LayerReadings], np.ndarray]) -> None:
    """A marker a seed; the kinds of layers beside each other."""
    for shift, (kind, style) in zip((-0.2, 0.0, 0.2), MARKERS.items(), strict=True):
        found = [(i, number(law.layers[kind])) for i, law in enumerate(summary.laws.values()) if kind in law.layers]
        places = np.concatenate([np.full(len(of_seeds), i + shift) for i, of_seeds in found])
        numbers = np.concatenate([of_seeds for _, of_seeds in found])
        axes.plot(places, numbers, linestyle="", markersize=3.5, label=f"{kind} blocks", **style)


def _marks(axes: "Axes", values: list[Any], label: str, role: dict[str, Any]) -> None:
    """A dash a law."""
    places = np.arange(len(values))
    style = {"colors": role["color"], "linestyles": role["linestyle"], "linewidth": 1.2}
    axes.hlines(values, places - 0.4, places + 0.4, label=label, **style)
