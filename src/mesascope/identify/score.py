"""How near each fitted candidate is on prompts it was not fitted to: distances with intervals, paired."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mesascope.identify.distance import HEAVY, ratio, squares, top_share
from mesascope.identify.distance import errors as errors_of
from mesascope.identify.environments import Environment
from mesascope.identify.fit import Asked, Fit
from mesascope.identify.trial import Trial
from mesascope.stats import Estimate

NUM_DRAWS = 1000
LEVELS = (0.025, 0.975)
EXACT = 1e-3  # distance below which what is left is rounding, whoever holds most of it


class Errors(NamedTuple):
    """|f - g|^2 of every candidate [candidates b] and |f|^2 [b] in one environment; prompts of a law go together."""

    name: str
    law: str
    of_candidates: np.ndarray
    sizes: np.ndarray


class Paired(NamedTuple):
    """A rival's distance against the best one's: their ratio and their difference."""

    ratio: Estimate
    difference: Estimate


class Scores:
    """Distances of candidates in all environments, under one set of bootstrap draws of prompts.

    A law's prompts are drawn anew, the same ones for every candidate and in all the law's environments, which hold the
    same sequences after several states, or the same prompts with several lengths.
    """

    def __init__(self, names: Sequence[str], errors: Sequence[Errors], seed: int = 0):
        self.names, self.errors = list(names), list(errors)
        self.laws = list(dict.fromkeys(each.law for each in errors))
        rng = np.random.default_rng(seed)
        numbers = {each.law: len(each.sizes) for each in errors}
        self._weights = {law: rng.multinomial(n, np.full(n, 1 / n), NUM_DRAWS) for law, n in numbers.items()}
        self._found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.by_median = {law: self._is_heavy(law) for law in self.laws}

    def delta(self, name: str, law: str) -> Estimate:
        """sqrt(mean over the law's environments of D), with its 95% interval."""
        point, draws = self._deltas(law)
        i = self.names.index(name)
        return _estimate(point[i], draws[:, i])

    def table(self, law: str) -> dict[str, Estimate]:
        """Every candidate's distance under a law, the nearest first."""
        point, draws = self._deltas(law)
        found = {name: _estimate(point[i], draws[:, i]) for i, name in enumerate(self.names)}
        return dict(sorted(found.items(), key=lambda each: each[1].mean))

    def paired(self, rival: str, best: str, law: str) -> Paired:
        """The rival's distance against the best one's, on the same draws."""
        point, draws = self._deltas(law)
        i, j = self.names.index(rival), self.names.index(best)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios, value = draws[:, i] / draws[:, j], point[i] / point[j]
            differences = draws[:, i] - draws[:, j]
        return Paired(_estimate(value, np.nan_to_num(ratios, nan=1.0)), _estimate(point[i] - point[j], differences))

    def top_share(self, name: str, law: str) -> float:
        """The part that the worst hundredth of prompts has in a candidate's squared errors."""
        i = self.names.index(name)
        return max(top_share(each.of_candidates[i]) for each in self.errors if each.law == law)

    def _is_heavy(self, law: str) -> bool:
        """Whether the nearest candidate's errors come from few prompts, so that medians are judged."""
        parts = [each for each in self.errors if each.law == law]
        if min(len(each.sizes) for each in parts) < 100:
            return False
        sums = np.sum([ratio(each.of_candidates, each.sizes) for each in parts], axis=0)
        nearest = int(np.argmin(sums))
        if sums[nearest] <= len(parts) * EXACT**2:
            return False
        return max(top_share(each.of_candidates[nearest]) for each in parts) > HEAVY

    def _deltas(self, law: str) -> tuple[np.ndarray, np.ndarray]:
        """Distances [candidates] and their bootstrap draws [draws candidates]."""
        if law not in self._found:
            parts = [each for each in self.errors if each.law == law]
            self._found[law] = self._medians(law, parts) if self.by_median[law] else self._ratios(law, parts)
        return self._found[law]

    def _ratios(self, law: str, parts: list[Errors]) -> tuple[np.ndarray, np.ndarray]:
        weights, point, draws = self._weights[law], 0.0, 0.0
        for each in parts:
            point = point + ratio(each.of_candidates, each.sizes)
            finite = np.where(np.isfinite(each.of_candidates), each.of_candidates, 0)
            broken = weights @ ~np.isfinite(each.of_candidates).T
            top = np.where(broken > 0, np.inf, weights @ finite.T)
            with np.errstate(divide="ignore", invalid="ignore"):
                draws = draws + np.where(top == 0, 0.0, top / (weights @ each.sizes)[:, None])
        return np.sqrt(point / len(parts)), np.sqrt(draws / len(parts))

    def _medians(self, law: str, parts: list[Errors]) -> tuple[np.ndarray, np.ndarray]:
        point, draws = 0.0, 0.0
        for each in parts:
            rows = [np.repeat(np.arange(len(each.sizes)), weight) for weight in self._weights[law][:200]]
            ours = np.array([np.median(each.of_candidates[:, row], axis=1) for row in rows])
            sizes = np.array([np.median(each.sizes[row]) for row in rows])
            with np.errstate(divide="ignore", invalid="ignore"):
                point = point + np.median(each.of_candidates, axis=1) / np.median(each.sizes)
                draws = draws + ours / sizes[:, None]
        return np.sqrt(point / len(parts)), np.sqrt(draws / len(parts))


def score(trials: Mapping[str, Trial], fits: Mapping[str, Fit], asked: Sequence[Asked]) -> Scores:
    """Every fitted candidate on the prompts of other splits and laws, its parameters as they are."""
    found = []
    for environment, answers in asked:
        rows = [errors_of(answers, predictions(trials[name], fits[name], environment)) for name in trials]
        found.append(Errors(environment.name, environment.law, np.stack(rows), squares(answers)))
    return Scores(list(trials), found)


def predictions(trial: Trial, fit: Fit, environment: Environment) -> np.ndarray:
    """The fitted candidate's answers [b m dy]."""
    if "coefficients" in fit.parameters:
        return np.tensordot(fit.parameters["coefficients"], trial.answers({}, environment), axes=1)
    return trial.answers(fit.parameters, environment)[trial.counts.index(fit.num_steps)]


def _estimate(point: float, draws: np.ndarray) -> Estimate:
    if np.isinf(draws).mean() > LEVELS[0]:
        return Estimate(float(point), float(np.quantile(np.nan_to_num(draws, posinf=1e300), LEVELS[0])), np.inf)
    low, high = np.quantile(draws[np.isfinite(draws)], LEVELS)
    return Estimate(float(point), float(low), float(high))
