"""Whether a subject can be asked, how exactly it answers, and how much of it there is time for."""

import math
import time
from typing import Any, NamedTuple

from mesascope.identify.asking import AnySubject, ask
from mesascope.identify.environments import IN_DISTRIBUTION, Environment
from mesascope.identify.stage import FEWEST, Budget, Scene
from mesascope.interop.asking import checked_subject
from mesascope.interop.stored import StoredPredictions
from mesascope.probes.averaged import NUM_CALLS, Averaged, AveragedSequence
from mesascope.probes.floor import Floor, subject_floor
from mesascope.probes.questions import Questions
from mesascope.subject import AbstractSequenceSubject

NUM_ASKED = 50  # prompts, for the floor
NUM_TIMED = 4
SOON = 0.5  # seconds for so few prompts, beyond which no more are timed
UNASKED = Floor(0.0, 0.0, 0.0, "", True)  # of stored predictions, which cannot be asked twice


class Sanity(NamedTuple):
    """The subject with checks, averaged where it is stochastic; its floor; the share of noise left; what to say."""

    subject: AnySubject
    floor: Floor
    noise: float
    notes: tuple[str, ...]


def sane(subject: AnySubject, scene: Scene, budget: Budget) -> tuple[Scene, Sanity]:
    """The subject as it is asked from now on, and as much of the scene as its speed leaves time for."""
    asked: Any = checked_subject(subject)
    first = scene.inside()[-1]
    seconds = _seconds_a_prompt(asked, first)
    kept, notes = _affordable(scene, seconds, budget.seconds)
    if isinstance(subject, StoredPredictions):
        return kept, Sanity(asked, UNASKED, 0.0, ("Only what was stored is judged: nothing new can be asked.",))
    floor = subject_floor(asked, question_of(asked, first.part(slice(0, min(NUM_ASKED, _afforded(seconds, budget))))))
    noise = 0.0
    if floor.stochastic:
        asked = AveragedSequence(asked) if isinstance(asked, AbstractSequenceSubject) else Averaged(asked)
        noise = floor.noise_share(NUM_CALLS)
        notes.append(
            f"The model answers the same prompt in two ways, {floor.repeat:.2g} of an answer apart: each answer is the "
            f"mean of {NUM_CALLS}."
        )
    elif floor.depends_on_batch:
        notes.append(f"The rest of a batch changes an answer, by {floor.batch:.2g} of it.")
    return kept, Sanity(asked, floor, noise, tuple(notes))


def question_of(subject: Any, environment: Environment) -> Any:
    """What a probe asks: prompts with queries, or whole sequences."""
    if environment.states is not None and isinstance(subject, AbstractSequenceSubject):
        return environment.states
    return Questions(environment.xs, environment.ys, environment.queries)


def _seconds_a_prompt(subject: AnySubject, environment: Environment) -> float:
    """Of the second call, since the first one may compile; in a larger batch, where that is soon done."""
    seconds = math.inf
    for num in (NUM_TIMED, NUM_ASKED):
        part = environment.part(slice(0, num))
        ask(subject, [part])
        started = time.perf_counter()
        ask(subject, [part])
        whole = time.perf_counter() - started
        seconds = min(seconds, whole / len(part.queries))
        if whole > SOON:
            break
    return seconds


def _afforded(seconds: float, budget: Budget) -> int:
    return max(2, int(0.1 * budget.seconds / max(seconds, 1e-9) / 13))


def _affordable(scene: Scene, seconds: float, budget: float) -> tuple[Scene, list[str]]:
    """All of it where there is time; else fewer prompts in distribution, and none away from it."""
    whole = sum(len(each.queries) for each in [*scene.fitted, *scene.scored])
    if whole * seconds <= budget:
        return scene, []
    share = 0.8 * budget / seconds / max(len(scene.fitted) + len(scene.inside()), 1)
    num = int(max(FEWEST, share))
    fitted = [each.part(slice(0, num)) for each in scene.fitted]
    inside = [each.part(slice(0, num)) for each in scene.scored if each.law == IN_DISTRIBUTION]
    told = f"The model takes {seconds:.2g} s a prompt: {min(num, len(fitted[0].queries))} prompts were asked to fit on"
    return Scene(fitted, inside, [], scene.scale), [f"{told} and as many to score, none out of distribution."]
