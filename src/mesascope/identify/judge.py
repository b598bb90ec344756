"""From fits to a verdict: scores, separability, scope, and a mixture where no single candidate is near."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mesascope.identify.environments import IN_DISTRIBUTION
from mesascope.identify.fit import Asked, Fit
from mesascope.identify.mixture import Mixture, is_mixture, nearest_together, simplest
from mesascope.identify.score import Scores
from mesascope.identify.separate import Separation, separation
from mesascope.identify.stage import Scene
from mesascope.identify.trial import Trial
from mesascope.identify.verdict import Kind, Verdict, choose, decide, is_apart, scope_of

MOST_LAWS = 6  # under which two candidates are asked apart


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Fitted candidates, the subject's answers to both splits, and the scores made of them.

    `not_judged` are sentences about laws that the subject could not answer.
    """

    trials: Mapping[str, Trial]
    fits: Mapping[str, Fit]
    num_free: Mapping[str, int]
    scene: Scene
    fitted: Sequence[Asked]
    scored: Sequence[Asked]
    scores: Scores
    not_judged: tuple[str, ...] = ()

    @property
    def complexity(self) -> dict[str, float]:
        """The number of fitted numbers, a count of steps for half of one: it is a choice among a few."""
        return {name: num - 0.5 * (len(self.trials[name].counts) > 1) for name, num in self.num_free.items()}

    def ranked(self) -> list[str]:
        """Names of candidates, the nearest in distribution first."""
        return list(self.scores.table(IN_DISTRIBUTION))


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A verdict, the separations it was given, and the mixture that was tried, if one was."""

    verdict: Verdict
    separations: tuple[Separation, ...]
    mixture: Mixture | None


@np.errstate(over="ignore", invalid="ignore")  # of candidates that diverge, which are infinitely far
def judge(evidence: Evidence, tolerance: float, num_rivals: int) -> Judgement:
    """Candidates are asked apart first, then the subject is judged by those that can be."""
    choice, idle = choose(evidence.scores, evidence.complexity, IN_DISTRIBUTION, tolerance)
    rivals = [name for name in evidence.ranked() if name not in (choice, *idle)][:num_rivals]
    inside = evidence.scene.inside()
    separations = tuple(_apart(evidence, (choice, rival), inside) for rival in rivals)
    verdict = decide(evidence.scores, evidence.complexity, IN_DISTRIBUTION, tolerance, separations)
    verdict = verdict._replace(scope=scope_of(evidence.scores, choice, tolerance))
    if verdict.kind is Kind.TIE:
        verdict, settled = _settled(evidence, verdict, num_rivals)
        separations += settled
    if verdict.kind in (Kind.IDENTIFIED, Kind.TIE):
        outside = _outside(evidence, verdict)
        apart = dict.fromkeys(each.law for each in outside if each.least >= 2 * tolerance)
        return Judgement(verdict._replace(separating=tuple(apart)), (*separations, *outside), None)
    return _with_mixture(evidence, Judgement(verdict, separations, None))


def _settled(evidence: Evidence, verdict: Verdict, num_rivals: int) -> tuple[Verdict, tuple[Separation, ...]]:
    """A tie without the members that a law of the scope decides against: it separates them, and they are farther there.

    A rival beyond `num_rivals` stays.
    """
    choice, *rivals = verdict.members
    found, still = [], rivals[num_rivals:]
    for rival in rivals[:num_rivals]:
        asked = _until_separated(evidence, verdict, rival)
        found += asked
        separated = bool(asked) and asked[-1].least >= 2 * verdict.tolerance
        if not separated or not is_apart(evidence.scores.paired(rival, choice, asked[-1].law)):
            still.append(rival)
    if still:
        return verdict._replace(members=(choice, *still), runner_up=still[0]), tuple(found)
    near = evidence.scores.delta(choice, IN_DISTRIBUTION).high <= verdict.tolerance
    return verdict._replace(members=(choice,), kind=Kind.IDENTIFIED if near else Kind.APPROXIMATELY), tuple(found)


def _outside(evidence: Evidence, verdict: Verdict) -> tuple[Separation, ...]:
    """The choice against its nearest rival away from the distribution of the fit.

    Of a tie under several laws, to find the one that separates best; otherwise under laws of the scope until one does,
    which is all that is asked.
    """
    if verdict.kind is Kind.TIE:
        pair = verdict.members[0], verdict.members[1]
        return tuple(_under(evidence, pair, law) for law in _by_promise(evidence.scores, evidence.scores.laws, pair[1]))
    return () if verdict.runner_up is None else _until_separated(evidence, verdict, verdict.runner_up)


def _until_separated(evidence: Evidence, verdict: Verdict, rival: str) -> tuple[Separation, ...]:
    """Under one law of the scope after the other, until one separates the choice from a rival."""
    found = []
    for law in _by_promise(evidence.scores, verdict.scope, rival):
        found.append(_under(evidence, (verdict.members[0], rival), law))
        if found[-1].least >= 2 * verdict.tolerance:
            break
    return tuple(found)


def _under(evidence: Evidence, pair: tuple[str, str], law: str) -> Separation:
    """Whether a rival can do what the choice does, with one set of parameters for a law and the fit's distribution."""
    size = len(evidence.scene.fitted[0].queries)
    parts = [each.part(slice(0, size)) for each in evidence.scene.scored if each.law == law]
    return _apart(evidence, pair, [*parts, *evidence.scene.inside()], one_way=True)


def _by_promise(scores: Scores, laws: Sequence[str], rival: str) -> list[str]:
    """A few laws away from the distribution of the fit: those where a rival is far and does not diverge."""
    kept = {law: scores.delta(rival, law).mean for law in laws if law != IN_DISTRIBUTION}
    return sorted(kept, key=lambda law: -kept[law] if kept[law] <= 2 else 0)[:MOST_LAWS]


def _apart(evidence: Evidence, pair: tuple[str, str], environments: list, one_way: bool = False) -> Separation:
    return separation(evidence.trials, evidence.fits, pair, environments, evidence.scene.scale, one_way)


def _with_mixture(evidence: Evidence, found: Judgement) -> Judgement:
    fresh = [each for each in evidence.scored if each.environment.law == IN_DISTRIBUTION]
    names = nearest_together(evidence.trials, evidence.fits, evidence.ranked(), evidence.fitted)
    if len(names) < 2:
        return found
    least = min(evidence.scores.delta(name, IN_DISTRIBUTION).mean for name in names)
    mixed = simplest(evidence.trials, evidence.fits, names, evidence.fitted, fresh, least)
    kind = Kind.MIXTURE if is_mixture(mixed, least) else found.verdict.kind
    return Judgement(found.verdict._replace(kind=kind), found.separations, mixed)
