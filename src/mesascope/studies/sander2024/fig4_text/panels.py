"""The panels of text against shuffled text."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.stats import mean_interval
from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.sander2024.fig4_text.forecasts import ORDERS, ForecastErrors
from mesascope.studies.sander2024.fig4_text.readings import KEPT, common_patterns, kept
from mesascope.studies.sander2024.fig4_text.repeats import KINDS, Repeats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SHOWN = ("AR(1)", "mean", "common AR(1)")
MARKERS = "osD^v"


def three_panels(dims: tuple[int, ...], forecasts: tuple[ForecastErrors, ...], repeats: Repeats) -> "Figure":
    """Errors of forecasts in long windows; the paper's histogram; what is kept of it where repeats are alike."""
    figure, [[left, middle, right]] = panel_grid(1, 3)
    _errors(left, dims, forecasts)
    _histogram(middle, repeats)
    _alike(right, repeats)
    return figure


def _errors(axes: "Axes", dims: tuple[int, ...], forecasts: tuple[ForecastErrors, ...]) -> None:
    """Every forecast is a place, every order a colour, every size of states a marker; bars are 95% intervals."""
    for i, order in enumerate(ORDERS):
        for j, of in enumerate(forecasts):
            estimates = np.array([mean_interval(of.of(order, name)) for name in SHOWN]).T
            places = np.arange(len(SHOWN)) + 0.26 * (i - 1) + 0.07 * (j - (len(dims) - 1) / 2)
            spread = np.abs(estimates[1:] - estimates[0])
            style = {"color": f"C{i}", "fmt": MARKERS[j % len(MARKERS)], "markersize": 3.5, "elinewidth": 1.0}
            axes.errorbar(places, estimates[0], spread, **style)
        axes.plot([], [], "s", color=f"C{i}", label=order)
    for j, dim in enumerate(dims):
        axes.plot([], [], MARKERS[j % len(MARKERS)], color="grey", label=f"d = {dim}")
    axes.axhline(1.0, label="predicting zero", **{**REFERENCE, "linewidth": 0.8})
    last = [of.of("as written", "last value").mean() for of in forecasts]
    axes.set_xticks(range(len(SHOWN)), [name.replace(" ", "\n") for name in SHOWN])
    axes.set(ylabel="error in a window's second half / $|s|^2$", title="windows of many tokens")
    title = {"title": f"last value, as written: {np.mean(last):.2f}, off the scale"}
    axes.legend(**title)


def _histogram(axes: "Axes", repeats: Repeats) -> None:
    """All seeds together; dashed, the same windows with a random vector for every word."""
    words, random = ([kept(each) for each in np.moveaxis(errors, 1, 0)] for errors in repeats[:2])
    together = np.concatenate([*words, *random])
    if together.size:
        bins = np.geomspace(together.min(), together.max() * 1.01, 60)
        outline = {"histtype": "step", "linestyle": "--", "linewidth": 1.0}
        for i, kind in enumerate(KINDS):
            share = words[i].size / repeats.words[:, i].size
            axes.hist(words[i], bins, color=f"C{i}", alpha=0.5, label=f"{kind}: {share:.1%} kept")
            axes.hist(random[i], bins, color=f"C{i}", label=f"{kind}, random vectors", **outline)
        axes.set_xscale("log")
        axes.legend()
    axes.set(xlabel="MSE of the roll-out", ylabel="windows", title=f"five tokens, MSE > {KEPT:g}")


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
        dots = {"color": "C0", "alpha": 0.6, "linewidth": 0}
        areas = 8 + 150 * np.array(sizes) / max(sizes)
        axes.scatter(shuffled, written, s=areas, **dots)
        for at in (np.argmax(sizes), np.argmin(sizes)):
            axes.scatter([], [], s=areas[at], label=f"{sizes[at]} windows of text", **dots)
        end = 1.15 * max(written.max(), shuffled.max())
        axes.plot([0, end], [0, end], label="no difference", **REFERENCE)
        axes.legend()
    title = "error kept, by pattern of repeats"
    axes.set(
        xlabel="shuffled text: geometric mean of $10^3$ MSE", ylabel="text: geometric mean of $10^3$ MSE", title=title
    )
