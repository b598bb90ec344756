"""The last touch to a drawn figure: texts that fit, legends under their panels, rows as high as they need be."""

import math
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.text import Text

SMALLEST = 6.0  # points, of a letter or a digit in print
LOWEST, LOW, HIGHEST, HIGHEST_MAP = 1.0, 1.2, 1.9, 2.6  # inches, of a panel without its labels
PAGE = 9.4  # inches: panels of a figure higher than this are lower, down to the lowest
LINE = 0.14  # inches that a name at the side of a panel needs
SHAPE = 0.65  # height of a panel over its width, within these bounds
ROOMY = 4.0  # inches for a row, before what it needs is known
LONGEST_YLABEL = 1.4  # inches, before it is broken into lines
GAP = 3.0  # points between the labels of the x axis and the legend
MOST_COLUMNS = 4  # of a legend
OF_LEGENDS = {
    "loc": "upper center",
    "borderaxespad": 0.0,
    "borderpad": 0.0,
    "columnspacing": 1.0,
    "handlelength": 1.8,
    "handletextpad": 0.5,
    "title_fontsize": 7,
}


def lay_out(figure: "Figure") -> None:
    """Give a figure the width in effect, lines of text that fit, legends that cover no data, and its height."""
    from matplotlib import rcParams
    from matplotlib.text import Text

    cells = list(_cells(figure))
    _make_indices_readable(figure.findobj(Text))
    num_rows = max((place.get_gridspec().nrows for _, place in cells), default=1)
    figure.set_size_inches(rcParams["figure.figsize"][0], ROOMY * num_rows)
    for axes, place in cells:
        _show_single_points(axes)
        _hide_inner_labels(axes, place)
        _write_powers_plainly(axes)
        _wrap(axes.yaxis.label, LONGEST_YLABEL * figure.dpi)
        if legend := axes.get_legend():
            legend.set_in_layout(False)
    _place(figure)
    for axes, place in cells:
        width = axes.get_window_extent().width
        _wrap(axes.xaxis.label, 1.1 * width)
        _wrap(axes.title, width)
        if legend := axes.get_legend():
            _legend_below(axes, place, legend)
    if cells:
        _place(figure)
        _set_height(figure)


def _place(figure: "Figure") -> None:
    """Put the panels in their places; drawing them as well would take several times as long."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)


def _cells(figure: "Figure") -> "Iterator[tuple[Axes, Any]]":
    """The panels, without the bars of colours, and their places in the grid."""
    for axes in figure.axes:
        if place := axes.get_subplotspec():
            yield axes, place


def _show_single_points(axes: "Axes") -> None:
    """A dash for a line that has one point only, and would not be seen."""
    for line in axes.lines:
        points = np.asarray(line.get_xydata(), float)
        if line.get_marker() in ("None", "none", "", " ", None) and np.isfinite(points).all(axis=1).sum() == 1:
            line.set(marker="_", markersize=14)


def _hide_inner_labels(axes: "Axes", place: Any) -> None:
    """The labels of a scale that a panel shares with the one to its left."""
    if place.colspan.start > 0 and len(axes.get_shared_y_axes().get_siblings(axes)) > 1:
        axes.set_ylabel("")
        axes.tick_params(labelleft=False)


def _write_powers_plainly(axes: "Axes") -> None:
    """On logarithmic axes."""
    from matplotlib.ticker import LogFormatter

    from mesascope.drawing.powers import PlainPowers

    for axis in (axes.xaxis, axes.yaxis):
        base = getattr(axis.get_transform(), "base", 10.0)
        major, minor = axis.get_major_formatter(), axis.get_minor_formatter()
        if isinstance(major, LogFormatter):
            axis.set_major_formatter(PlainPowers(base, major.labelOnlyBase))
        if isinstance(minor, LogFormatter):
            axis.set_minor_formatter(PlainPowers(base, minor.labelOnlyBase))


def _make_indices_readable(texts: "Iterable[Text]") -> None:
    """Larger letters where a formula has indices or exponents, which are set at seven tenths of a text's size."""
    for text in texts:
        if re.search(r"\$[^$]*[_^][^$]*\$", text.get_text()):
            text.set_fontsize(max(text.get_fontsize(), SMALLEST / 0.7))


def _wrap(text: "Text", room: float) -> None:
    """Break a text, but no formula in it, into lines of at most so many pixels."""
    extent = text.get_window_extent()
    size = extent.height if text.get_rotation() == 90 else extent.width
    if size > room > 0:
        text.set_text(_in_lines(text.get_text(), room / size))


