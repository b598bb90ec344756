"""Which algorithm a model runs: the eight steps, one after the other."""

import contextlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array, Key

from mesascope.candidate import AnyCandidate, Candidate
from mesascope.configuration import describe
from mesascope.identify.asking import Say, ask, ask_away
from mesascope.identify.candidates import chosen
from mesascope.identify.convention import of_other_convention
from mesascope.identify.environments import IN_DISTRIBUTION, by_law
from mesascope.identify.fit import Fit, fit
from mesascope.identify.judge import Evidence, Judgement, judge
from mesascope.identify.kept import Kept
from mesascope.identify.layers import Layers, layers
from mesascope.identify.profile import profile
from mesascope.identify.result import Identification, LawRow, Row, plain
from mesascope.identify.sanity import Sanity, sane
from mesascope.identify.score import Scores, predictions, score
from mesascope.identify.stage import Budget, Scene, budget_of, stage
from mesascope.identify.symmetries import of_response, symmetries
from mesascope.identify.trial import RefusedPrompts, trial_of
from mesascope.identify.untrained import Untrained, untrained
from mesascope.identify.verdict import tolerance_for
from mesascope.interop.opening import as_subject
from mesascope.probes.questions import Questions
from mesascope.probes.spectral_response import SpectralResponse, filter_of
from mesascope.tasks._base import AbstractTask
from mesascope.tasks._process import AbstractProcess
from mesascope.validation import check_class, check_key
from mesascope.version import __version__

MANY = 12  # candidates, beyond which the choice is scored once more on prompts that did not choose it


def identify(
    model: Any,
    task: AbstractTask | AbstractProcess,
    candidates: Iterable[AnyCandidate | str] | None = None,
    *,
    key: Key[Array, ""],
    budget: Literal["quick", "thorough"] | Budget = "quick",
    lengths: Sequence[int] | None = None,
    say: Say = lambda text: None,
    keep: str | Path | None = None,
) -> Identification:
    """Which of `candidates` a model runs on prompts of `task`, how closely, where, and how sure that is.

    `model` is whatever `as_subject` takes. Candidates, all there are if none are named, are fitted to the model's own
    answers on one part of the prompts and judged on others, in distribution and, with the parameters kept, away from
    it. `lengths` are the numbers of examples in distribution, those of the task if not given. A `Budget` in place of a
    budget's name says how much is asked. The same key gives the same result; `say` is told what is being done. In
    the folder `keep` answers and fits are kept until the result is there: the same call goes on where it was stopped.

    SubjectError, with the prompt, for a model that raises or answers with what is no answer, and for one that reads
    what it has to predict; ValueError for a task, a candidate or a length that cannot be.
    """
    check_class("task", task, (AbstractTask, AbstractProcess), "Make one: `LinearRegression(10, 10)`.")
    check_key("key", key)
    size = budget_of(budget)
    tried = chosen(candidates, task)
    subject = as_subject(model)
    say(f"checking {subject.name}")
    scene, checked = sane(subject, stage(subject, task, key, size, lengths), size)
    found = symmetries(checked, scene)
    kept = Kept(None if keep is None else Path(keep))
    evidence = gather(checked, scene, tried, say, kept)
    tolerance = tolerance_for(checked.floor.value)
    say("telling candidates apart")
    judgement = judge(evidence, tolerance, size.num_rivals)
    result = Identification(
        subject=checked.subject.name,
        task=describe(task),
        budget=budget if isinstance(budget, str) else "custom",
        verdict=judgement.verdict,
        rows=_rows(evidence, judgement),
        laws=tuple(_law_row(evidence.scores, law, judgement) for law in evidence.scores.laws),
        floor=checked.floor.value,
        num_prompts={law: len(parts[0].queries) for law, parts in by_law(scene.scored)},
        mixture=judgement.mixture,
        symmetries=found,
        layers=_layers(evidence, judgement, checked),
        responses=_responses(evidence, judgement, found.response),
        untrained=_untrained(evidence, judgement, checked, say),
        notes=(
            *checked.notes,
            *evidence.not_judged,
            *_refused(tried, evidence),
            *_convention(evidence, judgement),
            *_third(evidence, judgement, checked, tried),
        ),
        made_with=_made_with(key, lengths, {each.name: _searched(each, scene) for each in tried}),
    )
    kept.forget()
    return result


def gather(
    checked: Sanity, scene: Scene, tried: Sequence[AnyCandidate], say: Say, kept: Kept | None = None
) -> Evidence:
    """The subject's answers to all environments, every candidate fitted, and its scores."""
    kept = kept or Kept(None)
    subject = kept.remembering(checked, scene.fitted[0])
    fitted = ask(subject, scene.fitted, say, "for the fit")
    scored, not_judged = ask_away(subject, scene.scored, say, "to judge the fit")
    trials = {each.name: trial_of(each, scene.num_rows, len(scene.fitted[0].queries)) for each in tried}
    fits: dict[str, Fit] = {}
    for name, trial in trials.items():
        say(f"fitting {name}")
        with contextlib.suppress(RefusedPrompts), np.errstate(over="ignore", invalid="ignore"):
            fits[name] = kept.fit(name, partial(fit, trial, fitted, scene.scale))
    if not fits:
        raise ValueError(f"a candidate must take prompts of this task; got {', '.join(trials)}, which all refuse them.")
    trials = {name: trials[name] for name in fits}
    say("scoring")
    scores = score(trials, fits, scored, checked.noise)
    num_free = {name: _num_free(trials[name].candidate, fits[name]) for name in trials}
    return Evidence(trials, fits, num_free, scene, fitted, scored, scores, tuple(not_judged))


