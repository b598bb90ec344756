"""The panels of the softmax figures."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.oswald2023.fig11_softmax.readings import Summary, heads

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CENTRED = {**REFERENCE, "linestyle": ":"}


def over_training(summary: Summary) -> "Figure":
    """Figure 11: losses over training for each number of heads; two heads' alignment with both algorithms."""
    figure, [[losses, cosines]] = panel_grid(1, 2)
    best, two = summary.best, summary.heads[2]
    for color, (number, found) in enumerate(summary.heads.items()):
        losses.plot(found.steps, found.loss.T, color=f"C{color}", alpha=0.5, linewidth=0.7)
        band(losses, found.steps, found.loss, heads(number), color=f"C{color}")
    losses.axhline(float(best.loss_gd), label="gradient descent", **REFERENCE)
    losses.axhline(float(best.loss_centred), label="centred gradient descent", **CENTRED)
    losses.axhline(
        float(best.loss_smoother), label="best single head (b I, c)", color="C0", linewidth=0.8, linestyle=":"
    )
    losses.set(xlabel="training step", ylabel="validation loss", ylim=(0, None))
    losses.legend()
    band(cosines, two.steps, two.cosine_gd, "two heads to gradient descent", color="C2")
    band(cosines, two.steps, two.cosine_centred, "two heads to centred gradient descent", color="C1")
    cosines.axhline(float(best.cosine_of_both), label="one algorithm to the other", **REFERENCE)
    cosines.set(xlabel="training step", ylabel="mean cosine between sensitivities", ylim=(None, 1.02))
    cosines.legend()
    return figure


def matrices(rates: np.ndarray, best_rate: float) -> "Figure":
    """Figure 12: the step of each of two heads [heads, dim_x, dim_x], and of both together."""
    figure, [panels] = panel_grid(1, 3, narrowest=4.0)
    drawn = np.stack([*rates, rates.sum(axis=0)])
    limit = np.abs(drawn).max()
    limit = limit if np.isfinite(limit) and limit > 0 else 1.0
    titles = ("head 1", "head 2", f"sum (best rate {best_rate:.3g})")
    images = [
        axes.imshow(matrix, cmap="RdBu", vmin=-limit, vmax=limit) for axes, matrix in zip(panels, drawn, strict=True)
    ]
    for axes, title in zip(panels, titles, strict=True):
        axes.set(title=title, xticks=[], yticks=[], xlabel="query x", ylabel="key x")
    figure.colorbar(images[-1], ax=list(panels), label="learning rate")
    return figure
