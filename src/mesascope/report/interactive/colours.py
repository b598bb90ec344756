"""Colours as style sheets write them, and maps of colours as plotly does."""

from typing import Any

import numpy as np
from matplotlib.colors import Colormap, to_rgba

STEPS = 16


def css(colour: Any, alpha: float | None = None) -> str:
    """ "#0072b2", or "rgba(0,114,178,0.25)" of what is not opaque."""
    red, green, blue, opaque = to_rgba(colour, alpha)
    channels = [round(255 * each) for each in (red, green, blue)]
    if opaque >= 1:
        return "#" + "".join(f"{each:02x}" for each in channels)
    return f"rgba({','.join(map(str, channels))},{opaque:.3g})"


def scale(colours: Colormap) -> list[list[Any]]:
    """The map in steps from 0 to 1; of few colours, each a step of its own."""
    if colours.N <= STEPS:
        edges = [(i / colours.N, (i + 1) / colours.N, css(colours(i))) for i in range(colours.N)]
        return [[place, colour] for low, high, colour in edges for place in (low, high)]
    return [[place, css(colours(place))] for place in np.linspace(0, 1, STEPS + 1).tolist()]
