"""The numbers that the claims about ridge regression's penalty are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.akyurek2022.noise.cells import PenaltyFit
from mesascope.study.base import Readings


class Summary(NamedTuple):
    """What was measured at every level s^2, tau^2, on a leading axis over levels."""

    levels: tuple[tuple[float, float], ...]
    curve: tuple[float, ...]
    fits: PenaltyFit

    @property
    def bayes_penalties(self) -> np.ndarray:
        """s^2 / tau^2 of each level."""
        return np.array([noise / weight for noise, weight in self.levels])

    @property
    def penalties(self) -> np.ndarray:
        """All different ones, the smallest first."""
        return np.unique(self.bayes_penalties)


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and the penalties and distances of every level."""
    fits, bayes = summary.fits, summary.bayes_penalties
    own = summary.penalties[None, :] == bayes[:, None]
    others = np.where(own[:, None, :], np.inf, fits.to_penalties).min(axis=2)
    return {
        "penalty": np.exp(np.abs(np.log(fits.penalty / bayes[:, None])).max(axis=0)),
        "distance": fits.to_bayes.max(axis=0),
        "own": (fits.to_bayes / others).max(axis=0),
        "least-squares": (fits.to_bayes / fits.to_least_squares).max(axis=0),
        **_of_levels(summary),
    }


def _of_levels(summary: Summary) -> Readings:
    fits, numbers = summary.fits, {}
    for i, (noise, weight) in enumerate(summary.levels):
        at = f"s^2 = {noise:g}, tau^2 = {weight:g}"
        numbers |= {
            f"best penalty, {at}": fits.penalty[i],
            f"distance to ridge with that penalty, {at}": fits.nearest[i],
            f"distance to the Bayes ridge, {at}": fits.to_bayes[i],
            f"distance to least squares, {at}": fits.to_least_squares[i],
            f"loss / loss of the Bayes ridge, {at}": fits.loss[i] / fits.bayes_loss[i],
        }
    return numbers
