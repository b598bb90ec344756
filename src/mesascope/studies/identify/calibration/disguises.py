"""Learners in disguise: known algorithms with parameters drawn at random, behind a subject that only answers."""

import zlib
from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float

from mesascope.candidate import AnyCandidate, LinearCandidate
from mesascope.identify.environments import IN_DISTRIBUTION, Environment
from mesascope.identify.fit import Fit
from mesascope.identify.score import predictions
from mesascope.identify.stage import Scene
from mesascope.identify.trial import Trial, trial_of
from mesascope.probes.distance import is_heavy
from mesascope.subject import AbstractSubject

FILTERS = (
    "chebyshev-iteration", "conjugate-gradient", "gd-plus-plus", "gradient-descent", "gradient-descent-2-rates",
    "gradient-descent-3-rates", "heavy-ball", "least-squares", "newton-schulz", "newton-schulz-fixed-scale",
    "preconditioned-step", "ridge",
)  # fmt: skip
ONLINE = (
    "delta-rule", "delta-rule-with-decay", "kalman-regression", "normalised-delta-rule", "recursive-least-squares"
)  # fmt: skip
CENTRED = (
    "centred-gradient-descent", "lasso-with-intercept", "least-squares-with-intercept", "ridge-with-intercept"
)  # fmt: skip
LOCAL = ("kernel-ridge", "last-label", "mean-label", "nadaraya-watson", "nearest-neighbours", "softmax-smoother")
Answer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def family_of(name: str) -> tuple[str, ...]:
    """Algorithms of one kind: filters of the spectrum, centred ones, online ones, local averages; else by itself."""
    return next((family for family in (FILTERS, CENTRED, ONLINE, LOCAL) if name in family), (name,))


