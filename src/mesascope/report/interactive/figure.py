"""A whole figure: its panels, and what none of plotly's traces can show."""

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Patch, StepPatch
from matplotlib.spines import Spine
from matplotlib.text import Text

from mesascope.drawing.style import house_style
from mesascope.report.interactive import areas, legends, lines, maps, scales, texts
from mesascope.report.interactive.canvas import Canvas
from mesascope.report.interactive.words import as_html, as_plain

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRANSLATORS: tuple[tuple[type, Any], ...] = (
    (Line2D, lines.line),
    (PathCollection, lines.scatter),
    (LineCollection, lines.segments),
    (StepPatch, lines.stairs),
    (QuadMesh, maps.mesh),
    (AxesImage, maps.image),
    (PolyCollection, areas.band),
    (Patch, areas.outline),
    (Text, texts.text),
)
BAR = "<colorbar>"  # matplotlib's label of such axes
FURNITURE = (Spine, Legend, OffsetBox)


class Panel(NamedTuple):
    """A panel as a figure of plotly: `data` and `layout`; which of its axes may be "x" or "y" on another scale."""

    title: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    switches: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"data": self.data, "layout": self.layout, "switches": list(self.switches)}


class Translated(NamedTuple):
    """The panels of a figure in order, and in words what they lack of it."""

    panels: tuple[Panel, ...]
    untranslated: tuple[str, ...]


def translate(figure: "Figure") -> Translated:
    """Every panel of a figure, of whatever artists it is made."""
    with house_style():  # what "C1" means is known only there
        figure.draw_without_rendering()  # ticks and limits are settled only then
        return _translated(figure)


def _translated(figure: "Figure") -> Translated:
    bars = {bar for axes in figure.axes for each in _artists(axes) if (bar := _bar_of(each)) is not None}
    groups: dict[Any, list[Axes]] = {}
    lost: list[str] = []
    for axes in figure.axes:
        if axes.get_label() == BAR and axes not in bars:  # of no artist on any axes
            lost.append("a bar of colours")
        elif axes not in bars and axes.get_visible():
            groups.setdefault(_place(axes), []).append(axes)
    keys = [*figure.legends, *(legend for axes in figure.axes if (legend := axes.get_legend()))]
    panels = tuple(_panel(group, keys, lost) for group in groups.values())
    counts = Counter(lost)
    return Translated(panels, tuple(f"{num} x {what}" if num > 1 else what for what, num in counts.items()))


def _place(axes: "Axes") -> Any:
    """What two scales of one panel have in common."""
    place = axes.get_subplotspec()
    return (place.num1, place.num2) if place else tuple(round(each, 4) for each in axes.get_position(True).bounds)


def _bar_of(artist: "Artist") -> "Axes | None":
    bar = getattr(artist, "colorbar", None)
    return None if bar is None else bar.ax


def _panel(group: "list[Axes]", keys: list[Legend], lost: list[str]) -> Panel:
    first, *others = group
    canvas, layout = Canvas(first, untranslated=lost), _layout(first, lost)
    _draw(canvas)
    for number, axes in enumerate(others, 2):
        side = "y" if axes.get_shared_x_axes().joined(first, axes) else "x"
        name = f"{side}{number}"
        over = side if axes.get_zorder() >= first.get_zorder() else None
        layout[f"{side}axis{number}"] = {
            **scales.layout_of(axes, side, lost),
            **{"side": "right" if side == "y" else "top", "showgrid": False},
            **({"overlaying": side} if over else {}),
        }
        if not over:
            layout[f"{side}axis"]["overlaying"] = name
        _draw(canvas.on(axes, **{"x": "x", "y": "y", side: name}))
    legends.name_series(canvas, group, keys)
    layout |= {"shapes": canvas.shapes, "annotations": canvas.annotations}
    return Panel(_title(first), canvas.traces, layout, _switches(canvas, layout))


