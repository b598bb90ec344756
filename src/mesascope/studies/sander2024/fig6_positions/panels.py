"""Rows of position weights, drawn (Sander et al. 2024, figure 6)."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.models.position_weights import visible_keys
from mesascope.studies._shared.panels import REFERENCE, count_entries
from mesascope.studies.sander2024.fig6_positions.readings import Summary
from mesascope.theory.position_only import smoothest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_rows(summary: Summary, num_steps: int) -> "Figure":
    """For each law, P where descent stopped, its last row beside the rows of least norm, and the Hessian's spectrum."""
    size = summary.limit.stopped.shape[1]
    times, ahead = np.arange(1, size + 1), ~visible_keys(size)[:-1]
    figure, rows = panel_grid(3, len(summary.mus), narrowest=4.0)
    for mu, law, samples, (drawn, row, spectrum) in zip(*summary[:3], rows.T, strict=True):
        image = drawn.imshow(np.ma.masked_array(law.stopped, ahead), cmap="viridis")
        figure.colorbar(image, ax=drawn)
        drawn.set_title(f"mu = {mu:g}")
        count_entries(drawn, "P where stopped\nlength T" if mu == summary.mus[0] else "", "key t", first_row=2)
        drawn.grid(False)
        row.plot(times, law.stopped[-1], "o", fillstyle="none", markersize=5, label="exact loss, stopped")
        row.plot(times, law.ended[-1], label=f"exact loss, {num_steps} steps")
        lines = row.plot(times, samples.stopped[:, -1].T, color="C2", linewidth=0.8)
        lines[0].set_label("on samples, stopped, by seed")
        for num_moments, style in ((2, "--"), (3, ":")):
            reference = {**REFERENCE, "linestyle": style}
            row.plot(times, smoothest(size, num_moments), label=f"least norm, {num_moments} moments", **reference)
        row.set(xlabel="key t")
        spectrum.plot(times, law.spectrum, "o", markersize=3)
        spectrum.axhline(law.spectrum[0] - 16, **REFERENCE, label="$10^{-16}$ of the largest")
        spectrum.set(xlabel="its rank, the largest first")
    _, row, spectrum = rows[:, 0]
    row.set_ylabel("last row of P")
    row.legend()
    spectrum.set_ylabel(r"$\log_{10}$ of the Hessian's eigenvalue")
    spectrum.legend()
    return figure
