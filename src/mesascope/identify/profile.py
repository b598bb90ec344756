"""How far every parameter of a fit, and its count, can be from the best ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mesascope.candidate import LinearCandidate, Parameter, Scale
from mesascope.identify.fit import Asked, Fit, Search, between, finite
from mesascope.identify.trial import Trial

WITHIN = 0.01  # above the least distance: how far a profile interval goes


class Interval(NamedTuple):
    """All values of a parameter for which, others fitted anew, the distance is within .01 of the least."""

    low: float
    high: float


class Profile(NamedTuple):
    """What comes within .01 of the least distance: an interval of every parameter, and the counts of steps.

    An interval spans those of all such counts: ten short steps may be as near as three long ones.
    """

    intervals: Mapping[str, Interval]
    counts: tuple[int, ...]


@np.errstate(over="ignore", invalid="ignore")  # of candidates that diverge, which are infinitely far
def profile(trial: Trial, asked: Sequence[Asked], scale: Scale, found: Fit) -> Profile:
    """How far every searched parameter, and the count, can be from the best one."""
    if isinstance(trial.candidate, LinearCandidate):
        return Profile({}, ())
    search, level = Search(trial, asked, scale), found.delta + WITHIN
    bests = _as_near(search, found, level)
    ends = {}
    for i, parameter in enumerate(search.parameters):
        shares = [
            _end(_along(search, k, best, i), best[i], side, level) for k, best in bests.items() for side in (-1, 1)
        ]
        ends[parameter.name] = Interval(*(between(parameter, *search.bounds[i], each(shares)) for each in (min, max)))
    counts = [trial.counts[k] for k in sorted(bests)]
    return Profile(ends, tuple(count for count in counts if count is not None))


def _as_near(search: Search, found: Fit, level: float) -> dict[int, np.ndarray]:
    """The best point of the count that was found, and of every other count that comes below a level with its own."""
    counts, own = search.trial.counts, search.trial.counts.index(found.num_steps)
    best = np.array([
        _share(parameter, *bounds, found.parameters[parameter.name])
        for parameter, bounds in zip(search.parameters, search.bounds, strict=True)
    ])  # fmt: skip
    bests = {own: best}
    if len(counts) == 1:
        return bests
    if not search.parameters:
        return bests | {int(k): best for k in np.flatnonzero(search.deltas(best) <= level)}
    points = search.grid()
    table = np.array([search.deltas(point) for point in points])
    for k in search.promising(points, table):
        if k != own:
            point, delta = search.refine(k, search.starts(k, points, table), float(table[:, k].min()))
            bests |= {k: point} if delta <= level else {}
    return bests


def _along(search: Search, k: int, best: np.ndarray, i: int) -> Callable[[float], float]:
    """The distance as a function of one parameter, the others fitted anew from where they were best."""
    others = np.array([j for j in range(len(best)) if j != i], int)

    def of(share: float) -> float:
        point = best.copy()
        point[i] = share
        if not others.size:
            return finite(search.deltas(point)[k])
        return search.descend(k, point, others)[1]

    return of


def _end(profile: Callable[[float], float], start: float, side: int, level: float) -> float:
    """Where a profile first reaches a level on one side of its least; the bound, where it does not."""
    from scipy.optimize import brentq

    inside, step = start, 1e-3
    while True:
        outside = float(np.clip(start + side * step, 0, 1))
        if profile(outside) > level:
            low, high = sorted((inside, outside))
            return float(brentq(lambda share: profile(share) - level, low, high, xtol=1e-4))  # pyright: ignore
        if outside in (0.0, 1.0):
            return outside
        inside, step = outside, 3 * step


def _share(parameter: Parameter, low: float, high: float, value: float) -> float:
    if parameter.linear:
        return (value - low) / (high - low)
    return float((np.log(value) - np.log(low)) / (np.log(high) - np.log(low)))