class Member(NamedTuple):
    """A candidate with parameters and a count, as if it had been fitted."""

    trial: Trial
    fit: Fit

    def answer(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """Its answers [b m dy]."""
        return predictions(self.trial, self.fit, Environment("", "", xs, ys, queries))


@final
class Disguised(AbstractSubject):
    """`answer` on inputs whose coordinates are put in `order`, in single precision, with N(0, noise_std^2) added.

    The noise of an answer is made of the prompt's and the query's own bytes: the same question has the same answer.
    """

    name = "a learner in disguise"

    def __init__(self, answer: Answer, order: np.ndarray, noise_std: float):
        self.answer, self.order, self.noise_std = answer, order, noise_std

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        xs, ys, queries = (np.asarray(each, np.float32) for each in (xs, ys, queries))
        found = self.answer(xs[..., self.order], ys, queries[..., self.order])
        return (found + self.noise_std * noise_of(xs, ys, queries)).astype(np.float32)


def noise_of(
    xs: Float[np.ndarray, "b n dx"], ys: Float[np.ndarray, "b n dy"], queries: Float[np.ndarray, "b m dx"]
) -> Float[np.ndarray, "b m dy"]:
    """Standard normal numbers, each set of them from a generator whose seed is a checksum of its question."""

    def of(prompt: int, query: np.ndarray) -> np.ndarray:
        return np.random.default_rng(zlib.crc32(query.tobytes(), prompt)).normal(size=ys.shape[2])

    prompts = [zlib.crc32(y.tobytes(), zlib.crc32(x.tobytes())) for x, y in zip(xs, ys, strict=True)]
    return np.array([[of(prompt, query) for query in row] for prompt, row in zip(prompts, queries, strict=True)])


def disguised(answer: Answer, scene: Scene, noise: float, rng: np.random.Generator) -> Disguised:
    """With an order drawn at random and noise of a share of the answers' size in distribution.

    That is their root mean square, or, as distances are judged, the median prompt's where few prompts hold most of it.
    """
    inside = scene.inside()[-1]
    parts = [inside, *(each for each in scene.scored if each.law == IN_DISTRIBUTION)]
    squares = [np.mean(np.abs(asked(answer, each)) ** 2, axis=(1, 2))[:, None] for each in parts]
    heavy = any(is_heavy(each).item() for each in squares)
    unit = np.sqrt(np.median(np.concatenate(squares))) if heavy else size(asked(answer, inside))
    return Disguised(answer, rng.permutation(inside.xs.shape[2]), float(noise * unit))


def asked(answer: Answer, environment: Environment) -> np.ndarray:
    """The answers to all of an environment, in single precision."""
    arrays = (environment.xs, environment.ys, environment.queries)
    with np.errstate(over="ignore", invalid="ignore"):
        return answer(*(np.asarray(each, np.float32) for each in arrays))


class Plausible(NamedTuple):
    """What makes a drawn member plausible: its answers' root mean square between these shares of the labels'."""

    smallest: float
    largest: float
    num_tries: int


def draw_member(candidate: AnyCandidate, scene: Scene, plausible: Plausible, rng: np.random.Generator) -> Member | None:
    """A member of the candidate's family, drawn again until it is plausible; None where that never happens."""
    inside = scene.inside()[-1]
    trial = trial_of(candidate, scene.num_rows, len(inside.queries))
    labels = size(inside.ys)
    for _ in range(plausible.num_tries):
        member = Member(trial, _drawn(trial, scene, rng))
        found = size(asked(member.answer, inside))
        if isinstance(candidate, LinearCandidate):  # any scale of a linear member is one
            share = np.exp(rng.uniform(np.log(plausible.smallest), np.log(plausible.largest)))
            return Member(trial, _scaled(member.fit, share * labels / found))
        if plausible.smallest * labels <= found <= plausible.largest * labels:
            return member
    return None


def draw_pair(
    candidates: tuple[AnyCandidate, ...], scene: Scene, plausible: Plausible, least_apart: float,
    rng: np.random.Generator,
) -> tuple[Member, Member] | None:  # fmt: skip
    """Members of two families, each farther than `least_apart` from the mean of both, relative to the mean's size."""
    inside = scene.inside()[-1]
    for _ in range(plausible.num_tries):
        first, second = (candidates[i] for i in rng.choice(len(candidates), 2, replace=False))
        if family_of(first.name) == family_of(second.name):
            continue
        pair = [draw_member(each, scene, plausible, rng) for each in (first, second)]
        if pair[0] is None or pair[1] is None:
            continue
        answers = [asked(member.answer, inside) for member in pair if member is not None]
        if size(answers[0] - answers[1]) >= least_apart * size(answers[0] + answers[1]):
            return pair[0], pair[1]
    return None


def size(array: np.ndarray) -> float:
    """Root mean square; infinite where a number is not finite."""
    return float(np.sqrt(np.mean(np.asarray(array, float) ** 2))) if np.isfinite(array).all() else np.inf


def _drawn(trial: Trial, scene: Scene, rng: np.random.Generator) -> Fit:
    """Parameters by their logarithms between the bounds, or linear ones evenly; any of the counts."""
    candidate = trial.candidate
    if isinstance(candidate, LinearCandidate):
        root = rng.normal(size=(scene.fitted[0].xs.shape[2],) * 2)
        return Fit({"coefficients": (root @ root.T)[np.triu_indices(len(root))]}, None, np.nan)
    parameters = {}
    for each in candidate.parameters:
        low, high = each.bounds(scene.scale)
        value = rng.uniform(low, high) if each.linear else np.exp(rng.uniform(np.log(low), np.log(high)))
        parameters[each.name] = float(value)
    if candidate.exchangeable:
        parameters = dict(zip(parameters, sorted(parameters.values(), reverse=True), strict=True))
    return Fit(parameters, trial.counts[rng.integers(len(trial.counts))], np.nan)


def _scaled(fit: Fit, factor: float) -> Fit:
    return fit._replace(parameters={"coefficients": factor * fit.parameters["coefficients"]})
