"""The figures on shifted tasks: one and two layers relative to their rivals, five layers beside theirs."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GDPP, LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023._shared.shifts import ShiftedLosses, Shifts
from mesascope.studies.oswald2023._shared.stack_panels import show_decades, spans_a_decade
from mesascope.studies.oswald2023.fig6_shift.cells import StackLosses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Look = dict[str, Any]
Lines = dict[str, tuple[np.ndarray, Look]]  # by name: losses [seeds shifts], and what their line looks like


def relative_to_rivals(one: StackLosses, two: StackLosses, shifts: Shifts) -> "Figure":
    """Losses of one layer and of two tied ones, each divided by its rival's."""
    figure, row = four_panels(shifts)
    dotted = {**TRAINED_TOO, "linestyle": ":"}
    rest: Lines = {} if two.restricted is None else {"two tied layers, only GD++'s weights": (two.restricted, dotted)}
    draw(row, {"one layer / gradient descent": (one.trained, {**TRAINED, "marker": "o"})}, shifts, one.rival)
    draw(row, {"two tied layers / GD++": (two.trained, {**TRAINED_TOO, "marker": "s"})}, shifts, two.rival)
    draw(row, {**rest, "GD++ with the best rates / GD++": (two.best[None], GDPP)}, shifts, two.rival)
    for axes in row:
        axes.axhline(1.0, **LINE)
        axes.set_ylabel("loss relative to the rival's")
        if spans_a_decade(drawn_in(axes)):
            axes.set_yscale("log")
    row[0].legend()
    return figure


def beside_rivals(five: StackLosses, shifts: Shifts) -> "Figure":
    """Losses of five untied layers and of GD++, all of which cut their tokens off."""
    figure, row = four_panels(shifts)
    lines: Lines = {
        "five untied layers": (five.trained, {**TRAINED, "marker": "o"}),
        "GD++ as the authors train it": (five.rival[None], GDPP),
        "GD++ with the best rates": (five.best[None], {**GDPP, "linestyle": ":"}),
    }
    draw(row, lines, shifts)
    for axes in row:
        axes.set_ylabel("loss")
        show_decades(axes, drawn_in(axes))
    row[0].legend()
    return figure


def four_panels(shifts: Shifts) -> "tuple[Figure, np.ndarray]":
    """A panel for each kind of shift."""
    figure, [row] = panel_grid(1, 4)
    words = (
        "input scale relative to training",
        "teacher scale relative to training",
        "norm of X, three other input laws mixed",
        f"targets that are noise, of N = {shifts.num_corrupted[-1]}",
    )
    for axes, word in zip(row, words, strict=True):
        axes.set_xlabel(word)
    return figure, row


def draw(row: np.ndarray, lines: Lines, shifts: Shifts, rival: np.ndarray | None = None) -> None:
    """Losses, or losses divided by a rival's [shifts], against the amount of every shift, in a row of panels."""
    amounts = shifts.input_scales, shifts.weight_scales, shifts.law_scales, shifts.num_corrupted
    for i, (axes, at) in enumerate(zip(row, amounts, strict=True)):
        for name, (losses, look) in lines.items():
            divisor = 1.0 if rival is None else mixed(shifts.by_kind(rival))[i]
            band(axes, np.array(at), mixed(shifts.by_kind(losses))[i] / divisor, name, markersize=3, **look)


def drawn_in(axes: "Axes") -> np.ndarray:
    """The values of all lines of a panel."""
    return np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])


def mixed(of: ShiftedLosses) -> tuple[np.ndarray, ...]:
    """Losses [... amounts] by the kind of shift; other input laws in equal parts, as the paper mixes them."""
    return of.input_scale, of.weight_scale, of.law.mean(axis=-2), of.corrupted
