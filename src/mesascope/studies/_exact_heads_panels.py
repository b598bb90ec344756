"""The panels of figure 3 of Sander et al. 2024."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._base import Arrays
from mesascope.studies._panels import REFERENCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat_maps(arrays: Arrays) -> "Figure":
    """A, B, C = B^T A and P of the first seed, the positions that a query never sees left white."""
    from matplotlib.figure import Figure

    a, b, weights = (arrays[name][0] for name in ("key_query", "output_value", "positions"))
    seen = np.tri(*weights.shape, k=1, dtype=bool)
    weights = np.ma.masked_array(weights, ~seen)[:-1]
    figure = Figure(figsize=(12, 3.2), layout="constrained")
    titles = ("A: heads by coordinates", "B: heads by coordinates", "$B^T A$", "P: queries by keys")
    for axes, title, matrix in zip(figure.subplots(1, 4), titles, (a, b, b.T @ a, weights), strict=True):
        largest = float(np.abs(matrix).max())
        size = largest if np.isfinite(largest) else 1.0  # after a training that diverged
        image = axes.imshow(matrix, cmap="RdBu", vmin=-size, vmax=size)
        axes.set_title(title)
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        figure.colorbar(image, ax=axes, shrink=0.8)
    return figure


def loss_over_heads(losses: dict[int, np.ndarray], floor: Callable[[int], int], seen: str) -> "Figure":
    """The loss a position of every seed against the number of heads, and the least there is."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.subplots()
    for i, (num_heads, of_seeds) in enumerate(losses.items()):
        label = "trained, by seed" if i == 0 else None
        axes.plot(np.full(len(of_seeds), num_heads), of_seeds, "o", color="C0", alpha=0.6, label=label)
    counts = range(min(losses), max(losses) + 1)
    axes.plot(counts, [floor(num_heads) for num_heads in counts], label=seen, **REFERENCE)
    axes.set(xlabel="number of heads H", ylabel="loss a position", ylim=(-0.2, None))
    axes.legend()
    return figure
