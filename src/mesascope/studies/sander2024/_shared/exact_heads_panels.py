"""The panels of figure 3 of Sander et al. 2024."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED
from mesascope.studies._shared.panels import count_entries, map_of_positions, signed_map
from mesascope.studies.sander2024._shared.exact_heads import Heads
from mesascope.studies.sander2024._shared.last_weights import last_two

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_maps(heads: Heads) -> "Figure":
    """A, B, B^T A and P of the seed with the least loss, positions that a query never sees left white.

    B is times p_T, the mean weight of the newest state, and P is divided by p_T: the layer stays the same, and the
    scale and the sign that B and P share are gone.
    """
    losses = heads.losses[:, -1]
    best = int(np.argmin(losses))
    newest = last_two(heads.positions)[1][best].mean()
    a, b = heads.key_query[best], newest * heads.output_value[best]
    figure, [[*panels, last]] = panel_grid(1, 4, narrowest=4.0)
    of_heads = (
        (f"A, best of {len(losses)} seeds", a, "head h", "coordinate k"),
        ("$p_T B$", b, "head h", "coordinate i"),
        ("$p_T B^T A$", b.T @ a, "coordinate i", "coordinate k"),
    )
    for axes, (title, matrix, rows, columns) in zip(panels, of_heads, strict=True):
        signed_map(axes, matrix, title)
        count_entries(axes, rows, columns)
    map_of_positions(last, heads.positions[best, :-1] / newest, "$P / p_T$")
    count_entries(last, "length T", "position t", first_row=2)
    last.images[0].colorbar.set_ticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    return figure


def loss_over_heads(losses: dict[int, np.ndarray], floor: Callable[[int], float], dim: int, seen: str) -> "Figure":
    """The loss per position of every seed against the number of heads, and the least there is."""
    figure, [[axes]] = panel_grid(1, 1)
    for i, (num_heads, of_seeds) in enumerate(losses.items()):
        label = f"trained, each of {len(of_seeds)} seeds" if i == 0 else None
        style = {**TRAINED, "linestyle": "none"}
        axes.plot(np.full(len(of_seeds), num_heads), of_seeds, marker="o", alpha=0.6, label=label, **style)
    counts = range(min(losses), max(losses) + 1)
    axes.plot(counts, [floor(num_heads) for num_heads in counts], marker="_", label=seen, **LINE)
    axes.set(xlabel="number of heads H", xticks=counts)
    axes.set_ylabel(f"loss per position\n(predicting zero: {dim})")
    axes.legend()
    return figure
