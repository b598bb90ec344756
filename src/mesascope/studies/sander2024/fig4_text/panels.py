"""The panels of text against shuffled text."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LEAST_SQUARES, LINE, TRAINED, TRAINED_TOO
from mesascope.stats import mean_interval
from mesascope.studies.sander2024.fig4_text.forecasts import ORDERS, ForecastErrors
from mesascope.studies.sander2024.fig4_text.readings import KEPT, common_patterns, kept
from mesascope.studies.sander2024.fig4_text.repeats import KINDS, Repeats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


TEXT, SHUFFLED = TRAINED["color"], TRAINED_TOO["color"]
SHOWN = (
    ("ridge AR(1)", ORDERS[0], {"color": TEXT, "marker": "o"}),
    ("ridge AR(1)", ORDERS[1], {"color": SHUFFLED, "marker": "s"}),
    ("ridge AR(1)", ORDERS[2], {"color": SHUFFLED, "marker": "^", "fillstyle": "none"}),
    ("one W for all", ORDERS[0], {"color": LEAST_SQUARES["color"], "marker": "D"}),
)


def three_panels(dims: tuple[int, ...], forecasts: tuple[ForecastErrors, ...], repeats: Repeats) -> "Figure":
    """Errors of forecasts in long windows; the paper's histogram; what is kept of it where repeats are alike."""
    figure, [[left, middle, right]] = panel_grid(1, 3)
    _errors(left, dims, forecasts)
    _histogram(middle, repeats)
    _alike(right, repeats)
    return figure


def _errors(axes: "Axes", dims: tuple[int, ...], forecasts: tuple[ForecastErrors, ...]) -> None:
    """Every size of states is a place, every forecast a marker; bars are 95% intervals over windows."""
    for i, (name, order, style) in enumerate(SHOWN):
        estimates = np.array([mean_interval(of.of(order, name)) for of in forecasts]).T
        places = np.arange(len(dims)) + 0.16 * (i - (len(SHOWN) - 1) / 2)
        spread = np.abs(estimates[1:] - estimates[0])
        axes.plot(places, estimates[0], linestyle="", label=f"{name}, {order}", **style)
        axes.errorbar(places, estimates[0], spread, fmt="none", ecolor=style["color"], elinewidth=1.0)
    axes.axhline(1.0, label="predicting zero", **LINE)
    axes.set_xticks(range(len(dims)), [str(dim) for dim in dims])
    axes.set(xlabel="principal components d", ylabel="error one step ahead, relative to |s|²")
    axes.set(xlim=(-0.5, len(dims) - 0.5), title="windows of many words")
    axes.legend()


def _histogram(axes: "Axes", repeats: Repeats) -> None:
    """All seeds together."""
    words = [kept(each) for each in np.moveaxis(repeats.words, 1, 0)]
    together = np.concatenate(words)
    if together.size:
        bins = np.geomspace(together.min(), together.max() * 1.01, 60)
        for kind, errors, color in zip(KINDS, words, (TEXT, SHUFFLED), strict=True):
            share = errors.size / repeats.words[:, 0].size
            axes.hist(errors, bins, histtype="step", color=color, label=f"{kind}: {share:.1%} of windows")
        axes.set_xscale("log")
        axes.legend()
    axes.set(xlabel=f"mean squared error of the roll-out, if above {KEPT:g}", ylabel="windows, all seeds")
    axes.set_title("five words of King James, GloVe vectors")


def _alike(axes: "Axes", repeats: Repeats) -> None:
    """One dot a pattern of repeats of which both have windows enough, all seeds together."""
    of = Repeats(*(np.moveaxis(each, 1, 0).reshape(len(KINDS), -1) for each in repeats))
    patterns = common_patterns(of)
    points = np.array(
        [
            [np.exp(np.log(kept(errors[found == each])).mean()) for each in patterns]
            for errors, found in zip(of.words, of.pattern, strict=True)
        ]
    )
    sizes = [np.sum(of.pattern[0] == each) for each in patterns]
    if patterns:
        written, shuffled = 1e3 * points
        dots = {"color": TEXT, "alpha": 0.6, "linewidth": 0}
        areas = 8 + 70 * np.array(sizes) / max(sizes)
        axes.scatter(shuffled, written, s=areas, **dots)
        for at in (np.argmax(sizes), np.argmin(sizes)):
            axes.scatter([], [], s=areas[at], label=f"{sizes[at]} windows of text", **dots)
        end = 1.15e3 * points.max()
        axes.plot([0, end], [0, end], label="equal errors", **LINE)
        axes.legend()
    axes.set(xlabel="10³ × error of shuffled text", ylabel="10³ × error of text")
    axes.set_title("a dot a pattern of repeated words")
