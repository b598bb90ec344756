"""Sweeps as tables and figures, from rows made by hand."""

import csv

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mesascope.drawing.roles import GDPP, GRADIENT_DESCENT
from mesascope.report.sweep_figures import check_drawable, sweep_figure
from mesascope.report.sweeps import Row, SweepResult, as_csv, as_json, points_table

NOISES, DEPTHS = (0.0, 0.5), (1, 2, 3)


def said(noise, depth, index=0):
    algorithm = "gradient-descent" if depth == 1 else "gd-plus-plus"
    verdict = "none" if (noise, depth) == (0.5, 3) else "identified" if index == 0 or depth < 3 else "inconclusive"
    return {"index": index, "verdict": verdict, "algorithm": algorithm, "distance": 0.01 * depth}


@pytest.fixture
def algorithms():
    rows = [
        Row({"noise": noise, "depth": depth}, said(noise, depth, i))
        for noise in NOISES
        for depth in DEPTHS
        for i in (0, 1)
    ]
    return SweepResult("a sweep", {"noise": NOISES, "depth": DEPTHS}, rows)


def number(value, index):
    return {"number": "loss", "index": index, "value": value}


def test_a_map_has_the_colours_of_the_algorithms(algorithms):
    figure = sweep_figure(algorithms, (), {}, 17.0)
    (image,) = figure.axes[0].images
    colours = np.asarray(image.get_array())
    np.testing.assert_allclose(colours[:, 0], [to_rgb(GRADIENT_DESCENT["color"])] * 2)
    np.testing.assert_allclose(colours[:, 1], [to_rgb(GDPP["color"])] * 2)
    assert (colours[0, 2] > colours[0, 1]).any()  # paler: one of two models
    np.testing.assert_allclose(colours[1, 2], to_rgb("0.6"))
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["gd-plus-plus", "gradient-descent", "paler: not all models", "none"]


def test_of_three_settings_each_value_of_the_first_has_a_panel(algorithms):
    rows = [Row({"size": size, **settings}, told) for size in (4, 8) for settings, told in algorithms.rows]
    result = SweepResult("a sweep", {"size": (4, 8), **algorithms.axes}, rows)
    titles = [axes.get_title() for axes in sweep_figure(result, (), {}, 17.0).axes]
    assert titles == ["size=4", "size=8"]
    four = dict.fromkeys("abcd", (1, 2))
    with pytest.raises(ValueError, match="one to three settings with several values; got 4"):
        check_drawable(four)


def test_a_curve_is_the_mean_over_seeds_and_a_point_that_failed_leaves_a_gap():
    rows = [Row({"noise": noise}, number(noise + i, i)) for noise in (0.0, 1.0) for i in (0, 2)]
    rows.append(Row({"noise": 2.0}, {"error": "ValueError: no"}))
    result = SweepResult("a sweep", {"noise": (0.0, 1.0, 2.0)}, rows)
    (axes,) = sweep_figure(result, ("loss",), {"loss": 1.5}, 17.0).axes
    line, bound = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), [1.0, 2.0, np.nan])
    assert set(bound.get_ydata()) == {1.5}


def test_tables_hold_every_row_and_what_failed(algorithms):
    failed = Row({"noise": 0.7, "depth": 1}, {"error": "RuntimeError: broken"})
    result = algorithms._replace(rows=[*algorithms.rows, failed])
    rows = list(csv.DictReader(as_csv(result).splitlines()))
    assert len(rows) == 13
    assert (rows[-1]["noise"], rows[-1]["error"], rows[-1]["algorithm"]) == ("0.7", "RuntimeError: broken", "")
    table = points_table(result, ())
    *_, last = table.columns
    assert [str(cell) for cell in last.cells] == [
        "gradient-descent (identified) x 2",
        "gd-plus-plus (identified) x 2",
        "gd-plus-plus (identified), gd-plus-plus (inconclusive)",
        "gradient-descent (identified) x 2",
        "gd-plus-plus (identified) x 2",
        "none (nearest gd-plus-plus) x 2",
        "RuntimeError: broken",
    ]
    nan = SweepResult("a sweep", {"value": (1, 2)}, [Row({"value": 1}, number(float("nan"), 0))])
    assert as_json(nan)["rows"] == [{"setting value": 1, "number": "loss", "index": 0, "value": None}]
