"""The panels of the figures about the curvature of GD++."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GDPP, LINE, TRAINED, shades
from mesascope.studies._shared.panels import band
from mesascope.studies.oswald2023.fig13_curvature.cells import Curvature, condition_numbers
from mesascope.studies.oswald2023.fig13_curvature.readings import PUBLISHED, BySize
from mesascope.theory.gdpp import effective_eigenvalue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learned_gammas(by_size: BySize) -> "Figure":
    """What the layers learned, by number of examples and over the training, relative to the best for the loss."""
    figure, [[sizes, training]] = panel_grid(1, 2)
    over_examples(sizes, by_size)
    for colour, (size, found) in zip(shades(len(by_size)), by_size.items(), strict=True):
        band(training, found.snapshot_steps, found.curvature / found.best_curvature, f"N = {size}", color=colour)
    training.axhline(1.0, **GDPP)
    training.set(xlabel="training step", ylabel="learned γ relative to least loss")
    training.legend()
    return figure


def over_examples(axes: "Axes", by_size: BySize) -> None:
    """Learned gammas, the paper's, and those of least condition number."""
    found = by_size.values()
    sizes, best = np.array(list(by_size)), np.array([each.best_curvature for each in found])
    learned = np.stack([each.curvature[:, -1] for each in found]) / best[:, None]
    lines = axes.plot(sizes, learned, "o", color=TRAINED["color"])
    lines[0].set_label(f"learned (n = {len(lines)} each)")
    reported = [size for size in by_size if size in PUBLISHED]
    papers = [PUBLISHED[size].curvature / float(by_size[size].best_curvature) for size in reported]
    axes.plot(reported, papers, "kx", markersize=6, label="the paper's" if reported else None)
    axes.axhline(1.0, label="least loss", **GDPP)
    axes.plot(
        sizes,
        [each.best_conditioning for each in found] / best,
        "s",
        color=LINE["color"],
        label="least condition number",
    )
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="number of examples N", ylabel="γ relative to least loss")
    axes.legend()


def four_panels(by_size: BySize, shown: int) -> "Figure":
    """The map of eigenvalues, a spectrum before and after, condition numbers over gamma and over tasks."""
    figure, [axes] = panel_grid(1, 4)
    maps(axes[0], by_size)
    before, after = by_size[shown].spectra, effective_eigenvalue(by_size[shown].spectra, _learned(by_size[shown]))
    _two_histograms(axes[1], before.ravel(), after.ravel())
    axes[1].set(xlabel=f"eigenvalue λ of XXᵀ, N = {shown}", ylabel="share of eigenvalues")
    conditions(axes[2], by_size)
    _two_histograms(axes[3], *(np.log10(condition_numbers(each)) for each in (before, after)))
    axes[3].set(xlabel=f"log₁₀ of a task's condition number, N = {shown}", ylabel="share of tasks")
    return figure


def maps(axes: "Axes", by_size: BySize) -> None:
    """What one map makes of an eigenvalue."""
    for colour, (size, found) in zip(shades(len(by_size)), by_size.items(), strict=True):
        eigenvalues = np.linspace(0, found.spectra.max(), 200)
        axes.plot(eigenvalues, effective_eigenvalue(eigenvalues, _learned(found)), label=f"N = {size}", color=colour)
    highest = max(float(found.spectra.max()) for found in by_size.values())
    axes.plot([0, highest / 3], [0, highest / 3], label="unchanged", **LINE)
    axes.set(xlabel="eigenvalue λ of XXᵀ", ylabel="after one map, λ(1-γλ)²")
    axes.legend()


def conditions(axes: "Axes", by_size: BySize) -> None:
    """Condition numbers of all tasks together over gamma; a circle where the trained layers are."""
    for colour, (size, found) in zip(shades(len(by_size)), by_size.items(), strict=True):
        largest = found.largest[0]  # of the tasks whose condition numbers these are
        axes.plot(found.curvatures * largest, found.pooled_ratio, label=f"N = {size}", color=colour)
        at = _learned(found)
        height = np.interp(at, found.curvatures, found.pooled_ratio)
        axes.plot(at * largest, height, "o", color=colour)
    axes.plot([], [], "o", color=LINE["color"], label="learned γ")
    if any(np.any(found.pooled_ratio > 0) for found in by_size.values()):
        axes.set_yscale("log")  # which needs a positive number
    axes.set(xlabel="γ relative to 1 / largest λ", ylabel="condition number of all tasks relative to no map")
    axes.legend()


def _two_histograms(axes: "Axes", before: np.ndarray, after: np.ndarray) -> None:
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return
    bins = np.histogram_bin_edges(np.concatenate([before, after]), 40)
    for values, label, colour in ((before, "before", LINE["color"]), (after, "after one map", TRAINED["color"])):
        share = np.full(values.shape, 1 / values.size)
        axes.hist(values, bins=bins.tolist(), weights=share, alpha=0.6, label=label, color=colour)
    axes.legend()


def _learned(found: Curvature) -> float:
    return float(found.curvature[:, -1].mean())
