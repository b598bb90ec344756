"""Whether prompts can tell two candidates apart, before a subject is judged by them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mesascope.candidate import Scale
from mesascope.identify.environments import Environment
from mesascope.identify.fit import Asked, Fit, fit
from mesascope.identify.score import predictions
from mesascope.identify.trial import Trial

TOP = 0.05  # the share of prompts that are kept as controversial


class Separation(NamedTuple):
    """How far the first candidate, as fitted, is from the best-fitting second one, and the other way round.

    `backward` is nan where only that was asked whether the second one can do what the first one does.
    """

    first: str
    second: str
    law: str
    forward: float
    backward: float

    @property
    def least(self) -> float:
        """The smaller one: below twice the tolerance the two are one class under this law."""
        return float(np.nanmin([self.forward, self.backward]))


def separation(
    trials: Mapping[str, Trial], fits: Mapping[str, Fit], pair: tuple[str, str], environments: Sequence[Environment],
    scale: Scale, one_way: bool = False,
) -> Separation:  # fmt: skip
    """T(a, b; e) = least over b's parameters of delta(g_a, g_b), and T(b, a; e), on these environments together.

    The first one's law is what they are told by; others may stand beside it that the parameters must serve, too.
    `one_way` asks for T(a, b; e) alone: where b's family holds a near relation of a, or a's of b, T(b, a; e) is small
    though b cannot do what a does.
    """
    found = []
    for known, rival in (pair,) if one_way else (pair, pair[::-1]):
        answers = [Asked(each, predictions(trials[known], fits[known], each)) for each in environments]
        finite = all(np.isfinite(each.answers).all() and each.answers.any() for each in answers)
        found.append(fit(trials[rival], answers, scale).delta if finite else np.inf)
    return Separation(*pair, environments[0].law, *found, *[np.nan] * one_way)


def most_controversial(first: np.ndarray, second: np.ndarray, share: float = TOP) -> np.ndarray:
    """Indices of the prompts on which two candidates' answers [b m dy] differ most."""
    gaps = np.sum(np.abs(first - second) ** 2, axis=(1, 2))
    return np.argsort(-gaps)[: max(1, round(share * len(gaps)))]