def _rows(evidence: Evidence, judgement: Judgement) -> tuple[Row, ...]:
    choice = judgement.verdict.members[0]
    near = profile(evidence.trials[choice], evidence.fitted, evidence.scene.scale, evidence.fits[choice])
    return tuple(
        Row(
            name,
            evidence.trials[name].candidate.says,
            plain(evidence.fits[name].parameters),
            evidence.fits[name].num_steps,
            evidence.num_free[name],
            delta,
            evidence.scores.paired(name, choice, IN_DISTRIBUTION).difference,
            evidence.fits[name].at_bound,
            near.intervals if name == choice else {},
            near.counts if name == choice else (),
        )
        for name, delta in evidence.scores.table(IN_DISTRIBUTION).items()
    )


def _law_row(scores: Scores, law: str, judgement: Judgement) -> LawRow:
    choice, rival = judgement.verdict.members[0], judgement.verdict.runner_up
    apart = [each.least for each in judgement.separations if each.law == law and each.second == rival]
    runner_up = None if rival is None else scores.delta(rival, law)
    separation = apart[-1] if apart else float("nan")
    return LawRow(law, scores.delta(choice, law), runner_up, scores.top_share(law), scores.by_median[law], separation)


def _refused(tried: Sequence[AnyCandidate], evidence: Evidence) -> list[str]:
    """Candidates that take no such prompts, which are left out."""
    names = [each.name for each in tried if each.name not in evidence.trials]
    return [f"Left out, since they take no such prompts: {', '.join(names)}."] if names else []


def _convention(evidence: Evidence, judgement: Judgement) -> list[str]:
    """What is said of a model that sums over examples where its candidate takes the mean, or the other way round."""
    verdict = judgement.verdict
    broken = [law for law in evidence.scores.laws if law not in verdict.scope]
    laws = of_other_convention(evidence, verdict.members[0], broken, 2 * verdict.tolerance)
    if not laws:
        return []
    of_sum = any("rate" in name for name in evidence.fits[verdict.members[0]].parameters)
    what = "rates" if of_sum else "the penalty"
    told = f"With {what} in proportion to the number of examples N, as of a {'sum' if of_sum else 'mean'} over them,"
    return [f"{told} it holds at: {', '.join(laws)}."]


def _third(evidence: Evidence, judgement: Judgement, checked: Sanity, tried: Sequence[AnyCandidate]) -> list[str]:
    """The distance of the choice on prompts that had no part in choosing it."""
    if len(tried) <= MANY or not evidence.scene.third:
        return []
    name = judgement.verdict.members[0]
    alone = {name: evidence.trials[name]}
    scores = score(alone, evidence.fits, ask(checked.subject, evidence.scene.third), checked.noise)
    mean, low, high = scores.delta(name, IN_DISTRIBUTION)
    return [f"On prompts that had no part in choosing it, {name} is at {mean:.2g} [{low:.2g}, {high:.2g}]."]


def _layers(evidence: Evidence, judgement: Judgement, checked: Sanity) -> Layers | None:
    """The layers against the steps of the choice; where it takes none, of the nearest candidate that does."""
    for name in dict.fromkeys([judgement.verdict.members[0], *evidence.ranked()]):
        found = layers(checked.subject, evidence.trials[name], evidence.fits[name], evidence.scene)
        if found is not None:
            return found
    return None


def _responses(evidence: Evidence, judgement: Judgement, own: SpectralResponse | None) -> dict[str, SpectralResponse]:
    """The filters of the choice and of the runner-up, to lay over the subject's; of one that diverges none."""
    if own is None:
        return {}
    verdict, asked, found = judgement.verdict, of_response(evidence.scene), {}
    for name in filter(None, (verdict.members[0], verdict.runner_up)):
        answers = predictions(evidence.trials[name], evidence.fits[name], asked)
        if np.isfinite(answers).all() and answers.any():
            found[name] = filter_of(answers, Questions(asked.xs, asked.ys, asked.queries), own.knots)
    return found


def _untrained(evidence: Evidence, judgement: Judgement, checked: Sanity, say: Say) -> Untrained | None:
    say("asking an untrained copy")
    trial = evidence.trials[judgement.verdict.members[0]]
    return untrained(checked.subject, trial, evidence.fitted, evidence.scored, evidence.scene.scale)


def _made_with(
    key: Key[Array, ""], lengths: Sequence[int] | None, candidates: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    numbers = np.asarray(jax.random.key_data(key)).ravel().tolist()
    told = None if lengths is None else list(lengths)
    return {"mesascope": __version__, "key": numbers, "lengths": told, "candidates": candidates}


def _searched(candidate: AnyCandidate, scene: Scene) -> dict[str, Any]:
    """The counts and the ranges that were searched; none of coefficients, which are free."""
    if not isinstance(candidate, Candidate):
        return {}
    ranges = {each.name: list(each.bounds(scene.scale)) for each in candidate.parameters}
    return {"num_steps": list(candidate.counts), **ranges} if candidate.counts else ranges


def _num_free(candidate: AnyCandidate, found: Fit) -> int:
    return candidate.num_free if isinstance(candidate, Candidate) else len(found.parameters["coefficients"])
