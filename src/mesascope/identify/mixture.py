"""Whether a subject lies between candidates: the nearest convex combination of the best three."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mesascope.identify.fit import Asked, Fit
from mesascope.identify.score import predictions
from mesascope.identify.trial import Trial
from mesascope.identify.verdict import APPROXIMATE, GAIN
from mesascope.stats import Estimate

Moments = tuple[np.ndarray, np.ndarray]  # of candidates' answers with each other, and with the subject's

NUM_DRAWS = 200
LEAST_WEIGHT = 0.1  # that every weight's interval must lie above


class Mixture(NamedTuple):
    """Weights of candidates, not negative and summing to one, with intervals; the distance of the combination."""

    weights: Mapping[str, Estimate]
    delta: float


def mixture(
    trials: Mapping[str, Trial], fits: Mapping[str, Fit], names: Sequence[str], fitted: Sequence[Asked],
    fresh: Sequence[Asked],
) -> Mixture:  # fmt: skip
    """Fitted on one split, its distance measured on another."""
    moments = [_moments(trials, fits, names, each) for each in fitted]
    weights = _simplex(*_sums(moments, None))
    rng = np.random.default_rng(0)
    draws = np.array([_simplex(*_sums(moments, rng)) for _ in range(NUM_DRAWS)])
    low, high = np.quantile(draws, (0.025, 0.975), axis=0)
    estimates = {name: Estimate(*map(float, each)) for name, *each in zip(names, weights, low, high, strict=True)}
    found = []
    for each in fresh:
        combined = sum(
            w * predictions(trials[name], fits[name], each.environment) for w, name in zip(weights, names, strict=True)
        )
        found.append(np.sum(np.abs(combined - each.answers) ** 2) / np.sum(np.abs(each.answers) ** 2))
    return Mixture(estimates, float(np.sqrt(np.mean(found))))


def simplest(
    trials: Mapping[str, Trial], fits: Mapping[str, Fit], names: Sequence[str], fitted: Sequence[Asked],
    fresh: Sequence[Asked], least: float,
) -> Mixture:  # fmt: skip
    """The mixture of all these, or of two of them where it is one, too, and as near to within .01."""
    found = mixture(trials, fits, names, fitted, fresh)
    pairs = [mixture(trials, fits, pair, fitted, fresh) for pair in itertools.combinations(names, 2)]
    best = min(pairs, key=lambda each: each.delta)
    return best if is_mixture(best, least) and best.delta <= found.delta + GAIN else found


def nearest_together(
    trials: Mapping[str, Trial], fits: Mapping[str, Fit], names: Sequence[str], fitted: Sequence[Asked]
) -> list[str]:
    """At most three candidates whose convex combination is nearest: those of the largest weights among all.

    The best three alone need not be among them: half of one algorithm and half of another are near to neither. Those
    whose weight does not count are left out, as are candidates that diverge.
    """
    finite = [name for name in names if all(_is_finite(trials[name], fits[name], each) for each in fitted)]
    for most in (len(finite), 3):
        weights = _simplex(*_sums([_moments(trials, fits, finite, each) for each in fitted], None))
        best = sorted(zip(weights, finite, strict=True), reverse=True)[:most]
        finite = [name for weight, name in best if weight > LEAST_WEIGHT / 2]
    return finite[:3]


def _is_finite(trial: Trial, fit: Fit, asked: Asked) -> bool:
    answers = predictions(trial, fit, asked.environment)
    return bool(np.isfinite(answers).all() and np.abs(answers).max(initial=0) < 1e3 * np.abs(asked.answers).max())


def is_mixture(found: Mixture, least: float) -> bool:
    """Whether it is near, halves the distance of the nearest candidate, and every weight counts for sure."""
    return found.delta <= min(least / 2, APPROXIMATE) and all(
        weight.low > LEAST_WEIGHT for weight in found.weights.values()
    )


def _moments(trials: Mapping[str, Trial], fits: Mapping[str, Fit], names: Sequence[str], asked: Asked) -> Moments:
    """Of every prompt the products of candidates' answers [b c c] and with the subject's [b c], by its size."""
    table = np.stack([predictions(trials[name], fits[name], asked.environment) for name in names])
    table, target = table.astype(np.result_type(table, 0.0)), asked.answers
    size = np.sum(np.abs(target) ** 2)
    gram = np.einsum("cbmo,ebmo->bce", np.conj(table), table).real
    return gram / size, np.einsum("cbmo,bmo->bc", np.conj(table), target).real / size


def _sums(moments: Sequence[Moments], rng: np.random.Generator | None) -> Moments:
    """Over prompts, or over a bootstrap draw of them, and environments."""
    gram, right = 0.0, 0.0
    for each_gram, each_right in moments:
        num = len(each_gram)
        weights = np.ones(num) if rng is None else rng.multinomial(num, np.full(num, 1 / num))
        gram, right = gram + np.tensordot(weights, each_gram, 1), right + np.tensordot(weights, each_right, 1)
    return np.asarray(gram), np.asarray(right)


def _simplex(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The w >= 0 with sum 1 that minimises w' gram w - 2 right' w: non-negative least squares with a heavy row."""
    from scipy.optimize import nnls

    values, vectors = np.linalg.eigh(gram)
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    inverse = np.where(values > 1e-12 * values[-1], 1 / np.sqrt(np.maximum(values, 1e-300)), 0)
    heavy = 1e4 * np.sqrt(values[-1])
    table = np.vstack([root, np.full((1, len(right)), heavy)])
    weights, _ = nnls(table, np.append(inverse * (vectors.T @ right), heavy))
    return weights / weights.sum()
