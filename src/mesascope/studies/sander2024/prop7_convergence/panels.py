"""TODO"""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies.sander2024.prop7_convergence.cells import TOLERANCES
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(
    summary: dict[float, Arrays], drawn: tuple[float, ...], mus: tuple[float, ...], rate: float
) -> "Figure":
    """Losses over steps for the laws `drawn`, how long their directions take, and the steps to each tolerance by mu.

    A direction of eigenvalue l takes 1 / (2 rate l) steps; those that rounding hides, or that take longer than is
    drawn, are left out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.5), layout="constrained")
    losses, directions, steps = figure.subplots(1, 3)
    for mu in drawn:
        of = summary[mu]
        shown = np.unique(np.geomspace(1, len(of["steps"]) - 1, 20).round().astype(int))
        (line,) = losses.loglog(of["law_steps"], of["law"], label=f"mu = {mu:g}")
        losses.loglog(of["steps"][shown], of["losses"][shown], ".", color=line.get_color())
        resolved = of["spectrum"][::-1][of["spectrum"][::-1] > 1e-13 * of["spectrum"].max()]
        times = 1 / (2 * rate * resolved)
        directions.semilogy(np.arange(1, len(times) + 1), times, "o-", label=f"mu = {mu:g}")
    losses.set(xlabel="steps k", ylabel="loss: lines its law, dots run step by step", ylim=(1e-10, 2))
    losses.set_title("(a) losses, cut at $10^{-10}$")
    directions.set(xlabel="rank of l among eigenvalues of H, largest first", ylabel="1 / (2 rate l)", ylim=(0.5, 1e8))
    directions.set_title("(b) steps to learn a direction, cut at $10^8$")
    for axes in (losses, directions):
        axes.legend(fontsize="small", loc="upper right")
    for i, tolerance in enumerate(TOLERANCES):
        steps.loglog(mus, [summary[mu]["steps_to"][i] for mu in mus], "o-", label=f"{tolerance:g}")
    steps.set(xlabel="mu", ylabel="steps", ylim=(0.5, 1e8), title="(c) steps to reach a loss")
    steps.legend(title="loss", fontsize="small", title_fontsize="small", ncols=3, loc="upper left")
    return figure
