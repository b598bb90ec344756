"""Whether it is training that made a model what it is: a copy with weights drawn anew, under the same questions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mesascope.candidate import Scale
from mesascope.identify.asking import AnySubject, ask
from mesascope.identify.environments import IN_DISTRIBUTION
from mesascope.identify.fit import Asked, fit
from mesascope.identify.score import Errors, Scores
from mesascope.identify.trial import Trial
from mesascope.probes.distance import prompt_sums
from mesascope.stats import Estimate
from mesascope.subject import SubjectError

SEED = 0


class Untrained(NamedTuple):
    """An untrained copy: its distance from the model, and the choice's distance from the copy, fitted to it."""

    delta: Estimate
    choice: float


def untrained(
    subject: AnySubject, trial: Trial, fitted: Sequence[Asked], scored: Sequence[Asked], scale: Scale
) -> Untrained | None:
    """None where nobody knows how to draw a model's weights, or such a copy has no answer.

    Trained and untrained models look alike under popular measures of similarity (Deutch et al. 2023); what an untrained
    copy does, too, is of the architecture.
    """
    copy = subject.untrained(SEED)
    if copy is None:
        return None
    inside = [each for each in scored if each.environment.law == IN_DISTRIBUTION]
    try:
        own, fresh = (ask(copy, [each.environment for each in part]) for part in (fitted, inside))
    except SubjectError:
        return None
    if not all(each.answers.any() for each in own):
        return None
    errors = []
    for each, other in zip(inside, fresh, strict=True):
        sums = prompt_sums(each.answers, other.answers)
        errors.append(Errors(each.environment.name, IN_DISTRIBUTION, sums.differences.T, sums.sizes[:, 0]))
    with np.errstate(over="ignore", invalid="ignore"):
        choice = fit(trial, own, scale).delta
    return Untrained(Scores(["untrained"], errors).delta("untrained", IN_DISTRIBUTION), choice)
