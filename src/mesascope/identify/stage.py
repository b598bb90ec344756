"""How much a subject is asked, and what: the prompts of all steps, drawn before the first question."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from mesascope.candidate import Scale
from mesascope.identify.environments import (
    IN_DISTRIBUTION,
    Environment,
    after_states,
    draw,
    draw_sequences,
    environments_of,
    lengths_of,
    positions_of,
    scale_of,
)
from mesascope.identify.shifts import fitting, shifted, shifted_sequences
from mesascope.interop.stored import StoredPredictions
from mesascope.subject import AbstractSequenceSubject, AbstractSubject
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.tasks.random_length import RandomLengthProcess


class Budget(NamedTuple):
    """Prompts an environment, to fit and to score; queries a prompt; rivals asked apart; seconds for the subject."""

    num_fit: int
    num_score: int
    num_queries: int
    num_rivals: int
    seconds: float


BUDGETS = {"quick": Budget(200, 300, 2, 3, 30.0), "thorough": Budget(500, 1000, 2, 6, 900.0)}
FEWEST = 20  # prompts a split, below which nothing is asked


class Scene(NamedTuple):
    """Prompts to fit on, fresh ones to score on in and out of distribution, and a third split, of the choice alone."""

    fitted: list[Environment]
    scored: list[Environment]
    third: list[Environment]
    scale: Scale

    @property
    def num_rows(self) -> int:
        """The most examples that a prompt has."""
        return max(each.num_examples for each in [*self.fitted, *self.scored])

    def inside(self) -> list[Environment]:
        """The environments in distribution of the fit."""
        return [each for each in self.fitted if each.law == IN_DISTRIBUTION]


def stage(
    subject: AbstractSubject | AbstractSequenceSubject,
    task: AbstractTask | AbstractProcess,
    key: Key[Array, ""],
    budget: Budget,
    lengths: Sequence[int] | None,
) -> Scene:
    """Prompts of the task, and away from it; of the lengths that the subject takes."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    ends = np.cumsum([0, budget.num_fit, budget.num_score, budget.num_score])
    fit, score, third = (slice(*each) for each in itertools.pairwise(ends))
    if isinstance(subject, StoredPredictions):
        return _stored(subject)
    if isinstance(task, AbstractProcess):
        inside, outside = _of_sequences(subject, task, key, int(ends[-1]), rng)
    else:
        inside, outside = _of_prompts(subject, task, key, int(ends[-1]), budget.num_queries, lengths, rng)
    fitted = [each.part(fit) for each in inside]
    scored = [each.part(score) for each in [*inside, *outside]]
    return Scene(fitted, scored, [each.part(third) for each in inside], scale_of(fitted))


def _stored(subject: StoredPredictions) -> Scene:
    """What is in a file: half of it to fit on, the other half to score."""
    whole = Environment(IN_DISTRIBUTION, IN_DISTRIBUTION, subject.xs, subject.ys, subject.queries)
    half = len(subject.xs) // 2
    if half < FEWEST:
        raise ValueError(f"`model` must hold the predictions for {2 * FEWEST} prompts or more; got {len(subject.xs)}.")
    fitted, scored = ([whole.part(which)] for which in (slice(0, half), slice(half, None)))
    return Scene(fitted, scored, [], scale_of(fitted))


def _of_sequences(subject, task, key, num, rng) -> tuple[list[Environment], list[Environment]]:
    states = draw_sequences(task, key, num)
    shortest = task.shortest if isinstance(task, RandomLengthProcess) else 2
    positions = fitting(positions_of(states.shape[1], shortest), states.shape[1])
    fixed = getattr(subject, "num_states", None)
    outside = shifted_sequences(states, positions, rng)
    if fixed is not None:
        outside = [each for each in outside if each.states is not None and each.states.shape[1] == fixed]
    return after_states(states, positions), outside


def _of_prompts(subject, task, key, num, num_queries, lengths, rng) -> tuple[list[Environment], list[Environment]]:
    fixed = getattr(subject, "num_examples", None)
    wanted = (fixed,) if fixed is not None else tuple(sorted(lengths)) if lengths else lengths_of(task)
    most = getattr(subject, "max_examples", None)
    room = max(wanted) if fixed is not None else max(4 * task.dim_x, *wanted)
    room = room if most is None else min(room, most)
    material = draw(task, key, num, num_queries, room)
    if max(wanted) > material.inputs.shape[1]:
        raise ValueError(f"`lengths` must be at most {material.inputs.shape[1]}, all this task has; got {max(wanted)}.")
    return environments_of(material, wanted), shifted(material, wanted, rng)
