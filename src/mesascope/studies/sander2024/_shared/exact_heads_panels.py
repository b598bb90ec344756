"""The panels of figure 3 of Sander et al. 2024."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, count_entries, map_of_positions, signed_map
from mesascope.studies.sander2024._shared.exact_heads import Heads

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_maps(heads: Heads) -> "Figure":
    """A, B, C = B^T A and P of the first seed, the positions that a query never sees left white."""
    a, b = heads.key_query[0], heads.output_value[0]
    figure, [[*panels, last]] = panel_grid(1, 4, narrowest=4.0)
    of_heads = (
        ("A, keys and queries", a, "head h", "coordinate k"),
        ("B, values", b, "head h", "coordinate i"),
        ("$C = B^T A$", b.T @ a, "coordinate i", "coordinate k"),
    )
    for axes, (title, matrix, rows, columns) in zip(panels, of_heads, strict=True):
        signed_map(axes, matrix, title)
        count_entries(axes, rows, columns)
    map_of_positions(last, heads.positions[0, :-1], "P, weights of positions")
    count_entries(last, "length T", "key t", first_row=2)
    return figure


def loss_over_heads(
    losses: dict[int, np.ndarray], floor: Callable[[int], float], seen: str, ylabel: str = "loss a position"
) -> "Figure":
    """The loss of every seed against the number of heads, and the least there is."""
    figure, [[axes]] = panel_grid(1, 1)
    for i, (num_heads, of_seeds) in enumerate(losses.items()):
        label = "trained, by seed" if i == 0 else None
        axes.plot(np.full(len(of_seeds), num_heads), of_seeds, "o", color="C0", alpha=0.6, label=label)
    counts = range(min(losses), max(losses) + 1)
    axes.plot(counts, [floor(num_heads) for num_heads in counts], marker="_", label=seen, **REFERENCE)
    axes.axhline(0.0, color="lightgrey", linewidth=0.8)
    axes.set(xlabel="number of heads H", ylabel=ylabel, xticks=counts)
    axes.legend()
    return figure
