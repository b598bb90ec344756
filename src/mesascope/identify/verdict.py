"""What is said of a subject: the rule that turns distances and separations into one of six verdicts."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from mesascope.identify.score import Paired, Scores
from mesascope.identify.separate import Separation
from mesascope.stats import Estimate

TOLERANCE = 0.05  # tau: distance up to which a candidate is the subject's algorithm
APPROXIMATE = 0.15
RATIO, DIFFERENCE = 1.5, 0.02  # that a rival's distance must exceed the best one's by
NEARLY = 1.2  # times the distance in distribution: as near
GAIN = 0.01  # that another parameter must earn


class Kind(StrEnum):
    """The verdicts there are."""

    IDENTIFIED = "identified"
    APPROXIMATELY = "approximately"
    TIE = "tie"
    MIXTURE = "mixture"
    NONE = "none"
    INCONCLUSIVE = "inconclusive"


class Verdict(NamedTuple):
    """`members` are the candidates it names, the first one the choice; `no_gain` fit as well with more parameters.

    `scope` are the laws under which the choice holds with its parameters as they are; `separating` those away from the
    distribution of the fit that were found to tell it from the runner-up, without which the verdict is about one
    distribution only. `more_prompts` says how many
    times as many prompts would decide what is inconclusive.
    """

    kind: Kind
    members: tuple[str, ...]
    tolerance: float
    no_gain: tuple[str, ...] = ()
    runner_up: str | None = None
    scope: tuple[str, ...] = ()
    separating: tuple[str, ...] = ()
    more_prompts: float = math.nan


def tolerance_for(floor: float) -> float:
    """tau: .05, and at least twice what the subject's own answers differ by."""
    return max(TOLERANCE, 2 * floor)


def choose(
    scores: Scores, complexity: Mapping[str, float], law: str, tolerance: float = TOLERANCE
) -> tuple[str, tuple[str, ...]]:
    """The nearest candidate, or one with fewer free numbers that is as near to within .01; and those it makes idle.

    A free number has a gain, too, if the candidate holds for sure under another law, where one without it breaks.
    """
    best = next(iter(scores.table(law)))
    near = list(dict.fromkeys([best, *(name for name in scores.names if _no_gain(scores.paired(name, best, law)))]))
    lasting = [name for name in near if not any(_outlasts(scores, other, name, tolerance) for other in near)]
    chosen = min(lasting or near, key=lambda name: (complexity[name], scores.delta(name, law).mean))
    return chosen, tuple(name for name in near if complexity[name] > complexity[chosen])


def decide(
    scores: Scores, complexity: Mapping[str, float], law: str, tolerance: float, separations: Sequence[Separation]
) -> Verdict:
    """The verdict on distances under the law that was fitted; `separations` hold the choice's under that law."""
    chosen, idle = choose(scores, complexity, law, tolerance)
    distance = scores.delta(chosen, law)
    rivals = [name for name in scores.table(law) if name not in (chosen, *idle)]
    apart = {name: is_apart(scores.paired(name, chosen, law)) for name in rivals}
    idle += tuple(name for name in rivals if not apart[name] and _more_for_less(scores, complexity, name, chosen, law))
    rivals = [name for name in rivals if name not in idle]
    one_class = {each.second for each in separations if each.law == law and each.least < 2 * tolerance}
    open_rivals = tuple(name for name in rivals if not apart[name] and (name in one_class or _near(scores, name, law)))
    smaller = {name: [other for other in open_rivals if complexity[other] < complexity[name]] for name in open_rivals}
    idle += tuple(name for name in open_rivals if _needless(scores, name, smaller[name], law, tolerance))
    open_rivals = tuple(name for name in open_rivals if name not in idle)
    runner_up = next((name for name in rivals if name not in idle), None)
    about = {"tolerance": tolerance, "no_gain": idle, "runner_up": runner_up}
    if distance.low > APPROXIMATE:
        return Verdict(Kind.NONE, (chosen,), **about)
    if distance.high > APPROXIMATE:
        return Verdict(Kind.INCONCLUSIVE, (chosen,), more_prompts=_more(distance, APPROXIMATE), **about)
    if open_rivals:
        return Verdict(Kind.TIE, (chosen, *open_rivals), **about)
    if not all(apart[name] for name in rivals if name not in idle):
        return Verdict(Kind.INCONCLUSIVE, (chosen,), **about)
    if distance.high <= tolerance:
        return Verdict(Kind.IDENTIFIED, (chosen,), **about)
    return Verdict(Kind.APPROXIMATELY, (chosen,), **about)


def is_apart(paired: Paired) -> bool:
    """Whether a rival is farther by half of the choice's distance and by .02, for sure."""
    return paired.ratio.low >= RATIO and paired.difference.low >= DIFFERENCE


def scope_of(scores: Scores, chosen: str, tolerance: float) -> tuple[str, ...]:
    """The laws under which the choice is within twice the tolerance, or as near as in distribution, for sure."""
    limit = max(2 * tolerance, NEARLY * scores.delta(chosen, scores.laws[0]).high)
    return tuple(law for law in scores.laws if scores.delta(chosen, law).high <= limit)


def _near(scores: Scores, name: str, law: str) -> bool:
    return scores.delta(name, law).low <= APPROXIMATE


def _outlasts(scores: Scores, name: str, other: str, tolerance: float) -> bool:
    """Whether a candidate holds where another one breaks, and never the other way round."""
    return _holds_alone(scores, name, other, tolerance) and not _holds_alone(scores, other, name, tolerance)


def _holds_alone(scores: Scores, name: str, other: str, tolerance: float) -> bool:
    return any(scores.delta(name, law).high <= 2 * tolerance < scores.delta(other, law).low for law in scores.laws)


def _more_for_less(scores: Scores, complexity: Mapping[str, float], name: str, chosen: str, law: str) -> bool:
    """Whether a rival has more free numbers, and is farther for sure: no reason to prefer it."""
    return complexity[name] > complexity[chosen] and scores.paired(name, chosen, law).difference.low >= 0


def _needless(scores: Scores, name: str, smaller: Sequence[str], law: str, tolerance: float) -> bool:
    """Whether one with fewer free numbers is as near to within .01, and breaks nowhere that this one holds alone."""
    return any(
        _no_gain(scores.paired(other, name, law)) and not _outlasts(scores, name, other, tolerance) for other in smaller
    )


def _no_gain(paired: Paired) -> bool:
    return paired.difference.high <= GAIN


def _more(distance: Estimate, bound: float) -> float:
    """How many times as many prompts make an interval end where the estimate is on one side of a bound."""
    gap, width = abs(distance.mean - bound), distance.high - distance.mean
    return math.inf if gap == 0 or not math.isfinite(width) else max((width / gap) ** 2, 2.0)
