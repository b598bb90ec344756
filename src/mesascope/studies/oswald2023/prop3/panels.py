"""The errors of copied tokens, drawn."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, TRAINED_TOO
from mesascope.studies.oswald2023._shared.proposition import visible
from mesascope.studies.oswald2023.prop3.cells import CopyingErrors, SoftmaxErrors

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Summary(NamedTuple):
    """Errors of every shape, and those of the first shape that a softmax makes, or labels' tokens."""

    copying: tuple[CopyingErrors, ...]
    softmax: SoftmaxErrors


def errors_over_scales(summary: Summary, logit_scales: tuple[float, ...], num_examples: int) -> "Figure":
    """The largest error of a copied token against the size of a softmax's logits; the worst of all seeds."""
    figure, [[axes]] = panel_grid(1, 1)
    scales = np.linspace(min(logit_scales), max(logit_scales), 100)
    of_theory = (2 * num_examples - 1) * np.exp(-scales)
    by_scale = summary.softmax.softmax
    label = f"softmax attention (worst of n = {len(by_scale)})"
    axes.semilogy(logit_scales, visible(by_scale.max(axis=0)), "o", label=label, **TRAINED)
    axes.axhline(visible(summary.copying[0].linear).max(), label="linear attention", **TRAINED_TOO)
    axes.semilogy(scales, of_theory, label="(2N - 1) exp(-size)", **LINE)
    axes.set(xlabel="size of the logits (1 as printed)", ylabel="largest error of tokens of order 1")
    axes.legend()
    return figure
