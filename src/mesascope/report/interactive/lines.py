"""Lines, points, steps, error bars and reference lines."""

from typing import Any

import numpy as np
from matplotlib import colors
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import AxLine, Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import StepPatch

from mesascope.report.interactive.canvas import Canvas
from mesascope.report.interactive.colours import css
from mesascope.report.interactive.numbers import plain

DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
STEPS = {"steps": "vh", "steps-pre": "vh", "steps-post": "hv", "steps-mid": "hvh"}
MARKERS = {
    **{
        "o": "circle",
        ".": "circle",
        ",": "circle",
        "s": "square",
        "D": "diamond",
        "d": "diamond-tall",
        "p": "pentagon",
    },
    **{"^": "triangle-up", "v": "triangle-down", "<": "triangle-left", ">": "triangle-right", "*": "star"},
    **{"x": "x-thin-open", "+": "cross-thin-open", "X": "x", "P": "cross", "h": "hexagon", "H": "hexagon2"},
    **{"_": "line-ew-open", "|": "line-ns-open"},
}
PIXELS = 4 / 3  # a point


def line(artist: Line2D, on: Canvas) -> None:
    """A line with or without markers; across the whole panel, a shape."""
    in_data = in_data_of(artist, on)
    if isinstance(artist, AxLine) or not any(in_data):
        on.leave_out(artist)
    elif not all(in_data):
        (x0, y0), (x1, y1) = np.asarray(artist.get_xydata(), float)[[0, -1]].tolist()
        on.shape(artist, in_data, type="line", x0=x0, x1=x1, y0=y0, y1=y1, line=_stroke(artist))
    else:
        x, y = np.ma.asarray(artist.get_xdata(orig=False)), np.ma.asarray(artist.get_ydata(orig=False))
        on.trace("scatter", artist, x=plain(x), y=plain(y), **style_of(artist))


def in_data_of(artist: Any, on: Canvas) -> tuple[bool, bool]:
    """Whether x and y are counted in the data's units."""
    return artist.get_transform().contains_branch_seperately(on.axes.transData)


def style_of(artist: Line2D) -> dict[str, Any]:
    """Mode, line and marker, as a trace has them."""
    symbol = MARKERS.get(str(artist.get_marker()))
    stroke = artist.get_linestyle() in DASHES and artist.get_linewidth() > 0
    mode = "+".join(["lines"] * stroke + ["markers"] * (symbol is not None)) or "none"
    told: dict[str, Any] = {"mode": mode}
    if stroke:
        told["line"] = _stroke(artist)
        if artist.get_drawstyle() in STEPS:
            told["line"]["shape"] = STEPS[artist.get_drawstyle()]
    if symbol is not None:
        told["marker"] = _marker(artist, symbol)
    return told


def _stroke(artist: Line2D) -> dict[str, Any]:
    dash = DASHES.get(str(artist.get_linestyle()), "solid")
    colour = css(colors.to_rgba(artist.get_color(), artist.get_alpha()))
    return {"color": colour, "width": round(PIXELS * artist.get_linewidth(), 2), "dash": dash}


def _marker(artist: Line2D, symbol: str) -> dict[str, Any]:
    edge, face = artist.get_markeredgecolor(), artist.get_markerfacecolor()
    hollow = isinstance(face, str) and face == "none"
    if hollow and not symbol.endswith("-open"):
        symbol += "-open"
    colour = css(colors.to_rgba(edge if hollow or symbol.endswith("-open") else face, artist.get_alpha()))
    points = artist.get_markersize() * (0.5 if artist.get_marker() == "." else 1.0)
    return {"symbol": symbol, "size": max(round(PIXELS * points, 1), 4), "color": colour}


def scatter(artist: PathCollection, on: Canvas) -> None:
    """Points, each of a size and a colour."""
    points = np.ma.asarray(artist.get_offsets())
    on.trace("scatter", artist, x=plain(points[:, 0]), y=plain(points[:, 1]), **look_of_points(artist))


