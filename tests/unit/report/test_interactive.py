"""Figures of matplotlib as figures of plotly: every kind of artist, scales, legends, and what has no counterpart."""

import json

import numpy as np
import pytest
from matplotlib import colors
from matplotlib.figure import Figure

from mesascope.drawing.style import COLOURS, in_house_style
from mesascope.report.interactive.figure import spoken, translate
from mesascope.report.interactive.words import as_html, as_plain


def panels_of(draw, rows=1, columns=1):
    """The panels of a figure that `draw` has drawn on; each must be strict JSON that plotly accepts."""
    figure = Figure()
    draw(*np.ravel(figure.subplots(rows, columns)))
    found = translate(figure)
    check(found)
    return found


def check(found):
    objects = pytest.importorskip("plotly.graph_objects", reason="the extra `report` is not installed")
    for panel in found.panels:
        json.dumps(panel.to_json(), allow_nan=False)
        objects.Figure(panel.data, panel.layout)  # raises ValueError for what plotly does not know


def panel_of(draw):
    found = panels_of(draw)
    assert found.untranslated == ()
    (panel,) = found.panels
    return panel


def trace_of(draw):
    (trace,) = panel_of(draw).data
    return trace


def test_a_line_keeps_its_numbers_its_style_and_its_name():
    trace = trace_of(lambda axes: axes.plot([1, 2, 3], [0.1, 1 / 3, 2], "s--", color="#112233", label="a", linewidth=3))
    assert (trace["x"], trace["y"]) == ([1, 2, 3], [0.1, 0.333333, 2])
    assert trace["mode"] == "lines+markers"
    assert trace["line"] == {"color": "#112233", "width": 4.0, "dash": "dash"}
    assert trace["marker"]["symbol"] == "square"
    assert (trace["name"], trace["showlegend"]) == ("a", True)


def test_nan_infinite_and_masked_values_are_gaps():
    y = np.ma.masked_array([1.0, np.nan, np.inf, 4.0, 5.0], [False] * 4 + [True])
    assert trace_of(lambda axes: axes.plot(range(5), y))["y"] == [1, None, None, 4, None]


def test_markers_alone_and_hollow_ones():
    trace = trace_of(lambda axes: axes.plot([1], [2], "D", color="red", markerfacecolor="none"))
    assert trace["mode"] == "markers"
    assert trace["marker"]["symbol"] == "diamond-open"
    assert trace["marker"]["color"] == "#ff0000"


def test_colours_of_the_cycle_are_those_of_the_house_style():
    figure = in_house_style(lambda: {"a": with_line("C1")})["a"]
    (panel,) = translate(figure).panels
    assert panel.data[0]["line"]["color"] == COLOURS[1].lower()


def with_line(colour):
    figure = Figure()
    figure.subplots().plot([1, 2], [1, 2], color=colour)
    return figure


@pytest.mark.parametrize(("where", "shape"), [("pre", "vh"), ("post", "hv"), ("mid", "hvh")])
def test_steps(where, shape):
    assert trace_of(lambda axes: axes.step([1, 2], [3, 4], where=where))["line"]["shape"] == shape


def test_points_have_their_own_sizes_and_colours():
    trace = trace_of(lambda axes: axes.scatter([1, 2], [3, 4], s=[9, 36], c=["red", "blue"], marker="^"))
    assert (trace["x"], trace["y"], trace["mode"]) == ([1, 2], [3, 4], "markers")
    assert trace["marker"] == {"symbol": "triangle-up", "color": ["#ff0000", "#0000ff"], "size": [4, 8]}


def test_error_bars_keep_both_sides():
    trace = trace_of(lambda axes: axes.errorbar([1, 2], [5, 6], yerr=[[1, 2], [3, 4]], xerr=0.5, fmt="o", label="e"))
    assert (trace["x"], trace["y"], trace["name"]) == ([1, 2], [5, 6], "e")
    assert (trace["error_y"]["arrayminus"], trace["error_y"]["array"]) == ([1, 2], [3, 4])
    assert trace["error_x"]["array"] == [0.5, 0.5]


def test_error_bars_without_points():
    trace = trace_of(lambda axes: axes.errorbar([1, 2], [5, 6], yerr=1, fmt="none", ecolor="red"))
    assert (trace["y"], trace["error_y"]["array"], trace["error_y"]["color"]) == ([5, 6], [1, 1], "#ff0000")


