"""The panels of the GD++ figure."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GDPP, GRADIENT_DESCENT, LINE
from mesascope.studies.oswald2023.gdpp.readings import GD, NUM_SPECTRA, Summary, bounded_losses, in_words
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import drawn_spectra
from mesascope.theory.gdpp_optimum import FAMILIES
from mesascope.theory.residual import filters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DOTTED = {"linestyle": ":"}
STYLES: dict[str, dict[str, Any]] = dict(
    zip(FAMILIES, (GRADIENT_DESCENT, {**GRADIENT_DESCENT, **DOTTED}, GDPP, {**GDPP, **DOTTED}), strict=True)
)


def three_panels(summary: Summary, task: LinearRegression) -> "Figure":
    """Loss against depth for each family, and the filters of two depths over the spectrum."""
    spectra = drawn_spectra(task.num_examples, task.dim_x, float(task.input_scale), NUM_SPECTRA, 0)
    depths = sorted({depth for _, depth in summary.fitted})
    figure, [axes] = panel_grid(1, 3)
    losses(axes[0], summary, depths, bounded_losses(task, depths))
    deep = [depth for depth in depths if 1 < depth <= 5] or depths[-1:]
    for panel, depth in zip(axes[1:], (deep[0], deep[-1]), strict=True):
        residuals(panel, summary, depth, spectra)
    return figure


def losses(axes: "Axes", summary: Summary, depths: list[int], bounded: list[float]) -> None:
    """Panel a: the loss at the best rates on tasks held out, at the tuned rates and at those in closed form."""
    seen = []
    for family, style in STYLES.items():
        pairs = {depth: (family if (family, depth) in summary.fitted else GD, depth) for depth in depths}
        known = {depth: pair for depth, pair in pairs.items() if pair in summary.fitted}
        fitted = np.array([summary.fitted[pair].held_out_loss for pair in known.values()])
        axes.plot(list(known), fitted.mean(axis=1), label=in_words(family), **style)
        for depth, pair in known.items():
            tuned = summary.tuned[pair].held_out_loss if pair in summary.tuned else np.array([])
            axes.plot(np.full(tuned.shape, depth), tuned, "o", color=style["color"], markerfacecolor="none")
        seen.append(fitted)
    if summary.tuned:
        axes.plot([], [], "o", color="grey", markerfacecolor="none", label="tuned on prompts")
    axes.plot(depths, bounded, label="GD++, closed-form rates", **LINE)
    if all(np.any(fitted > 0) for fitted in seen):  # a logarithmic axis needs a positive number
        axes.set_yscale("log")
    axes.set(xlabel="steps K", ylabel="loss on tasks held out", xticks=depths)
    axes.legend()


def residuals(axes: "Axes", summary: Summary, depth: int, spectra: np.ndarray) -> None:
    """Panels b and c: what K steps leave of each eigendirection, over the density of the eigenvalues."""
    s = np.linspace(0, spectra.max(), 500)
    density = axes.twinx()
    density.hist(spectra.ravel(), bins=60, density=True, color="lightgrey", zorder=0)
    density.set(yscale="log", ylabel="density per unit of s (grey)")
    for family, style in STYLES.items():
        if (family, depth) in summary.fitted:
            rates, curvatures = summary.fitted[family, depth].rates[0]
            axes.plot(s, filters(rates, curvatures, s).residual, label=in_words(family), **style)
    axes.set(xlabel="eigenvalue s of XXᵀ", ylabel=f"part of W left, K = {depth}", ylim=(-1.1, 1.1))
    axes.set_zorder(density.get_zorder() + 1)
    axes.set_frame_on(False)
