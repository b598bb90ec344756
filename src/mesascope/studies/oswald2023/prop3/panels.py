"""The errors of copied tokens, drawn."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.oswald2023._shared.proposition import visible
from mesascope.studies.oswald2023.prop3.cells import CopyingErrors, SoftmaxErrors

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Summary(NamedTuple):
    """Errors of every shape, and those of the first shape that a softmax makes, or labels' tokens."""

    copying: tuple[CopyingErrors, ...]
    softmax: SoftmaxErrors


def errors_over_scales(summary: Summary, logit_scales: tuple[float, ...], num_examples: int) -> "Figure":
    """The largest error of a copied token against the scale of a softmax's logits."""
    figure, [[axes]] = panel_grid(1, 1)
    scales = np.linspace(min(logit_scales), max(logit_scales), 100)
    of_theory = (2 * num_examples - 1) * np.exp(-scales)
    axes.semilogy(logit_scales, visible(summary.softmax.softmax.max(axis=0)), "o-", label="softmax attention")
    axes.axhline(visible(summary.copying[0].linear).max(), color="C1", label="linear attention")
    axes.semilogy(scales, of_theory, label="(2N - 1) exp(-scale)", **REFERENCE)
    axes.set(xlabel="scale of the logits", ylabel="largest error of a copied token")
    axes.legend()
    return figure