def test_a_band_is_filled_and_shown_with_its_line():
    def draw(axes):
        (line,) = axes.plot([0, 1, 2], [1, 2, 3], label="mean")
        axes.fill_between([0, 1, 2], [0, 1, 2], [2, 3, 4], color=line.get_color(), alpha=0.25)
        axes.plot([0, 1, 2], [9, 9, 9], label="other")

    band, line, other = sorted(panel_of(draw).data, key=lambda each: ("fill" not in each, each["name"]))
    assert band["fill"] == "toself"
    assert band["fillcolor"].endswith(",0.25)")
    assert set(zip(band["x"], band["y"], strict=True)) >= {(0, 0), (2, 2), (0, 2), (2, 4)}
    assert band["legendgroup"] == line["legendgroup"] == "mean" != other["legendgroup"]
    assert (band["showlegend"], line["showlegend"]) == (False, True)


def test_a_band_with_a_hole_has_two_pieces():
    where = [True, True, False, True, True]
    trace = trace_of(lambda axes: axes.fill_between(range(5), 0, 1, where=where))
    assert trace["x"].count(None) == 1


def test_bars_upright_lying_and_on_top_of_each_other():
    up = trace_of(lambda axes: axes.bar([1, 2], [3, 4], width=0.5, label="b", color=["red", "blue"]))
    assert (up["x"], up["y"], up["width"], up["orientation"]) == ([1, 2], [3, 4], [0.5, 0.5], "v")
    assert (up["marker"]["color"], up["name"]) == (["#ff0000", "#0000ff"], "b")
    lying = trace_of(lambda axes: axes.barh([1, 2], [3, 4], left=[10, 20]))
    assert (lying["x"], lying["y"], lying["base"], lying["orientation"]) == ([3, 4], [1, 2], [10, 20], "h")


def test_a_histogram_is_bars_or_an_outline():
    bars = trace_of(lambda axes: axes.hist([1, 1, 2, 5], bins=[0, 2, 4, 6]))
    assert (bars["type"], bars["y"], bars["x"]) == ("bar", [2, 1, 1], [1, 3, 5])
    outline = trace_of(lambda axes: axes.hist([1, 1, 2, 5], bins=[0, 2, 4, 6], histtype="step"))
    assert outline["mode"] == "lines"
    assert "fill" not in outline
    stairs = trace_of(lambda axes: axes.stairs([2, 1], [0, 1, 2], label="s"))
    assert (stairs["x"], stairs["y"], stairs["line"]["shape"]) == ([0, 1, 2], [2, 1, 1], "hv")


def test_an_image_has_its_rows_where_they_were():
    values = np.ma.masked_invalid([[1.234567, 2, 3], [4, np.nan, 6]])
    trace = trace_of(lambda axes: axes.imshow(values, extent=(0, 3, 0, 2), cmap="viridis", vmin=0, vmax=8))
    assert trace["z"] == [[1.2346, 2, 3], [4, None, 6]]
    assert (trace["x"], trace["y"]) == ([0.5, 1.5, 2.5], [1.5, 0.5])
    assert (trace["zmin"], trace["zmax"], trace["showscale"]) == (0, 8, False)
    lower = trace_of(lambda axes: axes.imshow(values, origin="lower"))
    assert lower["y"] == [0, 1]


def test_a_mesh_has_its_edges_and_its_bar_of_colours():
    def draw(axes):
        mesh = axes.pcolormesh([1, 10, 100], [0, 1, 2], [[1, 2], [3, 4]])
        axes.figure.colorbar(mesh, ax=axes, label="$s^2$")
        axes.set_xscale("log")

    panel = panel_of(draw)
    (trace,) = panel.data
    assert (trace["x"], trace["y"], trace["z"]) == ([1, 10, 100], [0, 1, 2], [[1, 2], [3, 4]])
    assert trace["colorbar"]["title"]["text"] == "s<sup>2</sup>"
    assert panel.layout["xaxis"]["type"] == "log"
    assert panel.switches == ()


def test_a_norm_that_is_not_linear_shows_the_values_themselves():
    def draw(axes):
        image = axes.imshow([[1.0, 100.0]], norm=colors.LogNorm(1, 100))
        axes.figure.colorbar(image, ax=axes, ticks=[1, 10, 100])

    trace = trace_of(draw)
    assert (trace["z"], trace["customdata"]) == ([[0, 1]], [[1, 100]])
    assert trace["colorbar"]["tickvals"] == [0, 0.5, 1]
    assert trace["colorbar"]["ticktext"] == ["1", "10", "100"]
    assert "customdata" in trace["hovertemplate"]


def test_values_beyond_a_map_have_the_colour_that_says_so():
    import matplotlib as mpl

    grey = mpl.colormaps["viridis"].with_extremes(over="#888888")
    shown, beyond = panel_of(lambda axes: axes.imshow([[1.0, 5.0]], cmap=grey, vmin=0, vmax=2)).data
    assert shown["z"] == [[1, 5]]
    assert beyond["z"] == [[None, 5]]
    assert {colour for _, colour in beyond["colorscale"]} == {"#888888"}


