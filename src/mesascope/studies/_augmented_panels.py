"""The panels of proposition 2 of Sander et al. 2024."""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies._panels import REFERENCE
from mesascope.theory.augmented import one_step_losses, one_step_optimum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_DRAWN = 1e-7


def three_panels(steps: np.ndarray, excess: np.ndarray, product: np.ndarray, num_pairs: int) -> "Figure":
    """Losses over the best step's [seeds records]; b1 a2^T / c* [d d]; losses by the length of the sequence."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.3), layout="constrained")
    descent, matrix, lengths = figure.subplots(1, 3)
    descent.loglog(steps[1:], np.maximum(excess[:, 1:], LEAST_DRAWN).T, color="C0", linewidth=1)
    descent.set(xlabel="training step", ylabel=f"loss / best step's - 1, at least {LEAST_DRAWN:g}", title="by seed")
    dim = len(product)
    image = matrix.imshow(product, cmap="RdBu", vmin=-1.5, vmax=1.5)
    figure.colorbar(image, ax=matrix, shrink=0.8)
    ticks, names = np.arange(dim), [str(i + 1) for i in range(dim)]
    matrix.set(title="$b_1 a_2^T / c^*$, first seed", xlabel="entry of $a_2$", ylabel="entry of $b_1$")
    matrix.set_xticks(ticks, names)
    matrix.set_yticks(ticks, names)
    matrix.grid(False)
    pairs, best = np.arange(1, num_pairs + 1), one_step_optimum(dim, num_pairs)
    with_one = np.asarray(one_step_losses(best.coefficient, dim, num_pairs)) / dim
    lengths.plot(pairs, with_one, label="one step size for all lengths")
    lengths.plot(pairs, (dim - 1) / (pairs + dim - 1), label="the best for each", **REFERENCE)
    lengths.set(xlabel="pairs of states", ylabel="loss a coordinate", ylim=(0, None))
    lengths.legend()
    return figure
