"""The panels of the GD++ figure."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.oswald2023.gdpp.readings import GD, Comparisons
from mesascope.theory.gdpp import filters
from mesascope.theory.gdpp_optimum import FAMILIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STYLES: dict[str, dict[str, Any]] = dict(
    zip(
        FAMILIES,
        (REFERENCE, {**REFERENCE, "linestyle": ":"}, {"color": "C0"}, {"color": "C1"}),
        strict=True,
    )
)


def gdpp(comparisons: Comparisons, spectra: np.ndarray) -> "Figure":
    """Loss against depth for each family, and the filters of two depths over the spectrum."""
    from matplotlib.figure import Figure

    depths = sorted({depth for _, depth in comparisons})
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    axes = figure.subplots(1, 3)
    losses(axes[0], comparisons, depths)
    deep = [depth for depth in depths if 1 < depth <= 5] or depths[-1:]
    for panel, depth in zip(axes[1:], (deep[0], deep[-1]), strict=True):
        residuals(panel, comparisons, depth, spectra)
    for letter, panel in zip("abc", axes, strict=True):
        panel.set_title(letter, loc="left", fontweight="bold")
    return figure


def losses(axes: "Axes", comparisons: Comparisons, depths: list[int]) -> None:
    """Panel a: the loss at the theory's best rates on tasks held out, and at the tuned rates."""
    seen = []
    for family, style in STYLES.items():
        points = [comparisons.get((family, depth), comparisons.get((GD, depth))) for depth in depths]
        known = [(depth, each) for depth, each in zip(depths, points, strict=True) if each is not None]
        x = np.array([depth for depth, _ in known])
        fitted, tuned = (np.array([each[name] for _, each in known]) for name in ("fitted_loss", "tuned_loss"))
        axes.plot(x, fitted.mean(axis=1), label=f"{family}, theory", **style)
        axes.plot(np.repeat(x[:, None], tuned.shape[1], 1), tuned, "o", color=style["color"], markerfacecolor="none")
        seen.append(fitted)
    axes.plot([], [], "o", color="grey", markerfacecolor="none", label="tuned on prompts")
    if all(np.any(fitted > 0) for fitted in seen):  # a logarithmic axis needs a positive number
        axes.set_yscale("log")
    axes.set(xlabel="steps K", ylabel="loss on tasks held out", xticks=depths)
    axes.legend(fontsize=7)


def residuals(axes: "Axes", comparisons: Comparisons, depth: int, spectra: np.ndarray) -> None:
    """Panels b and c: what K steps leave of each eigendirection, over the density of the eigenvalues."""
    s = np.linspace(0, spectra.max(), 500)
    density = axes.twinx()
    density.hist(spectra.ravel(), bins=60, density=True, color="lightgrey", zorder=0)
    density.set(yscale="log", ylabel="density of eigenvalues (grey)")
    for family, style in STYLES.items():
        found = comparisons.get((family, depth))
        if found is not None:
            axes.plot(
                s, filters(found["fitted_rates"][0, 0], found["fitted_rates"][0, 1], s).residual, label=family, **style
            )
    label = f"left of the teacher after K = {depth} steps"
    axes.set(xlabel="eigenvalue s of $XX^T$", ylabel=label, ylim=(-1.1, 1.1))
    axes.set_zorder(density.get_zorder() + 1)
    axes.set_frame_on(False)
    axes.legend(loc="lower left", fontsize=7)
