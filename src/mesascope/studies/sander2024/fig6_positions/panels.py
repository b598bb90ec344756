"""Rows of position weights, drawn (Sander et al. 2024, figure 6)."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.models.position_weights import visible_keys
from mesascope.studies._shared.panels import REFERENCE, count_entries
from mesascope.studies.sander2024.fig6_positions.readings import Summary
from mesascope.theory.position_only import smoothest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def three_rows(summary: Summary, num_steps: int) -> "Figure":
    """For each law, P where descent stopped, its last row beside the rows of least norm, and the Hessian's spectrum."""
    from matplotlib.figure import Figure

    size = summary.limit.stopped.shape[1]
    times, ahead = np.arange(1, size + 1), ~visible_keys(size)[:-1]
    figure = Figure(figsize=(3.2 * len(summary.mus), 9), layout="constrained")
    by_mu = figure.subplots(3, len(summary.mus)).T
    for mu, law, samples, (drawn, row, spectrum) in zip(*summary[:3], by_mu, strict=True):
        image = drawn.imshow(np.ma.masked_array(law.stopped, ahead), cmap="viridis")
        figure.colorbar(image, ax=drawn)
        drawn.set_title(f"P where stopped, mu = {mu:g}")
        count_entries(drawn, "length T" if mu == summary.mus[0] else "", "key t", first_row=2)
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
    _, row, spectrum = by_mu[0]
    row.set_ylabel("last row of P")
    row.legend(fontsize="x-small")
    spectrum.set_ylabel(r"$\log_{10}$ of the Hessian's eigenvalue")
    spectrum.legend()
    return figure
