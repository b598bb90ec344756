"""Which series there are in a panel: what is named together is shown and hidden together."""

from typing import TYPE_CHECKING, Any

from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from mesascope.report.interactive.canvas import Canvas, Trace
from mesascope.report.interactive.colours import css
from mesascope.report.interactive.lines import look_of_points, style_of
from mesascope.report.interactive.words import as_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

SINGLE = "{}, single lines"


def name_series(on: Canvas, group: "list[Axes]", legends: "list[Legend]") -> None:
    """Give traces the names that legends give their looks, and those without one the group of their twins."""
    own = [legend for axes in group if (legend := axes.get_legend()) is not None]
    for legend in own or legends:
        for name, look in _entries(legend):
            _give(on, name, look, make=bool(own))
    parts = [*on.traces, *on.shapes]
    named = [part for part in parts if part["name"]]
    for part in parts:
        if not part["name"] and (twin := _twin_of(part, named)):
            part["legendgroup"] = _group(part, twin)
    _show_one_of_each_group(parts)


def _entries(legend: "Legend") -> list[tuple[str, dict[str, Any]]]:
    """The names in a legend, each with the colour and the dashes that it stands for."""
    handles = zip(legend.get_texts(), legend.legend_handles, strict=False)
    return [(as_html(text.get_text()), _look_of_handle(handle)) for text, handle in handles]


def _look_of_handle(handle: Any) -> dict[str, Any]:
    if isinstance(handle, Line2D):
        return style_of(handle)
    if isinstance(handle, PathCollection):
        return look_of_points(handle)
    if isinstance(handle, Patch):
        edge = {"color": css(handle.get_edgecolor()), "width": 2, "dash": "solid"}
        return {"mode": "lines", "line": edge, "fillcolor": css(handle.get_facecolor())}
    return {}


def _give(on: Canvas, name: str, look: dict[str, Any], make: bool) -> None:
    """Name what has this look and no name; where nothing has, an empty line stands in the legend alone."""
    parts = [*on.traces, *on.shapes]
    if any(part["name"] == name and not _is_empty(part) for part in parts):
        return
    for part in parts:
        if part["name"] == name:
            part["name"] = ""
    alike = [part for part in parts if not part["name"] and not _is_empty(part) and _alike(part, look)]
    for part in alike:
        part |= {"name": name, "legendgroup": name}
    if not alike and make and look:
        on.trace("scatter", Text(), x=[None], y=[None], **look)["name"] = name


def _is_empty(part: Trace) -> bool:
    return part.get("type") == "scatter" and not any(each is not None for each in part["x"])


def _look(part: dict[str, Any]) -> tuple[Any, ...]:
    """Colour, dashes and marker."""
    stroke, marker = part.get("line") or {}, part.get("marker") or {}
    colour = _opaque(marker.get("color") or part.get("fillcolor") or stroke.get("color"))
    return colour, stroke.get("dash") if "dash" in stroke else None, marker.get("symbol")


def _alike(part: dict[str, Any], other: dict[str, Any]) -> bool:
    return _look(part) == _look(other)


def _opaque(colour: Any) -> Any:
    """A colour whatever shines through it."""
    if isinstance(colour, str) and colour.startswith("rgba("):
        channels = colour[5:-1].split(",")[:3]
        return "#" + "".join(f"{int(each):02x}" for each in channels)
    return colour if isinstance(colour, str) else None


def _twin_of(part: Trace, named: list[Trace]) -> Trace | None:
    """The named series of the same look; for a band, of the same colour on the same axes."""
    if part.get("type") in ("heatmap", "line", "rect") or part.get("mode") == "text":
        return None
    if part.get("fill") == "toself":
        return next((each for each in reversed(named) if _same_colour(each, part) and _holds(part, each)), None)
    exact = [each for each in named if _alike(each, part)]
    return next(iter(exact), None)


def _same_colour(one: Trace, other: Trace) -> bool:
    return _look(one)[0] == _look(other)[0] and one.get("yaxis") == other.get("yaxis")


def _holds(band: Trace, line: Trace) -> bool:
    """Whether a line begins and ends within the box around a band."""
    if line.get("type") != "scatter":
        return False
    for name in "xy":
        around, values = ([v for v in part[name] if v is not None] for part in (band, line))
        if not around or not values or min(values) < min(around) or max(values) > max(around):
            return False
    return True


def _group(part: Trace, twin: Trace) -> str:
    """The twin's group; single lines, thinner or paler than the line that has the name, are a group of their own."""
    group = twin.setdefault("legendgroup", twin["name"])
    if part.get("fill") == "toself" or part.get("line") == twin.get("line") or part.get("mode") != "lines":
        return group
    return SINGLE.format(group)


def _show_one_of_each_group(parts: list[Trace]) -> None:
    """In the legend; a line or a marker rather than a band."""
    for part in parts:
        part.setdefault("legendgroup", part["name"])
        part["showlegend"] = False
    for group in dict.fromkeys(part["legendgroup"] for part in parts):
        first, *_ = sorted(
            (part for part in parts if part["legendgroup"] == group), key=lambda part: part.get("fill") == "toself"
        )
        first |= {"name": group, "showlegend": bool(group)}
        for part in parts:
            if part["legendgroup"] == group:
                part["name"] = group
