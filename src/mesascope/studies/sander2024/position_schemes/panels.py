"""What schemes of position weights reached, in words and drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies.sander2024.position_schemes.cells import SCHEMES
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LEAST = 1e-12  # a loss that is drawn as zero
NUM_DRAWN = 8  # weights, of the newest states
SMALLEST = 1e-12  # a loss; what is smaller is drawn there


def in_words(law: str, of: Arrays) -> str:
    """Losses of all seeds by scheme, and p_{T-1} / p_T of the seed with the least: a sentence."""
    told = []
    for i, scheme in enumerate(SCHEMES):
        ends = of["losses"][:, -1, i]
        newest, before = of["last_rows"][np.argmin(ends), i, [-1, -2]]
        losses = ", ".join(f"{loss:.2g}" for loss in np.sort(ends))
        told.append(f"{scheme} {losses} (rho {before / newest:.3g})")
    return f"{law}: {'; '.join(told)}."


def two_rows(trained: dict[str, Arrays]) -> "Figure":
    """For each law the losses of all seeds by scheme, and under them the newest weights that the best seed found."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.3 * len(trained), 6), layout="constrained")
    losses, weights = figure.subplots(2, len(trained), sharey="row")
    for column, (law, of) in enumerate(trained.items()):
        ends = np.maximum(of["losses"][:, -1], SMALLEST)
        for i, scheme in enumerate(SCHEMES):
            losses[column].semilogy(np.full(len(ends), i), ends[:, i], "o", color=f"C{i}", alpha=0.6)
            best = np.argmin(ends[:, i])
            newest = of["last_rows"][best, i, ::-1][:NUM_DRAWN]
            weights[column].plot(np.arange(len(newest)), newest, ".-", color=f"C{i}", label=scheme)
        losses[column].set_xticks(range(len(SCHEMES)), list(SCHEMES), rotation=60, ha="right")
        losses[column].set_title(law)
        weights[column].set_yscale("symlog", linthresh=1)
        weights[column].set_xlabel("states ago, 0 the newest")
    losses[0].set_ylabel(f"loss a position and coordinate,\nby seed (at {SMALLEST:g}: or less)")
    weights[0].set_ylabel("best seed's last row of P,\ntimes mean $C_{ii}$ (linear up to 1)")
    weights[0].legend(fontsize="small", ncols=2)
    return figure
