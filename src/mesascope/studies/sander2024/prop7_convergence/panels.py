"""How fast position weights are learned, drawn by the law of W."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies.sander2024.prop7_convergence.cells import Descents, RowDescentCell

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_panels(found: Descents, cell: RowDescentCell, num_uniform: int) -> "Figure":
    """Losses over steps for some laws, how long their directions take, and the steps to each tolerance by mu.

    A direction of eigenvalue l takes 1 / (2 rate l) steps; those that rounding hides, or that take longer than is
    drawn, are left out. The laws drawn are that of uniform phases and every second after the first `num_uniform`.
    """
    figure, [[losses, directions, steps]] = panel_grid(1, 3)
    shown = np.unique(np.geomspace(1, len(found.steps) - 1, 20).round().astype(int))
    for i in (0, *range(num_uniform, len(cell.mus), 2)):
        label = f"mu = {cell.mus[i]:g}"
        (line,) = losses.loglog(found.law_steps, found.law[i], label=label)
        losses.loglog(found.steps[shown], found.losses[i, shown], ".", color=line.get_color())
        eigenvalues = found.spectrum[i, ::-1]
        resolved = eigenvalues[eigenvalues > 1e-13 * eigenvalues.max()]
        times = 1 / (2 * cell.learning_rate * resolved)
        directions.semilogy(np.arange(1, len(times) + 1), times, "o-", label=label)
    losses.set(xlabel="steps k", ylabel="loss: lines its law, dots run step by step", ylim=(1e-10, 2))
    losses.set_title("losses, cut at $10^{-10}$")
    directions.set(xlabel="rank of l among eigenvalues of H, largest first", ylabel="1 / (2 rate l)", ylim=(0.5, 1e8))
    directions.set_title("steps to learn a direction, cut at $10^8$")
    for axes in (losses, directions):
        axes.legend()
    for i, tolerance in enumerate(cell.tolerances):
        steps.loglog(cell.mus[num_uniform:], found.steps_to[num_uniform:, i], "o-", label=f"{tolerance:g}")
    steps.set(xlabel="mu", ylabel="steps", ylim=(0.5, 1e8), title="steps to reach a loss")
    steps.legend(title="loss")
    return figure
