"""How fast position weights are learned, drawn by the law of W."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE
from mesascope.studies._shared.panels import band
from mesascope.studies.sander2024.prop7_convergence.cells import Descents, RowDescentCell
from mesascope.studies.sander2024.prop7_convergence.readings import steps_or_nan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = 1e-1, 1e-3, 1e-6  # losses that steps are drawn to


def three_panels(found: Descents, cell: RowDescentCell) -> "Figure":
    """Losses from zero for some laws, how long their directions take, and the steps to some losses by mu.

    A direction of eigenvalue l takes 1 / (2 rate l) steps; those that rounding hides, or that take longer than is
    drawn, are left out. The laws drawn are that of free phases and every second of the others.
    """
    figure, [[losses, directions, steps]] = panel_grid(1, 3)
    laws = (0, *range(1, len(cell.mus), 2))
    for i, style in zip(laws, (LINE, *shades(len(laws) - 1)), strict=True):
        label = f"$\\mu$ = {cell.mus[i]:g}"
        losses.loglog(found.steps[1:], found.losses[i, 0, 1:], label=label, **style)
        eigenvalues = found.spectrum[i, ::-1]
        resolved = eigenvalues[eigenvalues > 1e-13 * eigenvalues.max()]
        times = 1 / (2 * cell.learning_rate * resolved)
        directions.semilogy(np.arange(1, len(times) + 1), times, marker="o", label=label, **style)
    losses.set(xlabel="gradient steps, from zero", ylabel="loss (predicting zero: 1)")
    losses.set(xlim=(0.8, 1.2 * cell.num_steps), ylim=(1e-10, 2))
    directions.set(xlabel="eigenvalue of H, largest first", ylabel="gradient steps to learn a direction")
    directions.set_ylim(0.5, 1e8)
    for tolerance, style in zip(DRAWN, shades(len(DRAWN)), strict=True):
        taken = steps_or_nan(found.steps_to[:, :, cell.tolerances.index(tolerance)].T, cell.num_steps)
        band(steps, np.array(cell.mus), np.maximum(taken, 1.0), f"{tolerance:g}", **style)
    steps.set(xscale="log", yscale="log", xlim=(0.8, 1.2 * cell.mus[-1]), ylim=(0.8, 1.2 * cell.num_steps))
    steps.set(xlabel="$\\mu$, concentration of phases", ylabel="gradient steps to reach a loss")
    for axes, title in ((losses, None), (directions, None), (steps, f"loss, {found.losses.shape[1]} starts")):
        axes.legend(title=title)
    return figure


def shades(size: int) -> list[dict[str, Any]]:
    """Styles of lines that are ordered, from light to dark."""
    from matplotlib import colormaps

    return [{"color": colormaps["viridis_r"](place)} for place in np.linspace(0.2, 1.0, size)]
