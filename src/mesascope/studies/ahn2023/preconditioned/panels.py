"""A layer and its preconditioner, drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import GRADIENT_DESCENT, OTHER, TRAINED
from mesascope.studies._shared.panels import REFERENCE, band
from mesascope.studies.ahn2023.preconditioned.readings import Summary
from mesascope.theory.preconditioned_step import best_multiple, best_preconditioner, step_loss

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SCALAR: dict[str, Any] = GRADIENT_DESCENT
WHITENING: dict[str, Any] = OTHER


def three_panels(summary: Summary, variances: tuple[float, ...], num_examples: int) -> "Figure":
    """The loss over training, the diagonal of A by variance, and the losses from random starts."""
    figure, [[training, diagonal, starts]] = panel_grid(1, 3)
    covariance = np.diag(variances)
    best = best_preconditioner(covariance, num_examples)
    scalar = best_multiple(np.eye(len(best)), covariance, num_examples)
    whitening = best_multiple(np.linalg.inv(covariance), covariance, num_examples)
    least = step_loss(best, covariance, num_examples)

    _losses(training, summary, least, scalar.loss, whitening.loss)
    order = np.argsort(variances)
    for seed, matrix in enumerate(summary.layer.matrix):
        label = "trained, one marker a seed" if seed == 0 else None
        diagonal.loglog(np.array(variances)[order], np.diag(matrix)[order], "o", color=TRAINED["color"], label=label)
    fine = np.geomspace(min(variances) / 1.3, max(variances) * 1.3, 50)
    trace = sum(variances) / num_examples
    diagonal.loglog(fine, 1 / ((1 + 1 / num_examples) * fine + trace), label="A*", **REFERENCE)
    diagonal.loglog(fine, np.full_like(fine, scalar.coefficient), label="one learning rate", **SCALAR)
    diagonal.loglog(fine, whitening.coefficient / fine, label="multiple of 1 / Sigma", **WHITENING)
    diagonal.set(xlabel="variance of the input", ylabel="diagonal entry of A")
    diagonal.legend()

    starts.plot(summary.random.steps, summary.random.losses.T / least, color=TRAINED["color"], linewidth=0.6, alpha=0.6)
    starts.axhline(1.0, **REFERENCE)
    starts.set(xlabel="training step", ylabel="exact loss / least loss", ylim=(0.8, None))
    starts.locator_params(axis="x", nbins=4)
    starts.set_title(f"{len(summary.random.losses)} random starts")
    return figure


def _losses(axes: "Axes", summary: Summary, least: float, scalar: float, whitening: float) -> None:
    layer = summary.layer
    band(axes, layer.steps, layer.exact_loss / least, "trained layer", **TRAINED)
    axes.axhline(1.0, label="step with A*", **REFERENCE)
    axes.axhline(scalar / least, label="best step, one learning rate", **SCALAR)
    axes.axhline(whitening / least, label="best step, multiple of 1 / Sigma", **WHITENING)
    axes.set(xlabel="training step", ylabel="exact loss / least loss", ylim=(0.8, None))
    axes.legend()
