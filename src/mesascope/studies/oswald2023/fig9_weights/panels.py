"""The heat-maps of trained weights."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies.oswald2023.fig9_weights.cells import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_maps(summary: dict[int, Weights]) -> "Figure":
    """W_KQ and P W_V of the first seed at each depth, gauge fixed, each on a scale of its own around zero."""
    figure, [row] = panel_grid(1, 2 * len(summary), narrowest=5.0)
    panels = iter(row)
    of_key_query = {"xlabel": "entry of the query's token", "ylabel": "entry of the key's token"}
    of_output_value = {"xlabel": "reads from", "ylabel": "writes to"}
    for depth, found in summary.items():
        layers = "1 layer" if depth == 1 else f"{depth} tied layers"
        for weights, product, labels in (
            (found.key_query[0], "$W_{KQ}$", of_key_query),
            (found.output_value[0], "$P\\,W_V$", of_output_value),
        ):
            axes = next(panels)
            limit = np.abs(weights).max()
            limit = limit if np.isfinite(limit) and limit > 0 else 1.0
            image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
            dim_x = len(weights) - 1
            for line in (axes.axhline, axes.axvline):
                line(dim_x - 0.5, color="grey", linewidth=0.6)
            axes.set(title=f"{product}, {layers}", xticks=(0, dim_x), yticks=(0, dim_x))
            axes.set(xticklabels=("$x_1$", "$y$"), yticklabels=("$x_1$", "$y$"))
            axes.set(**labels)
            figure.colorbar(image, ax=axes, shrink=0.8)
    return figure
