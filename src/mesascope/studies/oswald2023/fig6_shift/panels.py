"""The grid of figure 6: stacks by rows, ways to be away from the training task by columns."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.shifts import INPUT_LAWS, Shifts
from mesascope.studies.oswald2023.fig6_shift.cells import StackLosses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STYLES: dict[str, tuple[str, dict[str, Any]]] = {
    "trained": ("trained", {"color": "C0", "marker": "."}),
    "unclipped": ("the same, unclipped", {"color": "C1", "linestyle": ":"}),
    "restricted": ("GD++'s weights only", {"color": "C2", "linestyle": ":"}),
    "rival": ("its algorithm", REFERENCE),
    "clipped_rival": ("its algorithm, clipped", {**REFERENCE, "linestyle": "-."}),
}


def shift_grid(stacks: dict[str, StackLosses], shifts: Shifts) -> "Figure":
    """Losses of every stack and its rival; of five layers unclipped and of a clipped rival; of tied ones restricted."""
    kinds = [
        "input scale",
        "teacher scale",
        *(f"scale of {law} inputs" for law in INPUT_LAWS),
        "targets that are noise",
    ]
    amounts = [shifts.input_scales, shifts.weight_scales, *[shifts.law_scales] * len(INPUT_LAWS), shifts.num_corrupted]
    figure, grid = panel_grid(len(stacks), len(kinds), narrowest=4.0)
    ends = np.cumsum([len(each) for each in amounts])[:-1]
    for row, (stack, losses) in zip(grid, stacks.items(), strict=True):
        given = {name: np.atleast_2d(each) for name, each in losses._asdict().items() if each is not None}
        split = {name: np.split(each, ends, axis=1) for name, each in given.items()}
        for i, (axes, kind) in enumerate(zip(row, kinds, strict=True)):
            panel(axes, np.array(amounts[i]), {name: parts[i] for name, parts in split.items()})
            axes.set_xlabel(kind)
        row[0].set_ylabel(f"{stack}: loss")
        row[0].legend()
    return figure


def panel(axes: "Axes", amounts: np.ndarray, losses: dict[str, np.ndarray]) -> None:
    """Losses [seeds amounts] against the amount of one shift."""
    for name, (label, style) in STYLES.items():
        if name in losses:
            band(axes, amounts, losses[name], label, **style)
    drawn = np.concatenate([each.ravel() for each in losses.values()])
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]  # what a logarithmic axis can show
    is_count = np.issubdtype(amounts.dtype, np.integer)
    if drawn.size and (not is_count or drawn.max() > 100 * drawn.min()):
        axes.set_yscale("log")
