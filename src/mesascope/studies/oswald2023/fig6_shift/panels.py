"""The grid of figure 6: stacks by rows, ways to be away from the training task by columns."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023._shared.shifts import INPUT_LAWS
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def shift_grid(
    stacks: dict[str, Arrays],
    input_scales: tuple[float, ...],
    weight_scales: tuple[float, ...],
    law_scales: tuple[float, ...],
) -> "Figure":
    """Losses of every stack and its rival; of five layers unclipped and of a clipped rival; of tied ones restricted."""
    from matplotlib.figure import Figure

    columns = {
        "input_scale": ("input scale", input_scales),
        "weight_scale": ("teacher scale", weight_scales),
        **{f"law_{law}": (f"scale of {law} inputs", law_scales) for law in INPUT_LAWS},
        "corrupted": ("targets replaced by noise", None),
    }
    figure = Figure(figsize=(3 * len(columns), 2.7 * len(stacks)))
    grid = figure.subplots(len(stacks), len(columns), squeeze=False)
    for row, (stack, arrays) in zip(grid, stacks.items(), strict=True):
        for axes, (kind, (label, amounts)) in zip(row, columns.items(), strict=True):
            counts = np.arange(arrays[f"{kind}_trained"].shape[1])
            panel(axes, arrays, kind, counts if amounts is None else np.array(amounts))
            axes.set_xlabel(label)
        row[0].set_ylabel(f"{stack}: loss")
        row[0].legend(fontsize="small")
    return figure


def panel(axes: "Axes", arrays: Arrays, kind: str, amounts: np.ndarray) -> None:
    """Losses against the amount of one shift."""
    band(axes, amounts, arrays[f"{kind}_trained"], "trained", color="C0", marker=".")
    if f"{kind}_unclipped" in arrays:
        band(axes, amounts, arrays[f"{kind}_unclipped"], "the same, unclipped", color="C1", linestyle=":")
    if f"{kind}_restricted" in arrays:
        band(axes, amounts, arrays[f"{kind}_restricted"], "GD++'s weights only", color="C2", linestyle=":")
    for name, label, line in (("rival", "its algorithm", "--"), ("clipped_rival", "its algorithm, clipped", "-.")):
        if f"{kind}_{name}" in arrays:
            losses = arrays[f"{kind}_{name}"].mean(axis=0)
            axes.plot(amounts, losses, label=label, **{**REFERENCE, "linestyle": line})
    drawn = np.concatenate([arrays[name].ravel() for name in arrays if name.startswith(f"{kind}_")])
    drawn = drawn[np.isfinite(drawn) & (drawn > 0)]  # what a logarithmic axis can show
    if drawn.size and (kind != "corrupted" or drawn.max() > 100 * drawn.min()):
        axes.set_yscale("log")
