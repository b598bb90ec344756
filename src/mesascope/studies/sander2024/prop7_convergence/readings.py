"""The numbers that claims on the speed of descent are about."""

import numpy as np

from mesascope.studies.sander2024.prop7_convergence.cells import Descents, RowDescentCell
from mesascope.study.base import Readings


def readings(found: Descents, cell: RowDescentCell) -> Readings:
    """One number a start, zero first; the first law is that of free phases."""
    reached = dict(zip(cell.tolerances, np.moveaxis(found.steps_to, 2, 0), strict=True))  # [mus starts] each
    expected = 4 * cell.num_positions / np.array(cell.mus[1:]) + 3
    learned = num_learned(found.spectrum[1:], reached[1e-3][1:], cell.learning_rate)
    return {
        "sooner": (reached[1e-1][1:] / reached[1e-1][0]).max(axis=0),
        "later": reached[1e-6][-1] / reached[1e-6][0],
        "directions": (learned / expected[:, None]).max(axis=0),
        **{
            f"steps to a loss of {tolerance:g} from zero, by mu": steps_or_nan(steps[:, 0], cell.num_steps)
            for tolerance, steps in reached.items()
        },
        **{
            f"steps to a loss of {tolerance:g}, mu = {mu:g}, by start": steps_or_nan(steps[i], cell.num_steps)
            for tolerance, steps in reached.items()
            for i, mu in ((0, cell.mus[0]), (-1, cell.mus[-1]))
        },
    }


def steps_or_nan(steps: np.ndarray, num_steps: int) -> np.ndarray:
    """Steps to a tolerance, nan where all that are run do not reach it."""
    return np.where(steps < num_steps, steps, np.nan)


def num_learned(spectrum: np.ndarray, steps: np.ndarray, rate: float) -> np.ndarray:
    """How many directions of eigenvalues l [mus t] so many steps k [mus starts] learn, those with 2 rate l k > 1."""
    learned = 2 * rate * spectrum[:, None] * steps[..., None]
    return np.where(np.isnan(learned).any(axis=-1), np.nan, np.sum(learned > 1, axis=-1))