def test_reference_lines_and_spans_are_shapes():
    def draw(axes):
        axes.axhline(2.0, color="red", linestyle=":", label="two")
        axes.axvline(1.0)
        axes.axvspan(0, 1, color="grey", alpha=0.5)

    panel = panel_of(draw)
    across, up, span = sorted(panel.layout["shapes"], key=lambda each: (each["type"] == "rect", each["yref"] != "y"))
    assert (across["y0"], across["y1"], across["xref"], across["yref"]) == (2, 2, "x domain", "y")
    assert (across["line"]["dash"], across["name"], across["showlegend"]) == ("dot", "two", True)
    assert (up["x0"], up["xref"], up["yref"]) == (1, "x", "y domain")
    assert (span["type"], span["x0"], span["x1"]) == ("rect", 0, 1)


def test_separate_pieces_are_one_series_of_each_colour():
    def draw(axes):
        axes.vlines([1, 2], 0, [3, 4], colors="red", linestyles="--", label="v")
        axes.hlines([5, 6], 0, 1, colors=["red", "blue"])

    up, *across = panel_of(draw).data
    assert (up["x"], up["y"]) == ([1, 1, None, 2, 2], [0, 3, None, 0, 4])
    assert (up["name"], up["line"]["dash"]) == ("v", "dash")
    assert [each["line"]["color"] for each in across] == ["#ff0000", "#0000ff"]


def test_words_move_with_the_data_or_stand_in_the_panel():
    def draw(axes):
        axes.text(1, 2, "there", ha="left", va="bottom", color="red")
        axes.text(0.5, 0.9, "here", transform=axes.transAxes, ha="center")

    panel = panel_of(draw)
    (moving,) = panel.data
    assert (moving["text"], moving["mode"], moving["textposition"]) == (["there"], "text", "top right")
    (standing,) = panel.layout["annotations"]
    assert (standing["text"], standing["xref"], standing["x"], standing["xanchor"]) == (
        "here",
        "x domain",
        0.5,
        "center",
    )


def test_words_in_a_frame_keep_it_where_no_scale_changes():
    frame = {"edgecolor": "red", "facecolor": "none"}
    framed = panel_of(lambda axes: axes.text(0, 0, "f", bbox=frame))
    assert framed.layout["annotations"][0]["bordercolor"] == "#ff0000"
    on_log = panels_of(lambda axes: (axes.set_yscale("log"), axes.text(1, 1, "f", bbox=frame)))
    assert on_log.untranslated == ("a frame around words",)


def test_scales_ranges_labels_and_ticks():
    def draw(axes):
        axes.plot([1, 2], [0.01, 100])
        axes.set(yscale="log", ylim=(0.01, 100), xlim=(2, 1), xlabel="$x_1$", ylabel="a\nb", xticks=[1, 2])
        axes.set_xticklabels(["one", "two"])

    layout = panel_of(draw).layout
    assert layout["yaxis"]["type"] == "log"
    assert layout["yaxis"]["range"] == [-2, 2]
    assert layout["xaxis"]["range"] == [2, 1]
    assert (layout["xaxis"]["tickvals"], layout["xaxis"]["ticktext"]) == ([1, 2], ["one", "two"])
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["title"]["text"]) == ("x<sub>1</sub>", "a<br>b")


def test_a_base_other_than_ten_keeps_its_ticks():
    def draw(axes):
        axes.plot([1, 8], [1, 8])
        axes.set_xscale("log", base=2)
        axes.set_xlim(1, 8)

    assert panel_of(draw).layout["xaxis"]["ticktext"] == ["1", "2", "4", "8"]


def test_an_axis_may_be_logarithmic_where_that_shows_something():
    assert panel_of(lambda axes: axes.plot([1, 10], [0, 10])).switches == ("x",)
    assert panel_of(lambda axes: axes.plot([10, 11], [1, 10])).switches == ("y",)
    assert panel_of(lambda axes: (axes.plot([1, 10], [1, 1]), axes.set_xticks([1, 10], ["a", "b"]))).switches == ()


def test_a_second_scale_stands_on_the_right():
    def draw(axes):
        axes.plot([1, 2], [1, 2], label="left")
        right = axes.twinx()
        right.plot([1, 2], [10, 20], label="right")
        right.set_ylabel("r")

    panel = panel_of(draw)
    assert [trace["yaxis"] for trace in panel.data] == ["y", "y2"]
    assert panel.layout["yaxis2"]["overlaying"] == "y"
    assert panel.layout["yaxis2"]["title"]["text"] == "r"


