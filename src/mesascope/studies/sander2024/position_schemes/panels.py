"""What schemes of position weights reached, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies.sander2024.position_schemes.cells import TrainedSchemes
from mesascope.studies.sander2024.position_schemes.schemes import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NUM_DRAWN = 8  # weights, of the newest states
SMALLEST = 1e-12  # a loss; what is smaller is drawn there


def two_rows(laws: tuple[str, ...], trained: TrainedSchemes) -> "Figure":
    """For each law the losses of all seeds by scheme, and under them the newest weights that the best seed found."""
    figure, (losses, weights) = panel_grid(2, len(laws), narrowest=4.0, share_y=True)
    ends = np.maximum(trained.losses[:, -1], SMALLEST)
    best = trained.losses[:, -1].argmin(axis=0)
    for k, law in enumerate(laws):
        for i, name in enumerate(NAMES):
            losses[k].semilogy(np.full(len(ends), i), ends[:, k, i], "o", color=f"C{i}", alpha=0.6)
            newest = trained.last_rows[best[k, i], k, i, ::-1][:NUM_DRAWN]
            weights[k].plot(np.arange(len(newest)), newest, ".-", color=f"C{i}", label=name)
        losses[k].set_xticks(range(len(NAMES)), NAMES, rotation=90)
        losses[k].set_title(law)
        weights[k].set_yscale("symlog", linthresh=1)
        weights[k].set_xlabel("states ago, 0 the newest")
    losses[0].set_ylabel(f"loss a position and coordinate,\nby seed (at {SMALLEST:g}: or less)")
    weights[0].set_ylabel("best seed's last row of P,\ntimes mean $C_{ii}$ (linear up to 1)")
    weights[0].legend()
    return figure
