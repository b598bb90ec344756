"""TODO"""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_maps(summary: dict[int, Arrays]) -> "Figure":
    """W_KQ and P W_V of the first seed at each depth, gauge fixed, each on a scale of its own around zero."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * 2 * len(summary), 3.1), layout="constrained")
    panels = iter(figure.subplots(1, 2 * len(summary)))
    for depth, arrays in summary.items():
        layers = "1 layer" if depth == 1 else f"{depth} tied layers"
        for name, product in (("key_query", "$W_{KQ}$"), ("output_value", "$P\\,W_V$")):
            axes, weights = next(panels), arrays[name][0]
            limit = np.abs(weights).max()
            limit = limit if np.isfinite(limit) and limit > 0 else 1.0
            image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
            dim_x = len(weights) - 1
            for line in (axes.axhline, axes.axvline):
                line(dim_x - 0.5, color="grey", linewidth=0.6)
            axes.set(title=f"{product}, {layers}", xticks=(0, dim_x), yticks=(0, dim_x))
            axes.set(xticklabels=("$x_1$", "$y$"), yticklabels=("$x_1$", "$y$"))
            of_key_query = {"xlabel": "entry of the query's token", "ylabel": "entry of the key's token"}
            axes.set(**of_key_query if name == "key_query" else {"xlabel": "reads from", "ylabel": "writes to"})
            figure.colorbar(image, ax=axes, shrink=0.8)
    return figure
