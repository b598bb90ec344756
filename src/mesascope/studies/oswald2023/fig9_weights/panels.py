"""The heat-maps of trained weights."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import signed_map
from mesascope.studies.oswald2023.fig9_weights.readings import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_maps(summary: Summary, depth: int) -> "Figure":
    """W_KQ and P W_V of the first seed's layer and tied layers, gauge fixed.

    The colours of P W_V reach to the tied layers' largest entry on x, the curvature. The last entry is larger, and
    stands as a number below.
    """
    figure, [panels] = panel_grid(1, 4, narrowest=7.0)
    dim_x = summary.tied.key_query.shape[1] - 1
    largest = float(np.abs(summary.tied.output_value[0, :dim_x, :dim_x]).max())
    for pair, weights, layers in (
        (panels[:2], summary.one, "one layer"),
        (panels[2:], summary.tied, f"{depth} tied layers"),
    ):
        output_value = weights.output_value[0]
        signed_map(pair[0], weights.key_query[0], f"$W_{{KQ}}$, {layers}, first seed")
        signed_map(pair[1], output_value, f"$P\\,W_V$, {layers}, first seed", largest)
        pair[0].set(xlabel="entry of the query's token", ylabel="entry of the key's token")
        pair[1].set(xlabel=f"entry read from (y to y: {output_value[-1, -1]:.2g})", ylabel="entry written to")
        for axes in pair:
            for line in (axes.axhline, axes.axvline):
                line(dim_x - 0.5, color="grey", linewidth=0.6)
            axes.set(xticks=(0, dim_x), yticks=(0, dim_x), xticklabels=("$x_1$", "$y$"))
            axes.set(yticklabels=("$x_1$", "$y$"), aspect="auto")
    return figure
