"""The parameters with which a candidate is nearest to a subject: one set of them for all environments."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mesascope.candidate import Candidate, LinearCandidate, Parameter, Scale
from mesascope.identify.environments import Environment
from mesascope.identify.trial import Trial
from mesascope.probes.distance import is_heavy, prompt_sums, squared_distance

GRID = {1: 15, 2: 8, 3: 5}  # points a parameter, by the number of parameters
FINER = 4  # times as many for one parameter and several counts, all of which one answer serves
CLOSE = 0.5  # above the best point of the grid: counts whose best point is farther are not refined
MOST_REFINED, SHORT = 4, 8  # counts of an algorithm with several parameters; evaluations that choose among more
STEP = 1e-3  # of a parameter's range: differences of single precision's answers are exact enough
FAR = 1e100  # in place of what is not finite
AT_BOUND = 0.01  # of a parameter's range, on its scale


class Fit(NamedTuple):
    """A candidate's best parameters, in natural units, its count of steps, and its distance on the prompts of the fit.

    `at_bound` names what ended at a bound of its range, a count at its largest: what fits best may lie beyond it.
    """

    parameters: Mapping[str, Any]
    num_steps: int | None
    delta: float
    at_bound: tuple[str, ...] = ()


class Asked(NamedTuple):
    """An environment with the subject's answers [b m dy] to it."""

    environment: Environment
    answers: np.ndarray


def fit(trial: Trial, asked: Sequence[Asked], scale: Scale) -> Fit:
    """The nearest member of a candidate's family."""
    if isinstance(trial.candidate, LinearCandidate):
        return _solve(trial, asked)
    search = Search(trial, asked, scale)
    if not trial.candidate.parameters:
        deltas = search.deltas(np.zeros(0))
        best = int(np.argmin(deltas))
        return Fit({}, trial.counts[best], float(deltas[best]), _last_count(trial, best))
    points = search.grid()
    table = np.array([search.deltas(point) for point in points])  # [points counts]
    found = []
    for k in search.promising(points, table):
        found.append((*search.refine(k, search.starts(k, points, table), float(table[:, k].min())), k))
    point, delta, k = min(found, key=lambda each: each[1])
    if trial.candidate.exchangeable:
        point = np.sort(point)[::-1]
    return Fit(search.natural(point), trial.counts[k], delta, (*search.at_bound(point), *_last_count(trial, k)))


