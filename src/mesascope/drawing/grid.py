"""Panels in rows that fit the width of a page."""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def panel_grid(
    num_rows: int, num_columns: int, narrowest: float = 5.0, share_y: bool = False
) -> "tuple[Figure, np.ndarray]":
    """A figure of the width in effect, and its panels [rows columns], with a letter each.

    Where a row's panels would be narrower than `narrowest` cm, the row goes on in the next line. With `share_y` the
    panels of a row have one scale.
    """
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    most = max(1, int(rcParams["figure.figsize"][0] * 2.54 / narrowest))
    num_lines = math.ceil(num_columns / most)
    length = math.ceil(num_columns / num_lines)
    places = figure.add_gridspec(num_rows * num_lines, length)
    panels = np.empty((num_rows, num_columns), object)
    for i, j in np.ndindex(*panels.shape):
        place = places[i * num_lines + j // length, j % length]
        panels[i, j] = axes = figure.add_subplot(place, sharey=panels[i, 0] if share_y else None)
        if panels.size > 1:
            axes.set_title(chr(ord("a") + i * num_columns + j), loc="left", x=-0.15, fontweight="bold")
    return figure, panels
