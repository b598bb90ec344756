"""Flow, test lengths and shifts, drawn."""

import math
from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, shades
from mesascope.studies._shared.panels import REFERENCE
from mesascope.studies.zhang2023.covariate.readings import LAWS, Summary, Trials
from mesascope.theory.preconditioned_step import zero_loss

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SMALLEST = 1e-10  # an excess; what is smaller is drawn there


def three_panels(summary: Summary, tests: Trials) -> "Figure":
    """The exact loss over training, losses by test length, and losses on shifted laws by training length."""
    figure, [[flow, lengths, shifts]] = panel_grid(1, 3)
    for i, (heads, size) in enumerate(zip(summary.heads, tests.sizes, strict=True)):
        excess = heads.losses / (tests.shifted(0, size, size) * zero_loss(np.diag(tests.variances))) - 1
        lines = flow.semilogy(
            heads.steps, np.maximum(excess, SMALLEST).T, color=shades(len(tests.sizes))[i], linewidth=0.8
        )
        lines[0].set_label(f"N = {size}")
    flow.set(xlabel="step of gradient descent", ylabel="excess / least loss")
    flow.locator_params(axis="x", nbins=4)
    flow.set_title(f"exact loss, cut at {SMALLEST:g}")
    flow.legend()

    fine = np.geomspace(min(tests.lengths), 2 * max(tests.lengths), 60)
    lengths.semilogx(tests.lengths, summary.lengths, "o", color=TRAINED["color"])
    lengths.lines[0].set_label("trained, one marker a seed")
    lengths.semilogx(fine, [tests.loss_at(each) for each in fine], label="closed form", **REFERENCE)
    lengths.axhline(tests.loss_at(math.inf), label="M infinite", **LINE)
    lengths.set(
        xlabel="examples M in a test prompt", ylabel="loss", ylim=(0, None), title=f"trained on N = {tests.sizes[0]}"
    )
    lengths.legend()

    for law, name in enumerate(LAWS):
        measured = summary.shifts[law] / zero_loss(np.diag(tests.variances))
        closed = [tests.shifted(law, size, tests.num_test) for size in tests.sizes]
        shifts.loglog(tests.sizes, measured, "o", color=shades(len(LAWS))[law])
        shifts.loglog(tests.sizes, closed, color=shades(len(LAWS))[law], label=name)
    shifts.axhline(1.0, **LINE)
    shifts.set_xticks(tests.sizes, map(str, tests.sizes))
    shifts.minorticks_off()
    shifts.set(xlabel="examples N in training", ylabel="loss / zero predictor's")
    shifts.set_title(f"tested on M = {tests.num_test}, lines: closed form")
    shifts.legend()
    return figure