def look_of_points(artist: PathCollection) -> dict[str, Any]:
    """Mode and marker, as a trace has them."""
    faces, edges = artist.get_facecolor(), artist.get_edgecolor()
    symbol, paint = _symbol_of(artist), faces
    if not np.size(faces):
        symbol, paint = f"{symbol.removesuffix('-open')}-open", edges
    shades = [css(each) for each in np.atleast_2d(paint)]
    sizes = plain(np.sqrt(artist.get_sizes()) * PIXELS)
    return {"mode": "markers", "marker": {"symbol": symbol, "color": _each(shades), "size": _each(sizes)}}


def _each(values: list[Any]) -> Any:
    return values[0] if len(set(values)) == 1 else values


def _symbol_of(artist: PathCollection) -> str:
    """The marker whose outline the points have."""
    (path, *_) = artist.get_paths()
    corners = np.asarray(path.vertices)
    for name, symbol in MARKERS.items():
        style = MarkerStyle(name)
        outline = np.asarray(style.get_path().transformed(style.get_transform()).vertices)
        if outline.shape == corners.shape and np.allclose(outline, corners):
            return symbol
    return "circle"


def segments(artist: LineCollection, on: Canvas) -> None:
    """Separate pieces of lines: one trace for each colour."""
    if not all(in_data_of(artist, on)):
        on.leave_out(artist)
        return
    pieces, shades = artist.get_segments(), [css(each) for each in np.atleast_2d(artist.get_color())]
    patterns: Any = artist.get_linestyle()
    for shade in dict.fromkeys(shades):
        of_it = [piece for i, piece in enumerate(pieces) if shades[i % len(shades)] == shade]
        x, y = apart(of_it)
        width = round(PIXELS * float(np.max(artist.get_linewidth())), 2)
        stroke = {"color": shade, "width": width, "dash": "dash" if patterns[0][1] else "solid"}
        on.trace("scatter", artist, x=x, y=y, mode="lines", line=stroke)


def apart(pieces: list[Any]) -> tuple[list[Any], list[Any]]:
    """The points of all pieces, in one list of x and one of y, null between two pieces."""
    whole = [point for piece in pieces for point in [*plain(piece), [None, None]]][:-1]
    return [x for x, _ in whole], [y for _, y in whole]


def error_bars(container: ErrorbarContainer, on: Canvas) -> None:
    """Points with intervals."""
    drawn, _, bars = container.lines
    kinds = ["x"] * container.has_xerr + ["y"] * container.has_yerr  # pyright: ignore[reportAttributeAccessIssue]
    ends = {kind: np.array(bar.get_segments()) for kind, bar in zip(kinds, bars, strict=True)}
    middle = _middle(drawn, ends)
    shade = css(np.atleast_2d(bars[0].get_color())[0])
    style = {"mode": "markers", "marker": {"size": 1, "color": shade}} if drawn is None else style_of(drawn)
    told = {}
    for kind, segment in ends.items():
        place = "xy".index(kind)
        told[f"error_{kind}"] = {
            **{"type": "data", "symmetric": False, "color": shade, "thickness": 1.5, "width": 3},
            "array": plain(segment[:, 1, place] - middle[:, place]),
            "arrayminus": plain(middle[:, place] - segment[:, 0, place]),
        }
    on.trace("scatter", container, x=plain(middle[:, 0]), y=plain(middle[:, 1]), **style, **told)


def _middle(drawn: Line2D | None, ends: dict[str, np.ndarray]) -> np.ndarray:
    """The points [n 2] that have bars; where none is drawn, the middles of the bars."""
    if drawn is not None:
        return np.ma.filled(np.ma.asarray(drawn.get_xydata()).astype(float), np.nan)
    return next(iter(ends.values())).mean(axis=1)


def stairs(artist: StepPatch, on: Canvas) -> None:
    """The outline of a histogram."""
    values, edges, baseline = artist.get_data()
    heights = np.append(values, np.ravel(values)[-1:])
    told: dict[str, Any] = {"x": plain(edges), "y": plain(heights)}
    if artist.get_fill():
        told |= {"fill": "tozeroy", "fillcolor": css(artist.get_facecolor())}
    dash = DASHES.get(str(artist.get_linestyle()), "solid")
    stroke = {"color": css(artist.get_edgecolor()), "width": 2, "shape": "hv", "dash": dash}
    on.trace("scatter", artist, mode="lines", line=stroke, **told)
    if np.ndim(baseline):
        on.untranslated.append("a baseline of steps")
