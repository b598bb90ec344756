"""The panels of proposition 2 of Sander et al. 2024."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.drawing.roles import LINE, TRAINED, TRAINED_TOO
from mesascope.studies._shared.panels import count_entries, signed_map
from mesascope.studies.sander2024.prop2_augmented.cells import ExactLosses
from mesascope.studies.sander2024.prop2_augmented.weights import LayerWeights
from mesascope.theory.augmented import OneStepOptimum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SMALLEST = 1e-12  # an excess; what is smaller is drawn there


def three_panels(losses: ExactLosses, exact: LayerWeights, sampled: LayerWeights, best: OneStepOptimum) -> "Figure":
    """Exact losses over the best step's, b1 a2^T of the first seed over c*, and distances to the best step by seed."""
    figure, [[descent, signs, distances]] = panel_grid(1, 3)
    descent.semilogy(losses.steps, np.maximum(losses.losses / best.loss - 1, SMALLEST).T, linewidth=0.7, **TRAINED)
    descent.set(xlabel="training step", ylabel=f"loss / best step's - 1\n(at {SMALLEST:g}: or less)")
    descent.set_title(f"exact loss, {len(losses.losses)} seeds")
    descent.locator_params(axis="x", nbins=5)
    signed_map(signs, exact.product[0] / best.coefficient, "$b_1 a_2^T / c^*$, first seed")
    count_entries(signs, "coordinate i of values", "coordinate j of keys")
    _by_seed(distances, exact, sampled)
    return figure


def _by_seed(axes: "Axes", exact: LayerWeights, sampled: LayerWeights) -> None:
    """A dot a seed: distances as trained, and with signs made equal."""
    for aside, weights, style, label in ((-0.1, exact, TRAINED, "exact loss"), (0.1, sampled, TRAINED_TOO, "samples")):
        for place, distance in enumerate((weights.map_distance, weights.unflipped_distance)):
            dots = {**style, "linestyle": "none", "marker": "o", "alpha": 0.6}
            axes.plot(np.full(len(distance), place + aside), distance, label=None if place else label, **dots)
    axes.axhline(0.01, label="1%", **LINE)
    axes.set(yscale="log", xlim=(-0.5, 1.5), ylabel="relative distance to the best gradient step")
    axes.set_xticks((0, 1), ("as trained", "signs made\nequal"))
    axes.set_title("predictions, by seed")
    axes.legend()