class Search:
    """A candidate's distance as a function of its parameters, each on its scale from 0 to 1 between its bounds."""

    def __init__(self, trial: Trial, asked: Sequence[Asked], scale: Scale):
        assert isinstance(trial.candidate, Candidate)
        self.trial, self.asked = trial, asked
        self.parameters = trial.candidate.parameters
        self.bounds = [parameter.bounds(scale) for parameter in self.parameters]
        sizes = [np.sum(np.abs(each.answers) ** 2, axis=(1, 2))[:, None] for each in asked]
        self.heavy = any(is_heavy(each).item() for each in sizes)  # distances are of medians, descents of sums

    def natural(self, point: np.ndarray) -> dict[str, float]:
        """The parameters themselves."""
        pairs = zip(self.parameters, self.bounds, np.clip(point, 0, 1), strict=True)
        return {parameter.name: between(parameter, *bounds, share) for parameter, bounds, share in pairs}

    def deltas(self, point: np.ndarray) -> np.ndarray:
        """The distance after each count [k]."""
        parameters = self.natural(point)
        found = [
            [
                float(squared_distance(prompt_sums(each.answers, answers)).value)
                for answers in self.trial.answers(parameters, each.environment)
            ]
            for each in self.asked
        ]
        return np.sqrt(np.mean(found, axis=0))

    def grid(self) -> np.ndarray:
        """Points spread evenly over the ranges of all parameters."""
        num = len(self.parameters)
        points = FINER * GRID[1] if num == 1 and len(self.trial.counts) > 1 else GRID.get(num, 4)
        axis = np.linspace(0, 1, points)
        return np.stack(np.meshgrid(*[axis] * num, indexing="ij"), axis=-1).reshape(-1, num)

    def promising(self, points: np.ndarray, table: np.ndarray) -> list[int]:
        """The counts that are refined: those near the best on the grid; of many, the best after a short descent."""
        least = table.min(axis=0)
        near = [int(k) for k in np.flatnonzero(least <= least.min() + CLOSE)]
        if len(self.parameters) == 1 or len(near) <= MOST_REFINED:
            return near
        all_free = np.arange(len(self.parameters))
        reached = {k: self.descend(k, points[np.argmin(table[:, k])], all_free, num=SHORT)[1] for k in near}
        return sorted(near, key=lambda k: reached[k])[:MOST_REFINED]

    def starts(self, k: int, points: np.ndarray, table: np.ndarray) -> np.ndarray:
        """The two best points of the grid; where distances are of medians, the one of the least sum of squares, too."""
        best = list(np.argsort(table[:, k])[:2])
        if self.heavy and len(self.parameters) > 1:
            best.append(np.argmin([np.linalg.norm(self.residuals(point, k)) for point in points]))
        return points[best]

    def refine(self, k: int, starts: np.ndarray, delta: float) -> tuple[np.ndarray, float]:
        """From the best points of the grid to the least distance after one count."""
        if len(self.parameters) == 1:
            ends = [self._bracketed(k, starts[0])]
        else:
            ends = [self.descend(k, start, np.arange(len(start))) for start in starts]
            if self.heavy:
                ends = [(point, finite(self.deltas(point)[k])) for point, _ in ends]
        return min([*ends, (starts[0], delta)], key=lambda end: end[1])

    def _bracketed(self, k: int, start: np.ndarray) -> tuple[np.ndarray, float]:
        """By Brent's method, between the neighbours of the grid's best point."""
        from scipy.optimize import minimize_scalar

        step = 1 / (len(self.grid()) - 1)
        low, high = np.clip([start[0] - step, start[0] + step], 0, 1)
        found = minimize_scalar(
            lambda share: finite(self.deltas(np.array([share]))[k]),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-6},
        )
        return np.atleast_1d(found.x), float(found.fun)

    def descend(self, k: int, start: np.ndarray, free: np.ndarray, num: int = 20) -> tuple[np.ndarray, float]:
        """By least squares in the parameters `free`, the others as at the start."""
        from scipy.optimize import least_squares

        def residuals(shares: np.ndarray) -> np.ndarray:
            point = start.copy()
            point[free] = shares
            return self.residuals(point, k)

        def slopes(shares: np.ndarray) -> np.ndarray:
            base = residuals(shares)
            steps = np.where(shares + STEP <= 1, STEP, -STEP)
            moved = [residuals(shares + step * unit) for step, unit in zip(steps, np.eye(len(shares)), strict=True)]
            return np.stack([(each - base) / step for each, step in zip(moved, steps, strict=True)], axis=1)

        inside = np.clip(start[free], 1e-9, 1 - 1e-9)
        jac: Any = slopes
        found = least_squares(residuals, inside, jac, bounds=(0, 1), xtol=1e-5, ftol=1e-6, max_nfev=num)
        point = start.copy()
        point[free] = found.x
        return point, float(np.sqrt(2 * found.cost))

    def residuals(self, point: np.ndarray, k: int) -> np.ndarray:
        """What is left of the subject's answers, so that its length is the distance."""
        parameters = self.natural(point)
        parts = []
        for each in self.asked:
            gap = self.trial.answers(parameters, each.environment)[k].astype(complex) - each.answers
            gap = np.nan_to_num(gap, nan=FAR, posinf=FAR, neginf=-FAR)
            parts.append(gap.ravel() / _size(each.answers))
        whole = np.concatenate(parts) / np.sqrt(len(parts))
        return np.concatenate([whole.real, whole.imag]).clip(-1e3, 1e3)

    def at_bound(self, point: np.ndarray) -> tuple[str, ...]:
        """The parameters that lie at an end of their range."""
        return tuple(
            parameter.name
            for parameter, share in zip(self.parameters, point, strict=True)
            if min(share, 1 - share) < AT_BOUND
        )


def _solve(trial: Trial, asked: Sequence[Asked]) -> Fit:
    """The coefficients of known vectors by least squares, every environment with the same weight."""
    rows, right = [], []
    for each in asked:
        size, features = _size(each.answers), trial.answers({}, each.environment)
        rows.append(features.reshape(len(features), -1).T / size)
        right.append(each.answers.ravel() / size)
    table, answers = np.concatenate(rows), np.concatenate(right)
    coefficients = np.linalg.lstsq(table, answers, rcond=None)[0]
    assert isinstance(trial.candidate, LinearCandidate)
    if trial.candidate.nearest is not None:
        coefficients = trial.candidate.nearest(coefficients)
    delta = float(np.linalg.norm(table @ coefficients - answers) / np.sqrt(len(asked)))
    return Fit({"coefficients": coefficients}, None, delta)


def _last_count(trial: Trial, k: int) -> tuple[str, ...]:
    """The name of the count, where it is the largest of several."""
    return ("num_steps",) if k == len(trial.counts) - 1 > 0 else ()


def _size(answers: np.ndarray) -> np.float64:
    """Of all answers together, in double precision; 1 where all are zero."""
    return np.float64(np.linalg.norm(answers.astype(complex)) or 1.0)


def between(parameter: Parameter, low: float, high: float, share: float) -> float:
    """The value at a share of the way, by its logarithm unless it is linear."""
    if parameter.linear:
        return float(low + share * (high - low))
    return float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))


def finite(delta: float) -> float:
    """A distance that a search can compare, large where an algorithm diverges."""
    return float(delta) if np.isfinite(delta) else 1e6
