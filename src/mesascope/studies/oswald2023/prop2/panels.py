"""The errors of deep features, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies.oswald2023._shared.proposition import visible
from mesascope.studies.oswald2023.prop2.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Shapes = tuple[tuple[int, ...], ...]


def two_panels(summary: Summary, shapes: Shapes, singles: Shapes, bound: float) -> "Figure":
    """Errors after each layer of a stack, and of the ways to write one block; by shape."""
    double, single = summary
    figure, [[chain, block]] = panel_grid(1, 2, share_y=True)
    for axes in (chain, block):
        axes.axhline(bound, color="black", linestyle="--", label="criterion")
    steps = np.arange(1, double[0].chain.shape[-1] + 1)
    names = ("gradient\nstep", "kernel\nsmoother", "softmax:\nNadaraya-\nWatson", "equation 13\nas printed")
    for shape, errors in zip(shapes, double, strict=True):
        label = f"{shape[0]} to {shape[1]}, N = {shape[2]}"
        of_block = np.stack([errors.step, errors.kernel, errors.softmax, errors.printed], axis=1)
        chain.semilogy(steps, visible(errors.chain.max(axis=0)), "o-", label=label)
        block.semilogy(range(len(names)), visible(of_block.max(axis=0)), "o", label=label)
    for shape, errors in zip(singles, single, strict=True):
        label = f"{shape[0]} to {shape[1]}, float32"
        chain.semilogy(steps, visible(errors.chain.max(axis=0)), "o:", label=label)
    chain.set(xlabel="layers = gradient steps", ylabel="largest error of the prediction", title="K layers")
    block.set_title("one block")
    block.set_xticks(range(len(names)), names)
    chain.legend()
    return figure
