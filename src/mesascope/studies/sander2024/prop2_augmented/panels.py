"""The panels of proposition 2 of Sander et al. 2024."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.drawing.grid import panel_grid
from mesascope.studies._shared.panels import REFERENCE, count_entries, signed_map
from mesascope.studies.sander2024.prop2_augmented.cells import ExactLosses
from mesascope.theory.augmented import one_step_losses, one_step_optimum

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SMALLEST = 1e-16  # an excess; what is smaller is drawn there, where float64 ends


def three_panels(exact: ExactLosses, product: np.ndarray, dim: int, num_pairs: int) -> "Figure":
    """Exact losses over the best step's, b1 a2^T [d d] over c*, and what a step loses by length."""
    figure, [[descent, signs, lengths]] = panel_grid(1, 3)
    best = one_step_optimum(dim, num_pairs)
    descent.semilogy(exact.steps, np.maximum(exact.losses / best.loss - 1, SMALLEST).T, ".", markersize=4)
    descent.set(xlabel="training step", ylabel=f"exact loss / best step's - 1 (at {SMALLEST:g}: or less)")
    descent.set_title("training, a colour a seed")
    descent.locator_params(axis="x", nbins=5)
    signed_map(signs, product / best.coefficient, "$b_1 a_2^T / c^*$, first seed")
    count_entries(signs, "coordinate of values", "coordinate of keys and queries")
    pairs = np.arange(1, num_pairs + 1)
    with_one = np.asarray(one_step_losses(best.coefficient, dim, num_pairs)) / dim
    lengths.plot(pairs, with_one, label="one step size for all lengths")
    lengths.plot(pairs, (dim - 1) / (pairs + dim - 1), label="the best for each", **REFERENCE)
    lengths.set(xlabel="pairs of states", ylabel="loss a coordinate", ylim=(0, None), title="best gradient step")
    lengths.legend()
    return figure
