"""How rows of position weights are told and drawn (Sander et al. 2024, figure 6)."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.models.position_weights import visible_keys
from mesascope.studies._shared.panels import REFERENCE, count_entries
from mesascope.studies.sander2024.fig6_positions.cells import nearest_least_norm
from mesascope.study.base import Arrays
from mesascope.theory.position_only import smoothest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def exact_in_words(mu: float, of: Arrays, num_steps: int) -> str:
    """Where exact descent stopped, what its last row was then and at the end: a sentence."""
    stopped, ended = of["stopped"][-1], of["ended"][-1]
    (moments, away), (moments_end, away_end) = (nearest_least_norm(row) for row in (stopped, ended))
    return (
        f"mu = {mu:g}: stopped after {of['stop']:.0f} steps, the last row then ends on {stopped[-1]:.4f} and sums to "
        f"{stopped.sum():.4f}, to {stopped[:-1].sum():.4f} without that entry; nearest is the row of least norm with "
        f"k = {moments:.0f}, distance {away:.3f}. After {num_steps} steps it ends on {ended[-1]:.4f}, nearest "
        f"k = {moments_end:.0f}, distance {away_end:.3f}. Condition of the Hessian 10^{np.ptp(of['spectrum']):.1f}."
    )


def sampled_in_words(mu: float, of: Arrays) -> str:
    """Where descent on samples stopped, and on what its last rows then ended: a sentence."""
    stops, ends = of["stop"], of["stopped"][:, -1, -1]
    return (
        f"mu = {mu:g}, on samples: stopped after {', '.join(f'{stop:.0f}' for stop in stops)} steps, the last rows "
        f"then end on {', '.join(f'{weight:.4f}' for weight in ends)}."
    )


def three_rows(mus: tuple[float, ...], laws: list[Arrays], samples: list[Arrays], num_steps: int) -> "Figure":
    """For each law, P where descent stopped, its last row beside the rows of least norm, and the Hessian's spectrum."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(mus), 9), layout="constrained")
    maps, rows, spectra = figure.subplots(3, len(mus))
    for column, (mu, arrays) in enumerate(zip(mus, laws, strict=True)):
        size = arrays["stopped"].shape[1]
        seen = np.ma.masked_array(arrays["stopped"], ~visible_keys(size)[:-1])
        image = maps[column].imshow(seen, cmap="viridis")
        figure.colorbar(image, ax=maps[column])
        maps[column].set_title(f"P where stopped, mu = {mu:g}")
        count_entries(maps[column], "length T" if column == 0 else "", "key t", first_row=2)
        maps[column].grid(False)
        times = np.arange(1, size + 1)
        rows[column].plot(
            times, arrays["stopped"][-1], "o", fillstyle="none", markersize=5, label="exact loss, stopped"
        )
        rows[column].plot(times, arrays["ended"][-1], label=f"exact loss, {num_steps} steps")
        lines = rows[column].plot(times, samples[column]["stopped"][:, -1].T, color="C2", linewidth=0.8)
        lines[0].set_label("on samples, stopped, by seed")
        for num_moments, style in ((2, "--"), (3, ":")):
            label = f"least norm, {num_moments} moments"
            rows[column].plot(
                times, smoothest(len(times), num_moments), label=label, **{**REFERENCE, "linestyle": style}
            )
        rows[column].set(xlabel="key t", ylabel="last row of P" if column == 0 else "")
        spectra[column].plot(times, arrays["spectrum"], "o", markersize=3)
        spectra[column].axhline(arrays["spectrum"][0] - 16, **REFERENCE, label="$10^{-16}$ of the largest")
        label = r"$\log_{10}$ of the Hessian's eigenvalue" if column == 0 else ""
        spectra[column].set(xlabel="its rank, the largest first", ylabel=label)
    rows[0].legend(fontsize="x-small")
    spectra[0].legend()
    return figure