def test_what_lies_behind_stays_behind():
    def draw(axes):
        axes.twinx().set_zorder(-1)
        axes.plot([1, 2], [1, 2])

    layout = panel_of(draw).layout
    assert layout["yaxis"]["overlaying"] == "y2"
    assert "overlaying" not in layout["yaxis2"]


def test_several_panels_with_letters_and_a_shared_label():
    figure = Figure()
    first, second = figure.subplots(1, 2, sharey=True)
    first.set(ylabel="loss", title="one")
    first.set_title("a", loc="left")
    second.set(title="two")
    found = translate(figure)
    check(found)
    assert [panel.title for panel in found.panels] == ["a. one", "two"]
    assert found.panels[1].layout["yaxis"]["title"]["text"] == "loss"
    assert spoken(found.panels[0]) == "a. one: loss"


def test_legend_entries_name_what_looks_alike():
    def draw(axes):
        axes.plot([1, 2], [1, 2], "o", color="red")
        axes.plot([1, 2], [3, 4], "s", color="blue")
        handles = [axes.plot([], [], marker, color=color)[0] for marker, color in (("o", "red"), ("s", "blue"))]
        axes.legend(handles, ["reds", "blues"], title="$t$")

    panel = panel_of(draw)
    assert [trace["name"] for trace in panel.data if trace["x"]] == ["reds", "blues"]
    assert panel.layout["legend"]["title"]["text"] == "t"


def test_single_lines_of_a_named_one_are_a_series_of_their_own():
    def draw(axes):
        axes.plot([1, 2], [1, 2], color="red", label="mean", linewidth=2)
        axes.plot([1, 2], [[1, 2], [3, 4]], color="red", linewidth=0.5, alpha=0.5)

    groups = [trace["legendgroup"] for trace in panel_of(draw).data]
    assert groups == ["mean", "mean, single lines", "mean, single lines"]


def test_what_has_no_counterpart_is_said():
    def draw(axes):
        axes.quiver([0], [0], [1], [1])
        axes.annotate("n", (0, 0), (1, 1), arrowprops={"arrowstyle": "->"})
        axes.inset_axes((0.5, 0.5, 0.2, 0.2))
        axes.imshow(np.zeros((2, 2, 3)))
        axes.axline((0, 0), slope=1)
        axes.set_xscale("symlog")

    said = panels_of(draw).untranslated
    assert {"Quiver", "an arrow", "an inset", "AxesImage", "AxLine", "symlog x axis (linear here)"} == set(said)


def test_a_bar_of_colours_of_nothing_is_no_panel():
    import matplotlib as mpl

    def draw(axes):
        axes.figure.colorbar(mpl.cm.ScalarMappable(cmap="viridis"), ax=axes)

    found = panels_of(draw)
    assert (len(found.panels), found.untranslated) == (1, ("a bar of colours",))


def test_equal_aspects_stay_equal():
    assert panel_of(lambda axes: axes.set_aspect("equal")).layout["yaxis"]["scaleanchor"] == "x"


@pytest.mark.parametrize(
    ("text", "html", "plain"),
    [
        (r"$s^2 / \tau^2$", "s<sup>2</sup> / τ<sup>2</sup>", "s2 / τ2"),
        (r"$W_{KQ}$ & <b>", "W<sub>KQ</sub> &amp; &lt;b&gt;", "WKQ & <b>"),
        (r"$\mathrm{P}\,W_V$", "P W<sub>V</sub>", "P WV"),
        (r"$\Lambda \leq \unknown$", "Λ ≤ unknown", "Λ ≤ unknown"),
        ("5$ or\n6", "5$ or<br>6", "5$ or 6"),
        (r"$a < b$, \$3", "a &lt; b, $3", "a < b, $3"),
        (r"$x_$", "x<sub></sub>", "x"),
        (r"$}{x$", "x", "x"),
    ],
)
def test_formulas_are_read(text, html, plain):
    assert as_html(text) == html
    assert as_plain(as_html(text)) == plain


def test_markup_in_words_is_text():
    def draw(axes):
        axes.plot([1], [1], label="<script>", marker="o")
        axes.set(title="<b>", xlabel="<i>")
        axes.text(1, 1, "<a href='x'>")
        axes.legend()

    told = json.dumps(panel_of(draw).to_json()) + panel_of(draw).title
    assert "<" not in told


def test_what_plotly_does_not_know_is_refused_by_the_check():
    found = panels_of(lambda axes: axes.plot([0, 1]))
    (panel,) = found.panels
    with pytest.raises(ValueError, match="no-such-mark"):
        check(found._replace(panels=(panel._replace(data=[{"type": "scatter", "mode": "no-such-mark"}]),)))
