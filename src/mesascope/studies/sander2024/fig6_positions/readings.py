"""What rows of position weights are held against, in numbers (Sander et al. 2024, figure 6)."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.fig6_positions.cells import Rows, SampledRows
from mesascope.study.base import Readings
from mesascope.theory.position_only import smoothest

# The sums of the last rows that the authors saved, the newest state's weight cut off; and, of an earlier run of exact
# descent that had their rows, the steps at which it stopped and that weight.
SUMS = {50.0: 0.526, 100.0: 0.705, 200.0: 0.763, 300.0: 0.825}
STOPS = {50.0: 886, 100.0: 766, 200.0: 661, 300.0: 473}
LAST = {50.0: 0.456, 100.0: 0.288, 200.0: 0.206, 300.0: 0.141}


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
    before, last, sums = (
        np.ma.masked_invalid([of.get(mu, np.nan) for mu in summary.mus]) for of in (STOPS, LAST, SUMS)
    )
    moments, distances = np.transpose([nearest_least_norm(row) for row in rows])
    away = [np.abs(sampled.stop / stop - 1) for sampled, stop in zip(summary.samples, stops, strict=True)]
    steps = {f"steps on samples, mu = {mu:g}": of.stop for mu, of in zip(summary.mus, summary.samples, strict=True)}
    return {
        "stops": np.abs(stops - before).max(),
        "saved": np.abs(rows[:, -1] - last).max(),
        "sums": np.abs(rows[:, :-1].sum(axis=1) - sums).max(),
        "samples": np.max(away, axis=0),
        "smoother": np.diff(rows[:, -1]).max(),
        "early": (ended[:, -1] / rows[:, -1]).min(),
        "condition": np.min([np.ptp(law.spectrum) for law in summary.laws]),
        "near": distances.max(),
        "fewer": np.diff(moments).max(),
        "least-norm": np.linalg.norm(summary.limit.ended[-1] - smoothest(rows.shape[1], 2)),
        "steps of exact descent, by mu": stops,
        **steps,
        "p_T at the stop, by mu": rows[:, -1],
        "p_T at the end, by mu": ended[:, -1],
        "moments of the nearest row of least norm at the stop, by mu": moments,
        "moments of the nearest row of least norm at the end, by mu": [nearest_least_norm(row)[0] for row in ended],
    }


def nearest_least_norm(row: np.ndarray) -> tuple[float, float]:
    """How many moments the nearest row of least norm has learned, and the distance to it in units of its norm.

    Both are nan where the row is not finite.
    """
    if not np.isfinite(row).all():
        return np.nan, np.nan
    most = np.array([smoothest(len(row), num_moments) for num_moments in range(1, len(row) + 1)])
    distances = np.linalg.norm(most - row, axis=1) / np.linalg.norm(most, axis=1)
    return float(np.argmin(distances)) + 1, float(np.min(distances))
