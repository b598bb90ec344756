"""Maps of colours, with the bars that tell what a colour means."""

from typing import Any

import numpy as np
from matplotlib.collections import QuadMesh
from matplotlib.colors import NoNorm, Normalize
from matplotlib.image import AxesImage

from mesascope.report.interactive.canvas import Canvas
from mesascope.report.interactive.colours import css, scale
from mesascope.report.interactive.numbers import DIGITS_OF_MAPS, one, plain
from mesascope.report.interactive.words import as_html


def image(artist: AxesImage, on: Canvas) -> None:
    """Cells of equal size."""
    values = np.ma.asarray(artist.get_array())
    if values.ndim != 2:  # a picture
        on.leave_out(artist)
        return
    left, right, bottom, top = map(float, artist.get_extent())
    first, last = (top, bottom) if artist.origin == "upper" else (bottom, top)
    _map(artist, on, values, _middles(left, right, values.shape[1]), _middles(first, last, values.shape[0]))


def mesh(artist: QuadMesh, on: Canvas) -> None:
    """Cells between lines that are straight and at right angles."""
    corners = np.ma.filled(np.ma.asarray(artist.get_coordinates()).astype(float), np.nan)
    x, y = corners[0, :, 0], corners[:, 0, 1]
    straight = np.allclose(corners[..., 0], x, equal_nan=True) and np.allclose(corners[..., 1], y[:, None])
    num_rows, num_columns = len(y) - 1, len(x) - 1
    values = np.ma.asarray(artist.get_array())
    if not straight or values.size != num_rows * num_columns:
        on.leave_out(artist)
        return
    _map(artist, on, values.reshape(num_rows, num_columns), x, y)


def _middles(start: float, end: float, num: int) -> np.ndarray:
    return start + (np.arange(num) + 0.5) * (end - start) / num


def _map(artist: AxesImage | QuadMesh, on: Canvas, values: np.ma.MaskedArray, x: np.ndarray, y: np.ndarray) -> None:
    """Values by colour: of a norm that is not linear, what the norm makes of them, beside themselves."""
    norm, colours = artist.norm, artist.get_cmap()
    values = np.ma.masked_invalid(values.astype(float))
    linear = type(norm) in (Normalize, NoNorm)
    shown = values if linear else np.ma.masked_invalid(np.ma.asarray(norm(values)))
    low, high = (norm.vmin, norm.vmax) if linear else (0.0, 1.0)
    told: dict[str, Any] = {"z": plain(shown, DIGITS_OF_MAPS), "zmin": one(low), "zmax": one(high)}
    hover = "%{z:.4g}"
    if not linear:
        told["customdata"], hover = plain(values, DIGITS_OF_MAPS), "%{customdata:.4g}"
    places = {"x": plain(x), "y": plain(y)}
    on.trace(
        "heatmap", artist, **places, **told, colorscale=scale(colours), **_bar_of(artist, linear), hoverongaps=False,
        hovertemplate=f"x %{{x}}<br>y %{{y}}<br>{hover}<extra></extra>",
    )  # fmt: skip
    if high is not None and css(colours.get_over()) != css(colours(1.0)) and np.any(shown > high):
        beyond = np.ma.masked_where(~np.ma.filled(shown > high, False), values)
        shade = css(colours.get_over())
        on.trace(
            "heatmap", artist, **places, z=plain(beyond, DIGITS_OF_MAPS), colorscale=[[0, shade], [1, shade]],
            showscale=False, hoverongaps=False, hovertemplate="x %{x}<br>y %{y}<br>%{z:.4g}<extra></extra>",
        )  # fmt: skip


def _bar_of(artist: AxesImage | QuadMesh, linear: bool) -> dict[str, Any]:
    bar = artist.colorbar
    if bar is None:
        return {"showscale": False}
    title = as_html(bar.ax.get_ylabel() or bar.ax.get_xlabel())
    told: dict[str, Any] = {"title": {"text": title, "side": "right"}, "thickness": 12, "outlinewidth": 0}
    if not linear:
        ticks = np.asarray(bar.get_ticks(), float)
        told |= {"tickvals": plain(artist.norm(ticks)), "ticktext": [f"{tick:.3g}" for tick in ticks]}
    return {"showscale": True, "colorbar": told}
