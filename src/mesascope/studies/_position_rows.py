"""Rows of position weights learned on concentrated phases, and how they are drawn (Sander et al. 2024, figure 6)."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mesascope.studies._base import Arrays
from mesascope.studies._panels import REFERENCE
from mesascope.theory.position_only import descent, loss, smoothest, spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class LawCell(NamedTuple):
    """One concentration of phases, and the descent on it."""

    mu: float
    num_states: int
    learning_rate: float
    num_steps: int
    tolerance: float


def descend(cell: LawCell) -> Arrays:
    """The step at which the mean loss over rows falls below the tolerance (-1 for never), P then and at the end.

    A row is a length T = 2, ..., num_states, and zero ahead of it; the loss is a mean over rows, so that each row has a
    rate of learning_rate / (num_states - 1). The spectrum is that of the last row's Hessian, as logarithms.
    """
    lengths, rate = range(2, cell.num_states + 1), cell.learning_rate / (cell.num_states - 1)

    def mean_loss(num_steps: np.ndarray) -> np.ndarray:
        return np.mean([loss(descent(each, cell.mu, rate, num_steps), cell.mu) for each in lengths], axis=0)

    low, high = 0, cell.num_steps  # the loss falls with every step: halve
    reached = mean_loss(np.array([high]))[0] < cell.tolerance
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if mean_loss(np.array([middle]))[0] < cell.tolerance else (middle, high)

    def rows(num_steps: int) -> np.ndarray:
        matrix = np.zeros((cell.num_states - 1, cell.num_states))
        for row, each in enumerate(lengths):
            matrix[row, :each] = descent(each, cell.mu, rate, np.array([num_steps]))[0]
        return matrix

    return {
        "stop": np.array(high if reached else -1),
        "stopped": rows(high),
        "ended": rows(cell.num_steps),
        "spectrum": spectrum(cell.num_states, cell.mu, digits=400),
    }


def three_rows(mus: tuple[float, ...], summary: list[Arrays], num_steps: int) -> "Figure":
    """For each law, P where descent stopped, its last row beside the rows of least norm, and the Hessian's spectrum."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(mus), 9), layout="constrained")
    maps, rows, spectra = figure.subplots(3, len(mus))
    for column, (mu, arrays) in enumerate(zip(mus, summary, strict=False)):
        image = maps[column].imshow(arrays["stopped"], cmap="viridis")
        figure.colorbar(image, ax=maps[column], shrink=0.8)
        maps[column].set(title=f"mu = {mu:g}", xlabel="key", ylabel="length T" if column == 0 else "")
        maps[column].grid(False)
        times = np.arange(1, arrays["stopped"].shape[1] + 1)
        rows[column].plot(times, arrays["stopped"][-1], "o-", markersize=3, label="stopped as theirs")
        rows[column].plot(times, arrays["ended"][-1], label=f"after {num_steps} steps")
        for num_moments, style in ((2, "--"), (3, ":")):
            label = f"least norm, {num_moments} moments"
            rows[column].plot(
                times, smoothest(len(times), num_moments), label=label, **{**REFERENCE, "linestyle": style}
            )
        rows[column].set(xlabel="key t", ylabel="last row of P" if column == 0 else "")
        spectra[column].plot(times, arrays["spectrum"], "o", markersize=3)
        spectra[column].axhline(arrays["spectrum"][0] - 16, **REFERENCE, label="float64")
        spectra[column].set(xlabel="eigenvalue", ylabel="log10 of it" if column == 0 else "")
    rows[0].legend(fontsize="x-small")
    spectra[0].legend()
    return figure
