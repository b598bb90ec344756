"""The panels of the figure about the curvature of GD++."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023.fig13_curvature.cells import Curvature, condition_numbers
from mesascope.studies.oswald2023.fig13_curvature.readings import BySize
from mesascope.theory.gdpp import effective_eigenvalue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def four_panels(by_size: BySize, shown: int) -> "Figure":
    """The map of eigenvalues, a spectrum before and after, condition numbers over curvatures and over tasks."""
    figure, [axes] = panel_grid(1, 4)
    maps(axes[0], by_size)
    spectrum(axes[1], by_size[shown], shown)
    conditions(axes[2], by_size)
    histogram(axes[3], by_size[shown], shown)
    return figure


def over_training(by_size: BySize) -> "Figure":
    """The curvature over the training, every size with its optimum."""
    figure, [[axes]] = panel_grid(1, 1)
    for i, (size, found) in enumerate(by_size.items()):
        band(axes, found.snapshot_steps, found.curvature, f"N = {size}", color=f"C{i}")
        axes.axhline(float(found.best_curvature), **REFERENCE, label="best for two steps" if i == 0 else None)
    axes.set(xlabel="training step", ylabel=r"curvature $\gamma$ in the weights")
    axes.legend()
    return figure


def maps(axes: "Axes", by_size: BySize) -> None:
    """Panel a: l (1 - gamma l)^2 between the extremes of each size."""
    for i, (size, found) in enumerate(by_size.items()):
        eigenvalues = np.linspace(0, found.spectra.max(), 200)
        axes.plot(eigenvalues, effective_eigenvalue(eigenvalues, _learned(found)), color=f"C{i}", label=f"N = {size}")
    highest = max(float(found.spectra.max()) for found in by_size.values())
    axes.plot([0, highest / 3], [0, highest / 3], color="grey", linewidth=0.6, label="unchanged")
    axes.set(xlabel=r"eigenvalue $\lambda$ of $X^TX$", ylabel=r"after one map, $\lambda(1-\gamma\lambda)^2$")
    axes.legend()


def spectrum(axes: "Axes", found: Curvature, size: int) -> None:
    """Panel b: all eigenvalues before and after."""
    after = effective_eigenvalue(found.spectra, _learned(found))
    _two_histograms(axes, found.spectra.ravel(), after.ravel())
    axes.set(xlabel=f"eigenvalue, N = {size}", ylabel="density")


def conditions(axes: "Axes", by_size: BySize) -> None:
    """Panel c: condition numbers over curvatures; a circle where the trained layers are, a cross at the best."""
    for i, (size, found) in enumerate(by_size.items()):
        x, pooled = found.curvatures, found.pooled_condition
        axes.plot(x, pooled, color=f"C{i}", label=f"N = {size}")
        axes.plot(x, found.median_condition, color=f"C{i}", linestyle=":")
        for marker, at in (("o", _learned(found)), ("x", float(found.best_conditioning))):
            axes.plot(at, np.interp(at, x, pooled), marker, color=f"C{i}")
    axes.plot([], [], color="grey", label="of all tasks together")
    axes.plot([], [], color="grey", linestyle=":", label="median of a task's")
    axes.plot([], [], "o", color="grey", label="learned")
    axes.plot([], [], "x", color="grey", label="smallest bound")
    if any(np.any(found.pooled_condition > 0) for found in by_size.values()):
        axes.set_yscale("log")  # which needs a positive number
    axes.set(xlabel=r"curvature $\gamma$", ylabel=r"condition number $\kappa$")
    axes.legend()


def histogram(axes: "Axes", found: Curvature, size: int) -> None:
    """Panel d: the condition number of every task before and after."""
    after = effective_eigenvalue(found.spectra, _learned(found))
    _two_histograms(axes, *(np.log10(condition_numbers(each)) for each in (found.spectra, after)))
    axes.set(xlabel=rf"$\log_{{10}}\kappa$ of a task, N = {size}", ylabel="density")


def _two_histograms(axes: "Axes", before: np.ndarray, after: np.ndarray) -> None:
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return
    bins = np.histogram_bin_edges(np.concatenate([before, after]), 60)
    for values, label, color in ((before, "before", "grey"), (after, "after one map", "C0")):
        axes.hist(values, bins=bins.tolist(), density=True, alpha=0.6, label=label, color=color)
    axes.legend()


def _learned(found: Curvature) -> float:
    return float(found.curvature[:, -1].mean())
