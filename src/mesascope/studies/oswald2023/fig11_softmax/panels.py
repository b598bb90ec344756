"""The panels of the softmax figures."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.axis_panels import log_axis, training_steps
from mesascope.studies.oswald2023.fig11_softmax.readings import Summary, heads

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


CENTRED = {**GRADIENT_DESCENT, "linestyle": ":"}
STYLES = {1: TRAINED_TOO, 2: TRAINED}  # by number of heads
MORE = {**TRAINED, "linestyle": "--"}


def over_training(summary: Summary) -> "Figure":
    """Figure 11: every seed's loss for each number of heads; two heads' alignment with both algorithms."""
    figure, [[losses, cosines]] = panel_grid(1, 2)
    best, two = summary.best, summary.heads[2]
    for number, found in summary.heads.items():
        every_seed(losses, found.steps, found.loss, heads(number), STYLES.get(number, MORE))
    losses.axhline(float(best.loss_gd), label="gradient descent", **GRADIENT_DESCENT)
    losses.axhline(float(best.loss_centred), label="centred gradient descent", **CENTRED)
    losses.axhline(float(best.loss_smoother), label="least with W_KQ = bI", **LINE)
    losses.set(ylabel="validation loss", ylim=(0, None), title=f"{len(two.loss)} seeds")
    every_seed(cosines, two.steps, 1 - two.cosine_gd, "to gradient descent", GRADIENT_DESCENT)
    every_seed(cosines, two.steps, 1 - two.cosine_centred, "to centred gradient descent", CENTRED)
    cosines.axhline(1 - float(best.cosine_of_both), label="between both algorithms", **LINE)
    cosines.set(ylabel="1 - mean cosine of sensitivities", title=f"2 heads, {len(two.loss)} seeds")
    log_axis(cosines, "y", 1 - np.stack([two.cosine_gd, two.cosine_centred]))
    for axes in (losses, cosines):
        training_steps(axes, two.steps)
        axes.legend()
    return figure


def every_seed(axes: "Axes", steps: np.ndarray, values: np.ndarray, label: str, style: dict[str, Any]) -> None:
    """A line a seed: seeds leave their plateaus at other times, and some never."""
    lines = axes.plot(steps, values.T, **{**style, "linewidth": 0.9})
    lines[0].set_label(label)


def matrices(rates: np.ndarray, best_rate: float) -> "Figure":
    """Figure 12: the step of each of two heads [heads, dim_x, dim_x], and of both together."""
    figure, [panels] = panel_grid(1, 3, narrowest=4.0)
    drawn = np.stack([*rates, rates.sum(axis=0)])
    limit = np.abs(drawn).max()
    limit = limit if np.isfinite(limit) and limit > 0 else 1.0
    titles = ("head 1, first seed", "head 2, first seed", f"sum (best rate {best_rate:.3g})")
    images = [
        axes.imshow(matrix, cmap="RdBu", vmin=-limit, vmax=limit) for axes, matrix in zip(panels, drawn, strict=True)
    ]
    for axes, title in zip(panels, titles, strict=True):
        axes.set(title=title, xticks=[], yticks=[], xlabel="query x", ylabel="key x")
        axes.grid(False)
    figure.colorbar(images[-1], ax=list(panels), label="learning rate")
    return figure
