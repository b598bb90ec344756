"""Bands, bars, spans and other outlines that are filled."""

from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.container import BarContainer
from matplotlib.patches import Patch, Rectangle

from mesascope.report.interactive.canvas import Canvas
from mesascope.report.interactive.colours import css
from mesascope.report.interactive.lines import apart, in_data_of
from mesascope.report.interactive.numbers import plain


def band(artist: PolyCollection, on: Canvas) -> None:
    """What lies between two lines, in as many pieces as it has."""
    if not all(in_data_of(artist, on)):
        on.leave_out(artist)
        return
    corners = [np.asarray(path.vertices, float) for path in artist.get_paths()]
    x, y = apart([_without_repeats(each[np.isfinite(each).all(axis=1)]) for each in corners])
    colours = np.atleast_2d(artist.get_facecolor())
    _filled(artist, on, x, y, css(colours[0]) if colours.size else "rgba(0,0,0,0)")


def outline(artist: Patch, on: Canvas) -> None:
    """A patch: a rectangle across the whole panel is a shape, any other a filled outline."""
    in_data = in_data_of(artist, on)
    fill = css(artist.get_facecolor())
    if all(in_data):
        polygons = artist.get_path().to_polygons(artist.get_patch_transform())
        x, y = apart(polygons)
        _filled(artist, on, x, y, fill, {"color": css(artist.get_edgecolor()), "width": artist.get_linewidth()})
    elif any(in_data) and isinstance(artist, Rectangle):
        (x0, y0), (x1, y1) = (
            artist.get_xy(),
            (artist.get_x() + artist.get_width(), artist.get_y() + artist.get_height()),
        )
        on.shape(
            artist, in_data, type="rect", x0=x0, x1=x1, y0=y0, y1=y1, fillcolor=fill, line={"width": 0}, layer="below"
        )
    else:
        on.leave_out(artist)


def bars(container: BarContainer, on: Canvas) -> None:
    """Bars side by side or on top of each other."""
    flat = container.orientation == "horizontal"
    boxes = np.array([[each.get_x(), each.get_y(), each.get_width(), each.get_height()] for each in container.patches])
    if not len(boxes):
        return
    x, y, wide, high = boxes.T
    start, length, side, thickness = (x, wide, y, high) if flat else (y, high, x, wide)
    shades = [css(each.get_facecolor()) for each in container.patches]
    told: dict[str, Any] = {"orientation": "h" if flat else "v", "width": plain(thickness)}
    if np.any(start != 0):
        told["base"] = plain(start)
    along, across = plain(length), plain(side + thickness / 2)
    places = {"x": along, "y": across} if flat else {"x": across, "y": along}
    marker = {"color": shades[0] if len(set(shades)) == 1 else shades, "line": {"width": 0}}
    on.trace("bar", container, **places, **told, marker=marker)


def _filled(artist: Any, on: Canvas, x: list, y: list, fill: str, edge: dict[str, Any] | None = None) -> None:
    told: dict[str, Any] = {"line": edge or {"width": 0, "color": fill}, "mode": "lines", "hoverinfo": "skip"}
    if not fill.endswith(",0)"):
        told |= {"fill": "toself", "fillcolor": fill}
    on.trace("scatter", artist, x=x, y=y, **told)


def _without_repeats(points: np.ndarray) -> np.ndarray:
    """Points without those that repeat the one before."""
    return points[np.append(True, np.any(np.diff(points, axis=0) != 0, axis=1))] if len(points) else points
