"""Pieces that figures share. matplotlib is imported when a figure is drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


REFERENCE = {"color": "black", "linestyle": "--", "linewidth": 1.2}  # the algorithm a model is held against


def band(axes: "Axes", x: np.ndarray, per_seed: np.ndarray, label: str, **style: Any) -> None:
    """The mean over seeds [seeds x] as a line, and the range from the lowest seed to the highest as a band."""
    (line,) = axes.plot(x, per_seed.mean(axis=0), label=label, **style)
    axes.fill_between(x, per_seed.min(axis=0), per_seed.max(axis=0), color=line.get_color(), alpha=0.25, linewidth=0)


def signed_map(axes: "Axes", matrix: np.ndarray, title: str, largest: float | None = None) -> None:
    """The entries of a matrix as colours, zero white; of a masked array those that are not masked.

    Entries of a size beyond `largest`, by default the largest there is, have the last colour.
    """
    largest = float(np.abs(matrix).max()) if largest is None else largest
    size = largest if np.isfinite(largest) and largest > 0 else 1.0  # after a training that diverged
    image = axes.imshow(matrix, cmap="RdBu", vmin=-size, vmax=size)
    axes.set_title(title)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def count_entries(axes: "Axes", rows: str, columns: str, first_row: int = 1) -> None:
    """Names the rows and columns of a map, numbers them from `first_row` and from 1, and lets it fill its place."""
    from matplotlib.ticker import MaxNLocator

    (image,) = axes.images
    height, width = image.get_size()
    image.set_extent((0.5, width + 0.5, height + first_row - 0.5, first_row - 0.5))
    axes.set(xlabel=columns, ylabel=rows, aspect="auto")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator("auto", integer=True))


def map_of_positions(axes: "Axes", weights: np.ndarray, title: str) -> None:
    """Weights of positions [queries keys] as a `signed_map`; keys that no query sees stay empty."""
    seen = np.tri(*weights.shape, k=1, dtype=bool)
    signed_map(axes, np.ma.masked_array(weights, ~seen), title)
