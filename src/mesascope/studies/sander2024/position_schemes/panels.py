"""What schemes of position weights reached, drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, TRAINED_TOO
from mesascope.drawing.style import COLOURS
from mesascope.studies.sander2024.position_schemes.cells import TrainedSchemes
from mesascope.studies.sander2024.position_schemes.readings import best_rows
from mesascope.studies.sander2024.position_schemes.schemes import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOUND = 1e-3  # a loss that counts as zero
TICKS = (-1, 0, 1, 10, 100)
NUM_DRAWN = 8  # weights, of the newest states
DRAWN: dict[str, dict[str, Any]] = {
    NAMES.learned: {**TRAINED, "marker": "o", "markersize": 8, "fillstyle": "none"},
    NAMES.toeplitz: {**TRAINED_TOO, "marker": "s"},
    NAMES.softmax: {"color": COLOURS[6], "linestyle": "-", "marker": "^"},
}


def table_of_losses(laws: tuple[str, ...], trained: TrainedSchemes) -> "Figure":
    """By law and scheme the least loss as a colour, and how many seeds reach zero as a number."""
    from matplotlib.colors import LogNorm

    ends = trained.losses[:, -1]
    least = np.nan_to_num(ends.min(axis=0), nan=1.0)  # after trainings that diverged
    figure, [[axes]] = panel_grid(1, 1)
    image = axes.imshow(np.clip(least, 1e-6, 1.0), cmap="Blues", norm=LogNorm(1e-6, 1.0), aspect="auto")
    for (k, i), loss in np.ndenumerate(least):
        found = np.sum(ends[:, k, i] <= FOUND)
        axes.text(i, k, str(found), ha="center", va="center", fontsize=7, color="white" if loss > 0.02 else "black")
    axes.set_xticks(range(len(NAMES)), NAMES, rotation=90)
    axes.set_yticks(range(len(laws)), laws)
    axes.grid(False)
    axes.set_title(f"how many of {len(ends)} seeds end at a loss of at most {FOUND:g}")
    scale = figure.colorbar(image, ax=axes, label="least loss per coordinate\n(predicting zero: 1)")
    scale.set_ticks([1e-6, 1e-4, 1e-2, 1.0], labels=["1e-6\nor less", "1e-4", "0.01", "1"])
    scale.minorticks_off()
    return figure


def rows_of_weights(laws: dict[str, int], trained: TrainedSchemes) -> "Figure":
    """For some laws, by their place, the newest weights that the best seed found, in units of the newest's."""
    figure, [panels] = panel_grid(1, len(laws))
    rows = best_rows(trained)
    for axes, (law, k) in zip(panels, laws.items(), strict=True):
        for name, style in DRAWN.items():
            newest = rows[k, NAMES.index(name), ::-1][:NUM_DRAWN]
            axes.plot(np.arange(len(newest)), newest, label=name, **style)
        axes.axhline(-0.5, label="-1/2", **LINE)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_yticks(list(TICKS), list(map(str, TICKS)))
        axes.minorticks_off()
        axes.set(title=f"{law}, best seed", xlabel="states ago, 0 the newest")
        axes.set_ylabel("weights in the last row of P,\nrelative to $p_T$ (linear up to 1)")
        axes.legend()
    return figure
