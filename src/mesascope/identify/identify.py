"""Which algorithm a subject runs: the eight steps, one after the other."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from mesascope.candidate import AnyCandidate, Candidate, Scale
from mesascope.configuration import describe
from mesascope.identify.asking import AnySubject, Say, ask
from mesascope.identify.candidates import chosen
from mesascope.identify.environments import (
    IN_DISTRIBUTION,
    Environment,
    after_states,
    by_law,
    draw,
    draw_sequences,
    environments_of,
    lengths_of,
    positions_of,
    scale_of,
)
from mesascope.identify.fit import Fit, fit, intervals
from mesascope.identify.mixture import Mixture, is_mixture, mixture
from mesascope.identify.result import Identification, LawRow, Row, plain
from mesascope.identify.score import Scores, score
from mesascope.identify.separate import Separation, separation
from mesascope.identify.shifts import fitting, shifted, shifted_sequences
from mesascope.identify.trial import Trial
from mesascope.identify.verdict import Kind, Verdict, choose, decide, scope_of, tolerance_for
from mesascope.subject import AbstractSequenceSubject
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.tasks.random_length import RandomLengthProcess
from mesascope.validation import check_class, check_key, check_known


class Budget(NamedTuple):
    """Prompts an environment, to fit and to score; queries a prompt; rivals that separability is asked of."""

    num_fit: int
    num_score: int
    num_queries: int
    num_rivals: int


BUDGETS = {"quick": Budget(200, 300, 1, 3), "thorough": Budget(400, 1000, 2, 6)}


class Scene(NamedTuple):
    """What the subject is asked: prompts to fit on, and fresh ones to score on, in and out of distribution."""

    fitted: list[Environment]
    scored: list[Environment]
    scale: Scale


def identify(
    subject: AnySubject,
    task: AbstractTask | AbstractProcess,
    candidates: Iterable[AnyCandidate | str] | None = None,
    *,
    key: Key[Array, ""],
    budget: Literal["quick", "thorough"] = "quick",
    lengths: Sequence[int] | None = None,
    say: Say = lambda text: None,
) -> Identification:
    """Which of `candidates` the subject runs on prompts of `task`, how closely, where, and how sure that is."""
    check_class("task", task, (AbstractTask, AbstractProcess), "Make one: `LinearRegression(10, 10)`.")
    check_key("key", key)
    check_known("budget", budget, BUDGETS)
    family = "prompts" if isinstance(task, AbstractTask) else "sequences"
    tried = chosen(candidates, family)
    size = BUDGETS[budget]
    scene = stage(task, key, size, lengths, isinstance(subject, AbstractSequenceSubject))
    say("asking")
    fitted, scored = ask(subject, scene.fitted, say), ask(subject, scene.scored, say)
    rows = max(each.num_examples for each in [*scene.fitted, *scene.scored])
    trials = {each.name: Trial(each, rows, size.num_fit) for each in tried}
    fits = {}
    for name, trial in trials.items():
        say(f"fitting {name}")
        fits[name] = fit(trial, fitted, scene.scale)
    say("scoring")
    scores = score(trials, fits, scored)
    free = {name: _num_free(trials[name].candidate, fits[name]) for name in trials}
    verdict, separations, mixed = judge(trials, fits, scores, free, scene, fitted, scored, size, floor=0.0)
    choice = verdict.members[0]
    say("intervals")
    profile = intervals(trials[choice], fitted, scene.scale, fits[choice])
    return Identification(
        subject.name,
        describe(task),
        budget,
        verdict,
        tuple(
            Row(
                name,
                trials[name].candidate.says,
                plain(fits[name].parameters),
                fits[name].num_steps,
                free[name],
                delta,
                scores.paired(name, choice, IN_DISTRIBUTION).difference,
                fits[name].at_bound,
                profile if name == choice else {},
            )
            for name, delta in scores.table(IN_DISTRIBUTION).items()
        ),
        tuple(_law_row(scores, law, verdict, separations) for law in scores.laws),
        0.0,
        {law: sum(len(each.queries) for each in parts) for law, parts in by_law(scene.scored)},
        mixed,
    )


def stage(
    task: AbstractTask | AbstractProcess,
    key: Key[Array, ""],
    size: Budget,
    lengths: Sequence[int] | None,
    whole_sequences: bool,
) -> Scene:
    """Prompts of the task, and away from it."""
    del whole_sequences
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    num = size.num_fit + size.num_score
    first, fresh = slice(0, size.num_fit), slice(size.num_fit, num)
    if isinstance(task, AbstractProcess):
        states = draw_sequences(task, key, num)
        shortest = task.shortest if isinstance(task, RandomLengthProcess) else 2
        positions = fitting(positions_of(states.shape[1], shortest), states.shape[1])
        inside = after_states(states, positions)
        outside = shifted_sequences(states, positions, rng)
    else:
        wanted = tuple(sorted(lengths)) if lengths else lengths_of(task)
        material = draw(task, key, num, size.num_queries, max(4 * task.dim_x, *wanted))
        inside = environments_of(material, wanted)
        outside = shifted(material, wanted, rng)
    fitted, scored = [each.part(first) for each in inside], [each.part(fresh) for each in [*inside, *outside]]
    return Scene(fitted, scored, scale_of(fitted))


def judge(
    trials, fits, scores, free, scene, fitted, scored, size, floor
) -> tuple[Verdict, list[Separation], Mixture | None]:
    """The verdict, the separations it was given, and the mixture where one was tried."""
    tolerance = tolerance_for(floor)
    choice, idle = choose(scores, free, IN_DISTRIBUTION)
    rivals = [name for name in scores.table(IN_DISTRIBUTION) if name not in (choice, *idle)][: size.num_rivals]
    inside = [each for each in scene.fitted if each.law == IN_DISTRIBUTION]
    separations = [separation(trials, fits, (choice, rival), inside, scene.scale) for rival in rivals]
    verdict = decide(scores, free, IN_DISTRIBUTION, tolerance, separations)
    verdict = verdict._replace(scope=scope_of(scores, choice, tolerance))
    if verdict.kind is Kind.TIE or (verdict.kind is Kind.IDENTIFIED and verdict.runner_up):
        rival = verdict.members[1] if verdict.kind is Kind.TIE else verdict.runner_up
        laws = scores.laws if verdict.kind is Kind.TIE else verdict.scope
        for _, parts in by_law([each for each in scene.scored if each.law in laws]):
            small = [each.part(slice(0, size.num_fit)) for each in parts]
            separations.append(separation(trials, fits, (choice, rival), small, scene.scale))
        apart = tuple(each.law for each in separations[len(rivals) :] if each.least >= 2 * tolerance)
        verdict = verdict._replace(separating=apart)
    mixed = None
    if verdict.kind in (Kind.NONE, Kind.APPROXIMATELY, Kind.INCONCLUSIVE) and len(trials) > 2:
        names = list(scores.table(IN_DISTRIBUTION))[:3]
        fresh = [each for each in scored if each.environment.law == IN_DISTRIBUTION]
        mixed = mixture(trials, fits, names, fitted, fresh)
        if is_mixture(mixed, scores.delta(choice, IN_DISTRIBUTION).mean):
            verdict = verdict._replace(kind=Kind.MIXTURE)
    return verdict, separations, mixed


def _law_row(scores: Scores, law: str, verdict: Verdict, separations: Sequence[Separation]) -> LawRow:
    choice, rival = verdict.members[0], verdict.runner_up
    apart = [each.least for each in separations if each.law == law and each.second == rival]
    return LawRow(
        law,
        scores.delta(choice, law),
        None if rival is None else scores.delta(rival, law),
        scores.top_share(choice, law),
        scores.by_median[law],
        apart[-1] if apart else float("nan"),
    )


def _num_free(candidate: AnyCandidate, found: Fit) -> int:
    return candidate.num_free if isinstance(candidate, Candidate) else len(found.parameters["coefficients"])
