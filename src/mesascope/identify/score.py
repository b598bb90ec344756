"""How near each fitted candidate is on prompts it was not fitted to: distances with intervals, paired."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mesascope.identify.environments import Environment
from mesascope.identify.fit import Asked, Fit
from mesascope.identify.trial import Trial
from mesascope.probes.distance import is_heavy, prompt_sums, ratio, top_share
from mesascope.stats import Estimate

NUM_DRAWS = 1000
LEVELS = (0.025, 0.975)


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
    same sequences after several states, or the same prompts with several lengths. `noise` is the share of the
    subject's own noise in its squared size, which is taken off every squared distance.
    """

    def __init__(self, names: Sequence[str], errors: Sequence[Errors], noise: float = 0.0, seed: int = 0):
        self.names, self.errors, self.noise = list(names), list(errors), noise
        self.laws = list(dict.fromkeys(each.law for each in errors))
        rng = np.random.default_rng(seed)
        numbers = {each.law: len(each.sizes) for each in errors}
        self._weights = {law: rng.multinomial(n, np.full(n, 1 / n), NUM_DRAWS) for law, n in numbers.items()}
        self._found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.by_median = {law: any(is_heavy(each.sizes[:, None]).item() for each in self.of(law)) for law in self.laws}

    def of(self, law: str) -> list[Errors]:
        """The environments of a law."""
        return [each for each in self.errors if each.law == law]

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
            differences, gap = draws[:, i] - draws[:, j], point[i] - point[j]
        return Paired(_estimate(value, np.nan_to_num(ratios, nan=1.0)), _estimate(gap, differences))

    def top_share(self, law: str) -> float:
        """The part that the largest hundredth of answers has in the subject's mean square."""
        return max(top_share(each.sizes[:, None]).item() for each in self.of(law))

    def _deltas(self, law: str) -> tuple[np.ndarray, np.ndarray]:
        """Distances [candidates] and their bootstrap draws [draws candidates]."""
        if law not in self._found:
            self._found[law] = self._medians(law) if self.by_median[law] else self._ratios(law)
        return self._found[law]

    def _ratios(self, law: str) -> tuple[np.ndarray, np.ndarray]:
        parts, weights, point, draws = self.of(law), self._weights[law], np.zeros(()), np.zeros(())
        for each in parts:
            point = point + ratio(each.of_candidates.sum(axis=1), each.sizes.sum())
            finite = np.where(np.isfinite(each.of_candidates), each.of_candidates, 0)
            broken = weights @ ~np.isfinite(each.of_candidates).T
            top = np.where(broken > 0, np.inf, weights @ finite.T)
            draws = draws + ratio(top, (weights @ each.sizes)[:, None])
        return self._root(point / len(parts)), self._root(draws / len(parts))

    def _root(self, squared: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(squared - self.noise, 0))

    def _medians(self, law: str) -> tuple[np.ndarray, np.ndarray]:
        parts, point, draws = self.of(law), np.zeros(()), np.zeros(())
        for each in parts:
            rows = [np.repeat(np.arange(len(each.sizes)), weight) for weight in self._weights[law][:200]]
            broken = ~np.isfinite(each.of_candidates).all(axis=1)  # on any prompt: as far as by the mean
            ours = np.array([np.median(each.of_candidates[:, row], axis=1) for row in rows])
            ours[:, broken] = np.inf
            sizes = np.array([np.median(each.sizes[row]) for row in rows])
            middle = np.where(broken, np.inf, np.median(each.of_candidates, axis=1))
            point = point + ratio(middle, np.median(each.sizes))
            draws = draws + ratio(ours, sizes[:, None])
        return self._root(point / len(parts)), self._root(draws / len(parts))


@np.errstate(over="ignore", invalid="ignore")  # of candidates that diverge, which are infinitely far
def score(trials: Mapping[str, Trial], fits: Mapping[str, Fit], asked: Sequence[Asked], noise: float = 0.0) -> Scores:
    """Every fitted candidate on the prompts of other splits and laws, its parameters as they are."""
    found = []
    for environment, answers in asked:
        sums = [prompt_sums(answers, predictions(trials[name], fits[name], environment)) for name in trials]
        rows = np.stack([each.differences[:, 0] for each in sums])
        found.append(Errors(environment.name, environment.law, rows, sums[0].sizes[:, 0]))
    return Scores(list(trials), found, noise)


def predictions(trial: Trial, fit: Fit, environment: Environment) -> np.ndarray:
    """The fitted candidate's answers [b m dy]."""
    if "coefficients" in fit.parameters:
        return np.tensordot(fit.parameters["coefficients"], trial.answers({}, environment), axes=1)
    return trial.answers(fit.parameters, environment)[trial.counts.index(fit.num_steps)]


def _estimate(point: float, draws: np.ndarray) -> Estimate:
    if np.isinf(draws).mean() > LEVELS[0]:
        return Estimate(float(point), float(np.quantile(np.nan_to_num(draws, posinf=1e300), LEVELS[0])), np.inf)
    finite = draws[np.isfinite(draws)]
    low, high = np.quantile(finite, LEVELS) if finite.size else (np.nan, np.nan)  # both are infinitely far
    return Estimate(float(point), float(low), float(high))
