"""Pieces that figures share."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mesascope.drawing import roles
from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import shades
from mesascope.drawing.style import house_style, in_house_style
from mesascope.identify.panels import FAR, _beside
from mesascope.studies._shared.panels import count_entries, signed_map


def test_entries_are_counted_from_their_first_row_and_from_one():
    axes = Figure().subplots()
    signed_map(axes, np.eye(3, 4), "a map")
    count_entries(axes, "length", "key", first_row=2)
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("length", "key")
    assert axes.get_ylim() == (4.5, 1.5)
    assert axes.get_xlim() == (0.5, 4.5)
    assert all(tick == round(tick) for tick in [*axes.get_xticks(), *axes.get_yticks()])


def rows_and_columns(width, *arguments, **options):
    with house_style(width):
        return panel_grid(*arguments, **options)[1][0, 0].get_subplotspec().get_gridspec().get_geometry()


def test_panels_stand_in_rows_that_fit_the_width():
    assert rows_and_columns(17.0, 1, 4) == (2, 2)  # rather than three and one
    assert rows_and_columns(17.0, 1, 3) == (1, 3)
    assert rows_and_columns(17.0, 2, 6, narrowest=4.0) == (4, 3)
    assert rows_and_columns(8.5, 1, 3) == (3, 1)
    assert rows_and_columns(8.5, 2, 3) == (6, 1)


@pytest.mark.parametrize("width", [7.9, 40.1, float("nan")])
def test_a_width_that_no_page_has_is_refused(width):
    with pytest.raises(ValueError, match="`width` must be between 8 and 40 cm; got"), house_style(width):
        pass


def crowded():
    figure, [panels] = panel_grid(1, 3)
    for axes in panels:
        for i in range(3):
            axes.plot([0, 1], [0, 1], label=f"a line with a rather long name, which is number {i}")
        axes.set(xlabel="a long description of what stands on the axis", ylabel="the same for the axis that goes up")
        axes.set_title("a title of many words, and some more of them, $a = b + c$")
        axes.legend(loc="center")
    return {"crowded": figure}


@pytest.mark.parametrize("width", [8.5, 17.0])
def test_legends_cover_no_panel_and_all_texts_are_on_the_page(width):
    (figure,) = in_house_style(crowded, width).values()
    assert figure.get_figwidth() == pytest.approx(width / 2.54)
    figure.draw_without_rendering()
    panels = [axes.get_window_extent() for axes in figure.axes]
    for axes in figure.axes:
        legend = axes.get_legend().get_window_extent()
        assert not any(legend.overlaps(panel) for panel in panels)
        assert 1.0 * 72 <= axes.get_window_extent().height / figure.dpi * 72 <= 1.92 * 72
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label, axes.get_legend()):
            box = text.get_window_extent()
            assert 0 <= box.x0 < box.x1 <= figure.bbox.width
            assert 0 <= box.y0 < box.y1 <= figure.bbox.height
        assert "$a = b + c$" in axes.get_title()


def test_a_line_of_one_point_is_seen():
    def draw():
        figure, panels = panel_grid(1, 1)
        panels[0, 0].plot([1.0], [2.0], "k--", label="one")
        panels[0, 0].plot([1.0, 2.0], [2.0, 1.0], "k--", label="two")
        return {"lines": figure}

    one, two = in_house_style(draw)["lines"].axes[0].lines
    assert one.get_marker() == "_"
    assert two.get_marker() == "None"


def logarithmic():
    figure, [[axes]] = panel_grid(1, 1)
    axes.loglog([1e-6, 1.0, 1e6], [0.01, 0.1, 1.0])
    axes.set(xlabel="$p_{T-1}$", title="a plain title")
    return {"logarithmic": figure}


def test_powers_are_plain_digits_and_indices_are_read_at_six_points():
    (figure,) = in_house_style(logarithmic).values()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    shown = [tick.label1.get_text() for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()]
    assert {"1e-6", "1", "1e6", "0.01", "0.1"} <= set(shown)
    assert not any("$" in text for text in shown)
    assert axes.xaxis.label.get_fontsize() * 0.7 == pytest.approx(6)
    assert axes.title.get_fontsize() * 0.7 < 6


def test_shades_grow_lighter():
    levels = [sum(colour[:3]) for colour in shades(5)]
    assert levels == sorted(levels)
    assert len(set(levels)) == 5
    assert len(shades(1)) == 1


@pytest.mark.parametrize(("name", "role"), [
    ("gradient-descent", roles.GRADIENT_DESCENT),
    ("gradient-descent-2-rates", roles.GRADIENT_DESCENT),
    ("gd-plus-plus", roles.GDPP),
    ("ridge-with-intercept", roles.LEAST_SQUARES),
    ("least-squares", roles.LEAST_SQUARES),
    ("heavy-ball", roles.OTHER),
    ("", roles.OTHER),
])  # fmt: skip
def test_candidates_have_the_colours_of_all_figures(name, role):
    assert roles.of_algorithm(name) is role


@pytest.mark.parametrize(("choice", "runner_up", "colour"), [
    ("gradient-descent", "gd-plus-plus", roles.GDPP["color"]),
    ("gradient-descent", "gradient-descent-2-rates", FAR),
    ("heavy-ball", "chebyshev-iteration", FAR),
])  # fmt: skip
def test_a_runner_up_is_never_drawn_in_the_colour_of_the_choice(choice, runner_up, colour):
    assert _beside(choice, runner_up) == colour
