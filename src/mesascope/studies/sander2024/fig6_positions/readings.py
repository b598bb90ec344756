"""What rows of position weights are held against, in numbers (Sander et al. 2024, figure 6)."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.fig6_positions.cells import Rows, SampledRows
from mesascope.study.base import Readings
from mesascope.theory.position_only import smoothest

SUMS = {50.0: 0.526, 100.0: 0.705, 200.0: 0.763, 300.0: 0.825}  # of the last rows in the authors' files, p_T cut off


class Summary(NamedTuple):
    """Exact descent and descent on samples by mu, and exact descent in the limit of large mu."""

    mus: tuple[float, ...]
    laws: tuple[Rows, ...]
    samples: tuple[SampledRows, ...]
    limit: Rows


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about; and of each mu steps, newest weights and moments learned."""
    stops = np.array([law.stop for law in summary.laws])
    rows = np.array([law.stopped[-1] for law in summary.laws])
    ended = np.array([law.ended[-1] for law in summary.laws])
    sums = np.array([SUMS.get(mu, np.nan) for mu in summary.mus])
    nearest = np.array([nearest_least_norm(row) for row in rows])
    away = [np.abs(sampled.stop / stop - 1) for sampled, stop in zip(summary.samples, stops, strict=True)]
    shares = [[explained_by_lag(weights) for weights in sampled.stopped] for sampled in summary.samples]
    steps = {f"steps on samples, mu = {mu:g}": of.stop for mu, of in zip(summary.mus, summary.samples, strict=True)}
    return {
        "diagonals": np.min(shares, axis=0),
        "sums": np.abs(rows[:, :-1].sum(axis=1) - sums).max(),
        "smoother": np.diff(rows[:, -1]).max(),
        "condition": np.min([np.ptp(law.spectrum) for law in summary.laws]),
        "samples": np.max(away, axis=0),
        "early": (ended[:, -1] / rows[:, -1]).min(),
        "near": nearest[:, 1].max(),
        "least-norm": np.linalg.norm(summary.limit.ended[-1] - smoothest(rows.shape[1], 2)),
        "share that the lag explains, exact descent, by mu": [explained_by_lag(law.stopped) for law in summary.laws],
        "steps of exact descent, by mu": stops,
        **steps,
        "p_T at the stop, by mu": rows[:, -1],
        "p_T at the end, by mu": ended[:, -1],
        "moments of the nearest row of least norm at the stop, by mu": nearest[:, 0],
        "moments of the nearest row of least norm at the end, by mu": [nearest_least_norm(row)[0] for row in ended],
    }


def explained_by_lag(weights: np.ndarray) -> float:
    """The share of the variance of P [rows t] that the lag T - t explains: one where P is the same along diagonals.

    Of the rows of at least half as many states as the last one, and of the lags that all of these have.
    """
    size = weights.shape[1]
    fewest = max(size // 2, 2)
    by_lag = np.array([weights[length - 2, length - fewest : length] for length in range(fewest, size + 1)])
    return float(1 - by_lag.var(axis=0).mean() / by_lag.var())


def nearest_least_norm(row: np.ndarray) -> tuple[float, float]:
    """How many moments the nearest row of least norm has learned, and the distance to it in units of its norm.

    Both are nan where the row is not finite.
    """
    if not np.isfinite(row).all():
        return np.nan, np.nan
    most = np.array([smoothest(len(row), num_moments) for num_moments in range(1, len(row) + 1)])
    distances = np.linalg.norm(most - row, axis=1) / np.linalg.norm(most, axis=1)
    return float(np.argmin(distances)) + 1, float(np.min(distances))
