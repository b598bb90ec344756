"""The numbers that claims on the speed of descent are about."""

import numpy as np

from mesascope.studies.sander2024.prop7_convergence.cells import Descents, RowDescentCell
from mesascope.study.base import Readings


def readings(found: Descents, cell: RowDescentCell, num_uniform: int) -> Readings:
    """Of every start the largest deviation from the law; everything else is one number, without chance.

    For the first `num_uniform` laws H is the identity.
    """
    phases = found.steps_to[num_uniform:]
    reached = dict(zip(cell.tolerances, phases.T, strict=True))
    learned = num_learned(found.spectrum[num_uniform:], reached[1e-3], cell.learning_rate)
    expected = 4 * cell.num_positions / np.array(cell.mus[num_uniform:]) + 3
    return {
        "exact": found.deviation.max(axis=0),
        "identity": from_one_rate(found.early_losses[:num_uniform], cell),
        "sooner": (reached[1e-1][1:] / reached[1e-1][:-1]).max(),
        "later": reached[1e-6][-1] / found.steps_to[0, cell.tolerances.index(1e-6)],
        "directions": np.max(learned / expected),
        **{f"steps to a loss of {each:g}, by mu": found.steps_to[:, i] for i, each in enumerate(cell.tolerances)},
    }


def from_one_rate(losses: np.ndarray, cell: RowDescentCell) -> float:
    """The largest |loss / (1 - 2 rate)^(2k) - 1| of the first steps [laws steps], where it is not too small."""
    law = (1 - 2 * cell.learning_rate) ** (2.0 * np.arange(losses.shape[1]))
    seen = law > cell.least_loss
    return float(np.abs(losses[:, seen] / law[seen] - 1).max())


def num_learned(spectrum: np.ndarray, steps: np.ndarray, rate: float) -> np.ndarray:
    """How many directions of eigenvalues l [laws t] that many steps learn, those with 2 rate l k > 1 [laws]."""
    learned = 2 * rate * spectrum * steps[:, None]
    return np.where(np.isnan(learned).any(axis=1), np.nan, np.sum(learned > 1, axis=1))