def _in_lines(text: str, fraction: float) -> str:
    """The text in lines of a fraction of its longest line."""
    longest = max(map(len, text.split("\n")))
    whole = re.sub(r"\$[^$]*\$", lambda found: found[0].replace(" ", "\0"), text.replace("\n", " "))
    lines = textwrap.wrap(whole, max(8, int(fraction * longest)), break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


def _legend_below(axes: "Axes", place: Any, old: "Legend") -> None:
    """Put a legend under the labels of the x axis, in as many columns as its cell of the grid has room for.

    An empty box keeps the height free for it, so that its width moves no panel.
    """
    from matplotlib.offsetbox import AnchoredOffsetbox, DrawingArea
    from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

    figure, panel = axes.figure, axes.get_window_extent()
    num_cells = place.get_gridspec().ncols
    legend = _in_columns(axes, old, figure.bbox.width / num_cells - 0.3 * figure.dpi)
    size, labels = legend.get_window_extent(), axes.xaxis.get_tightbbox() or panel
    down = (panel.y0 - labels.y0) / figure.dpi + GAP / 72
    anchor: Transform = axes.transAxes + ScaledTranslation(0, -down, figure.dpi_scale_trans)
    middle = 0.5
    if size.width > panel.width:  # then in the middle of the cell
        middle = (place.colspan.start + place.colspan.stop) / 2 / num_cells
        anchor = blended_transform_factory(figure.transFigure, anchor)
    legend.set_bbox_to_anchor((middle, 0.0), anchor)
    legend.set_in_layout(False)
    kept_free = DrawingArea(1.0, size.height / figure.dpi * 72)
    box = {"loc": "upper center", "pad": 0.0, "borderpad": 0.0, "frameon": False}
    axes.add_artist(AnchoredOffsetbox(child=kept_free, bbox_to_anchor=(middle, 0.0), bbox_transform=anchor, **box))


def _in_columns(axes: "Axes", old: "Legend", room: float) -> "Legend":
    """The same legend in columns of together at most so many pixels; the lines of a single column are broken."""
    texts, title = [text.get_text() for text in old.get_texts()], old.get_title().get_text() or None
    handles: list[Any] = old.legend_handles
    legend = old
    for num_lines in range(math.ceil(len(texts) / MOST_COLUMNS), len(texts) + 1):
        num_columns = math.ceil(len(texts) / num_lines)
        legend = axes.legend(handles, texts, title=title, ncols=num_columns, **OF_LEGENDS)
        _make_indices_readable(legend.get_texts())
        if legend.get_window_extent().width <= room:
            return legend
    for text in legend.get_texts():
        _wrap(text, room - 0.35 * axes.figure.dpi)
    return legend


def _set_height(figure: "Figure") -> None:
    """Make the figure as high as its rows: what stands above their panels, the panels, and what stands below."""
    from matplotlib import rcParams

    rows: dict[int, np.ndarray] = {}
    for axes, place in _cells(figure):
        panel, whole = axes.get_window_extent(), axes.get_tightbbox() or axes.get_window_extent()
        width = axes.get_position(original=True).width * figure.get_figwidth()
        wanted = _height(axes, width) * figure.dpi
        least = LOWEST * figure.dpi if isinstance(axes.get_aspect(), str) else wanted
        needs = np.array([whole.y1 - panel.y1, wanted, panel.y0 - whole.y0, least])
        rows[place.rowspan.start] = np.maximum(rows.get(place.rowspan.start, needs), needs)
    above, wanted, below, least = np.array(list(rows.values())).T / figure.dpi
    pads = 2 * rcParams["figure.constrained_layout.h_pad"] * len(rows)
    labels = (above + below).sum() + pads
    beyond = max(labels + wanted.sum() - PAGE, 0.0) / len(rows)
    figure.set_figheight(labels + np.maximum(wanted - beyond, least).sum())


def _height(axes: "Axes", width: float) -> float:
    """Inches for a panel of a width: a map's own height, else a part of the width, or room for names beside it."""
    from matplotlib.ticker import FixedLocator

    aspect = axes.get_aspect()
    if isinstance(aspect, str):
        num_names = len(axes.get_yticks()) * isinstance(axes.yaxis.get_major_locator(), FixedLocator)
        return max(min(max(SHAPE * width, LOW), HIGHEST), LINE * num_names)
    return min(max(width * axes.get_data_ratio() * aspect, LOW), HIGHEST_MAP)