def _title(axes: "Axes") -> str:
    """The letter of the panel, and what stands above it."""
    letter, middle, right = (axes.get_title(place) for place in ("left", "center", "right"))
    return ". ".join(as_html(text.replace("\n", " ")) for text in (letter, middle, right) if text)


def _layout(axes: "Axes", lost: list[str]) -> dict[str, Any]:
    layout: dict[str, Any] = {f"{which}axis": scales.layout_of(axes, which, lost) for which in "xy"}
    if axes.get_aspect() == 1:
        layout["yaxis"] |= {"scaleanchor": "x", "constrain": "domain"}
        layout["xaxis"] |= {"constrain": "domain"}
    legend = axes.get_legend()
    if legend is not None and (title := legend.get_title().get_text()):
        layout["legend"] = {"title": {"text": as_html(title)}}
    return {**layout, "barmode": "overlay"}


def _draw(on: Canvas) -> None:
    """Translate every artist of the axes, those below first."""
    on.untranslated.extend("an inset" for _ in on.axes.child_axes)
    on.untranslated.extend("a table" for _ in on.axes.tables)
    whole: dict[Any, Any] = {}
    for container in on.axes.containers:
        if isinstance(container, ErrorbarContainer | BarContainer):
            whole |= dict.fromkeys(container.get_children(), container)
    done: set[int] = set()
    for artist in sorted(_artists(on.axes), key=lambda each: each.get_zorder()):
        container = whole.get(artist)
        if container is None:
            _translate(artist, on)
        elif id(container) not in done:
            done.add(id(container))
            lines.error_bars(container, on) if isinstance(container, ErrorbarContainer) else areas.bars(container, on)


def _translate(artist: "Artist", on: Canvas) -> None:
    for kind, translator in TRANSLATORS:
        if isinstance(artist, kind):
            translator(artist, on)
            return
    on.leave_out(artist)


def _artists(axes: "Axes") -> "list[Artist]":
    """What is drawn on the axes, without their frame, ticks, titles and legend."""
    titles = (axes.title, axes._left_title, axes._right_title)  # pyright: ignore[reportAttributeAccessIssue]
    furniture = {axes.xaxis, axes.yaxis, axes.patch, *titles, *axes.child_axes, *axes.tables}
    return [
        each
        for each in axes.get_children()
        if each not in furniture and not isinstance(each, FURNITURE) and each.get_visible()
    ]


def _switches(canvas: Canvas, layout: dict[str, Any]) -> tuple[str, ...]:
    """The axes that make sense on a logarithmic scale as well as on a linear one."""
    if any(trace["type"] == "heatmap" for trace in canvas.traces) or canvas.annotations_in_data():
        return ()
    shown = [trace for trace in canvas.traces if trace.get("mode") != "text"]
    found = []
    for which in "xy":
        values = [value for trace in shown if trace[f"{which}axis"] == which for value in _values(trace, which)]
        if scales.may_be_logarithmic(values, layout[f"{which}axis"]):
            found.append(which)
    return tuple(found)


def _values(trace: dict[str, Any], which: str) -> list[Any]:
    """Where a trace lies along an axis; of bars that begin somewhere, where they end."""
    along = trace.get("base") if trace["type"] == "bar" and (trace["orientation"] == "h") == (which == "x") else None
    return trace[which] if along is None else [a + b for a, b in zip(trace[which], along, strict=True) if a is not None]


def spoken(panel: Panel) -> str:
    """A panel in one line, for those who do not see it: its title, its axes, its series."""
    names = [axis["title"]["text"] for axis in (panel.layout["yaxis"], panel.layout["xaxis"]) if "title" in axis]
    series = [trace["name"] for trace in panel.data if trace.get("showlegend")]
    told = " against ".join(names) + (f"; series: {', '.join(series)}" if series else "")
    return as_plain(": ".join(filter(None, (panel.title, told))))
