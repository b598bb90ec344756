"""Position weights, drawn (Sander et al. 2024, figure 6)."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.panels import count_entries, map_of_positions
from mesascope.studies.sander2024.fig6_positions.readings import Summary, explained_by_lag
from mesascope.theory.position_only import smoothest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = ("-", "--", "-.", ":")  # of the laws, the least concentrated first


def maps(summary: Summary) -> "Figure":
    """P where exact descent stopped, and the share of its variance that the lag explains, a panel a law."""
    figure, [panels] = panel_grid(1, len(summary.mus), narrowest=4.0)
    for axes, mu, law in zip(panels, summary.mus, summary.laws, strict=True):
        map_of_positions(axes, law.stopped, rf"$\mu$ = {mu:g}, lag explains {explained_by_lag(law.stopped):.1%}")
        count_entries(axes, "length T", "key t", first_row=2)
    return figure


def rows(summary: Summary, num_steps: int) -> "Figure":
    """The last rows of P; the most concentrated law's beside those of least norm; newest weights; Hessians' spectra."""
    figure, [[by_law, limits], [newest, spectra]] = panel_grid(2, 2)
    times = np.arange(1, summary.limit.stopped.shape[1] + 1)
    for mu, law, style in zip(summary.mus, summary.laws, STYLES, strict=False):
        of_law = {**TRAINED, "linestyle": style, "label": rf"$\mu$ = {mu:g}"}
        by_law.plot(times, law.stopped[-1], **of_law)
        spectra.plot(times, law.spectrum - law.spectrum[0], **of_law)
    by_law.set(xlabel="key t", ylabel="last row of P, where stopped")
    last = summary.laws[-1]
    limits.plot(times, last.stopped[-1], label="where stopped", **TRAINED)
    limits.plot(times, last.ended[-1], label=f"after {num_steps} steps", **TRAINED_TOO)
    for num_moments, style in ((2, "--"), (3, ":")):
        of_norm = {**LINE, "linestyle": style}
        limits.plot(times, smoothest(len(times), num_moments), label=f"least norm, {num_moments} moments", **of_norm)
    limits.set(xlabel="key t", ylabel=rf"last row of P, $\mu$ = {summary.mus[-1]:g}")
    _newest(newest, summary, num_steps)
    spectra.axhline(-16, **LINE, label="double precision")
    spectra.set(xlabel="rank of the eigenvalue", ylabel="log10 of eigenvalue / largest")
    for axes in (by_law, limits, spectra):
        axes.legend()
    return figure


def _newest(axes: "Axes", summary: Summary, num_steps: int) -> None:
    """Weights of the newest state by law: where exact descent stopped, where runs on samples did, and at the end."""
    stopped, ended = np.array([(law.stopped[-1, -1], law.ended[-1, -1]) for law in summary.laws]).T
    sampled = np.array([of.stopped[:, -1, -1] for of in summary.samples])
    axes.plot(summary.mus, stopped, label="where stopped", **TRAINED)
    axes.plot(summary.mus, sampled, "o", color=TRAINED["color"], fillstyle="none")
    axes.plot([], [], "o", color=TRAINED["color"], fillstyle="none", label=f"on samples, n = {sampled.shape[1]} seeds")
    axes.plot(summary.mus, ended, label=f"after {num_steps} steps", **TRAINED_TOO)
    axes.set(xlabel=r"concentration $\mu$", ylabel="weight of the newest state")
    axes.set_ylim(0, None)
    axes.legend()
