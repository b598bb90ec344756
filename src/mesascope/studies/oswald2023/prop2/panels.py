"""The errors of deep features, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, TRAINED_TOO
from mesascope.studies.oswald2023._shared.proposition import visible
from mesascope.studies.oswald2023.prop2.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("kernel\nsmoother", "Nadaraya-\nWatson", "equation\n13 as\nprinted")


def two_panels(summary: Summary, bound: float) -> "Figure":
    """Errors after each layer of a stack, and of the ways to write one block; a line or a marker for each shape."""
    figure, [[chain, block]] = panel_grid(1, 2, share_y=True)
    for axes in (chain, block):
        axes.axhline(bound, label="bound asked", **LINE)
    for errors, name, style in ((summary.double, "float64", TRAINED), (summary.single, "float32", TRAINED_TOO)):
        largest = np.array([visible(each.chain.max(axis=0)) for each in errors])
        for i, of_shape in enumerate(largest):
            shapes = f"{name}, {len(largest)} shape{'s' * (len(largest) > 1)}"
            chain.semilogy(range(1, len(of_shape) + 1), of_shape, "o", label=None if i else shapes, **style)
    for each in summary.double:
        of_block = visible(np.array([each.kernel, each.softmax, each.printed]).max(axis=1))
        block.semilogy(range(len(NAMES)), of_block, "o", color=TRAINED["color"])
    chain.set(xlabel="layers, and gradient steps", ylabel="largest error of predictions of order 1")
    chain.set_title("K layers")
    chain.legend()
    block.set_title("one block")
    block.set_xticks(range(len(NAMES)), NAMES)
    block.set_xlim(-0.5, len(NAMES) - 0.5)
    return figure
