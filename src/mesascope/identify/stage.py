"""How much a subject is asked, and what: the prompts of all steps, drawn before the first question."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from mesascope.candidate import Scale
from mesascope.identify.asking import AnySubject
from mesascope.identify.environments import (
    IN_DISTRIBUTION,
    Environment,
    Material,
    after_states,
    draw,
    draw_sequences,
    environments_of,
    lengths_of,
    positions_of,
    scale_of,
)
from mesascope.identify.shifts import fitting, shifted, shifted_sequences
from mesascope.identify.sizes import check_sizes
from mesascope.interop.stored import StoredPredictions
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.tasks.random_length import RandomLengthProcess
from mesascope.validation import check_count, check_known


class Budget(NamedTuple):
    """Prompts an environment, to fit and to score; queries a prompt; rivals asked apart; seconds for the subject.

    `num_positions` is how many states of a sequence are asked about.
    """

    num_fit: int
    num_score: int
    num_queries: int
    num_rivals: int
    seconds: float
    num_positions: int = 4

    @property
    def num_prompts(self) -> int:
        """Of all three splits together."""
        return self.num_fit + 2 * self.num_score


BUDGETS = {"quick": Budget(200, 300, 2, 3, 30.0), "thorough": Budget(500, 1000, 2, 6, 900.0, 8)}
FEWEST = 20  # prompts a split, below which nothing is asked


def budget_of(budget: str | Budget) -> Budget:
    """A budget by its name, or one made by hand."""
    if isinstance(budget, Budget):
        return budget
    check_known("budget", budget, BUDGETS)
    return BUDGETS[budget]


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
    subject: AnySubject,
    task: AbstractTask | AbstractProcess,
    key: Key[Array, ""],
    budget: Budget,
    lengths: Sequence[int] | None,
) -> Scene:
    """Prompts of the task, and away from it; of the lengths that the subject takes. ValueError for another's sizes."""
    check_sizes(subject, task)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    ends = np.cumsum([0, budget.num_fit, budget.num_score, budget.num_score])
    fit, score, third = (slice(*each) for each in itertools.pairwise(ends))
    if isinstance(subject, StoredPredictions):
        return _stored(subject)
    if isinstance(task, AbstractProcess):
        if lengths:
            raise ValueError("`lengths` are of prompts; this task gives sequences. Leave them out.")
        inside, outside = _of_sequences(task, key, budget, rng)
    else:
        wanted = _lengths(subject, task, lengths)
        material = _material(subject, task, key, budget, wanted)
        inside, outside = environments_of(material, wanted), shifted(material, wanted, rng)
    fitted = [each.part(fit) for each in inside]
    scored = [each.part(score) for each in [*inside, *(each for each in outside if _takes(subject, each))]]
    return Scene(fitted, scored, [each.part(third) for each in inside], scale_of(fitted))


def _stored(subject: StoredPredictions) -> Scene:
    """What is in a file: half of it to fit on, the other half to score."""
    whole = Environment(IN_DISTRIBUTION, IN_DISTRIBUTION, subject.xs, subject.ys, subject.queries)
    half = len(subject.xs) // 2
    if half < FEWEST:
        raise ValueError(f"`model` must hold the predictions for {2 * FEWEST} prompts or more; got {len(subject.xs)}.")
    fitted, scored = ([whole.part(which)] for which in (slice(0, half), slice(half, None)))
    return Scene(fitted, scored, [], scale_of(fitted))


def _of_sequences(
    task: AbstractProcess, key: Key[Array, ""], budget: Budget, rng: np.random.Generator
) -> tuple[list[Environment], list[Environment]]:
    states = draw_sequences(task, key, budget.num_prompts)
    shortest = task.shortest if isinstance(task, RandomLengthProcess) else 2
    positions = fitting(positions_of(states.shape[1], budget.num_positions, shortest), states.shape[1])
    return after_states(states, positions), shifted_sequences(states, positions, rng)


def _takes(subject: AnySubject, environment: Environment) -> bool:
    """Whether sequences or prompts have the one length of a subject that has one."""
    if environment.states is not None:
        return getattr(subject, "num_states", None) in (None, environment.states.shape[1])
    return getattr(subject, "num_examples", None) in (None, environment.num_examples)


def _lengths(subject: AnySubject, task: AbstractTask, lengths: Sequence[int] | None) -> tuple[int, ...]:
    """The numbers of examples in distribution: those that were told, the subject's own one, or the task's."""
    fixed = getattr(subject, "num_examples", None)
    for length in lengths or ():
        check_count("lengths", length)
        if fixed not in (None, length):
            raise ValueError(f"`lengths` must be {fixed}, all that `{subject.name}` takes; got {length}.")
    if lengths:
        return tuple(sorted(lengths))
    return lengths_of(task) if fixed is None else (fixed,)


def _material(
    subject: AnySubject, task: AbstractTask, key: Key[Array, ""], budget: Budget, lengths: tuple[int, ...]
) -> Material:
    """Prompts as long as the longest that are asked, in distribution or away from it."""
    fixed, most = getattr(subject, "num_examples", None), getattr(subject, "max_examples", None)
    room = max(lengths) if fixed is not None else max(4 * task.dim_x, *lengths)
    room = room if most is None else min(room, most)
    found = draw(task, key, budget.num_prompts, budget.num_queries, room)
    if max(lengths) > found.inputs.shape[1]:
        raise ValueError(f"`lengths` must be at most {found.inputs.shape[1]}, all this task has; got {max(lengths)}.")
    return found
