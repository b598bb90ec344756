"""Cases that are put before the instrument: members of the candidates' families, mixtures, networks."""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from mesascope.algorithms.zero import ZeroPredictor
from mesascope.candidate import AnyCandidate, Candidate, LinearCandidate, Scale
from mesascope.identify.candidates import chosen
from mesascope.identify.environments import IN_DISTRIBUTION
from mesascope.identify.identify import gather
from mesascope.identify.judge import Evidence, Judgement, judge
from mesascope.identify.profile import profile
from mesascope.identify.sanity import sane
from mesascope.identify.score import Scores
from mesascope.identify.stage import Budget, Scene, stage
from mesascope.identify.verdict import Kind, tolerance_for
from mesascope.interop.predictors import PredictorSubject
from mesascope.random import seed_key
from mesascope.studies._shared.measure import one_of
from mesascope.studies._shared.training import Training
from mesascope.studies.identify.calibration.disguises import (
    Member,
    Plausible,
    disguised,
    draw_member,
    draw_pair,
)
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.subject import AbstractSubject
from mesascope.tasks._base import AbstractTask

KINDS = tuple(Kind)


class Said(NamedTuple):
    """Of every case: the verdict's place among `KINDS`, its choice's among the candidates, how many it names, how far.

    A distance is the choice's, in distribution. Whole numbers are kept as floats, so that what is lost can be nan.
    """

    kind: np.ndarray
    choice: np.ndarray
    num_named: np.ndarray
    distance: np.ndarray


class Known(NamedTuple):
    """Of every case whose true algorithm is a candidate: what was said of the truth [cases], and of its parameters.

    `named`: it is among those the verdict names. `idle`: it fits as well with more parameters than what was chosen.
    `separable`: every other candidate is farther than 2 tau. `kind_without` and `distance_without` are the verdict's
    after all candidates within 2 tau, and the truth, were taken away. `gaps` [cases parameters] are log(found / true),
    or (found - true) / (high - low) of a linear parameter, nan unless the truth is the choice; so are `covered`,
    whether the profile interval holds the true one, and `widths`, the interval's, in the gap's unit. `true` are the
    parameters and `steps` the true and the found count [cases 2].
    """

    named: np.ndarray
    idle: np.ndarray
    separable: np.ndarray
    kind_without: np.ndarray
    distance_without: np.ndarray
    steps: np.ndarray
    true: np.ndarray
    gaps: np.ndarray
    covered: np.ndarray
    widths: np.ndarray


class Instrument(eqx.Module):
    """What `identify` does up to its verdict; `tried` are names of candidates, all there are if none are named."""

    task: AbstractTask
    tried: tuple[str, ...]
    num_fit: int
    num_score: int
    num_queries: int
    num_rivals: int

    @property
    def candidates(self) -> tuple[AnyCandidate, ...]:
        """Those that are tried, the baselines among them."""
        return chosen(self.tried or None, self.task)

    @property
    def names(self) -> list[str]:
        """The candidates', in their order."""
        return [each.name for each in self.candidates]

    def scene(self, subject: AbstractSubject, seed: int) -> Scene:
        """The prompts, of the one length of a subject that has one."""
        scene = stage(subject, self.task, seed_key(seed), self._budget, None)
        fixed = subject.num_examples
        return scene._replace(scored=[each for each in scene.scored if fixed in (None, each.num_examples)])

    def verdict(self, subject: AbstractSubject, scene: Scene) -> tuple[Evidence, float, Judgement]:
        """What a subject's answers come to, and the tolerance tau."""
        scene, checked = sane(subject, scene, self._budget)
        evidence = gather(checked, scene, self.candidates, lambda text: None)
        tolerance = tolerance_for(checked.floor.value)
        return evidence, tolerance, judge(evidence, tolerance, self.num_rivals)

    def without(self, evidence: Evidence, names: Iterable[str], tolerance: float) -> tuple[float, float]:
        """The kind of verdict and its choice's distance with some candidates taken away; nan where none is left."""
        kept = [name for name in evidence.trials if name not in set(names)]
        if not kept:
            return np.nan, np.nan
        scores, rows = evidence.scores, [evidence.scores.names.index(name) for name in kept]
        errors = [each._replace(of_candidates=each.of_candidates[rows]) for each in scores.errors]
        parts = {
            part: {name: getattr(evidence, part)[name] for name in kept} for part in ("trials", "fits", "num_free")
        }
        fewer = dataclasses.replace(evidence, **parts, scores=Scores(kept, errors, scores.noise))
        verdict = judge(fewer, tolerance, self.num_rivals).verdict
        return float(KINDS.index(verdict.kind)), fewer.scores.delta(verdict.members[0], IN_DISTRIBUTION).mean

    def said(self, evidence: Evidence, judgement: Judgement) -> Said:
        """One case's."""
        verdict = judgement.verdict
        distance = evidence.scores.delta(verdict.members[0], IN_DISTRIBUTION).mean
        place = self.names.index(verdict.members[0])
        return Said(*map(np.array, (KINDS.index(verdict.kind), place, len(verdict.members), distance)))

    @property
    def _budget(self) -> Budget:
        """Without end of time, so that a slow machine is asked as much as a fast one."""
        return Budget(self.num_fit, self.num_score, self.num_queries, self.num_rivals, seconds=1e9)


class DisguisedCell(AbstractConfig):
    """Members of one candidate's family in disguise, with `noise` of their answers' size; each case from a seed."""

    instrument: Instrument
    truth: str
    num_cases: int
    first_seed: int
    noise: float
    smallest: float
    largest: float
    num_tries: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`Said` and `Known`, one case a row; fewer rows where no plausible member was drawn."""
        candidate = next(each for each in self.instrument.candidates if each.name == self.truth)
        cases = []
        for i in range(self.num_cases):
            rng = np.random.default_rng(self.first_seed + i)
            scene = self.instrument.scene(NOBODY, self.first_seed + i)
            member = draw_member(candidate, scene, Plausible(self.smallest, self.largest, self.num_tries), rng)
            if member is not None:
                cases.append(self._case(member, disguised(member.answer, scene, self.noise, rng), scene))
            workspace.report(i + 1, self.num_cases, self.truth)
        return _columns(Said, [said for said, _ in cases]) | _columns(Known, [known for _, known in cases])

    def _case(self, member: Member, subject: AbstractSubject, scene: Scene) -> tuple[Said, Known]:
        evidence, tolerance, judgement = self.instrument.verdict(subject, scene)
        near = [name for name, delta in evidence.scores.table(IN_DISTRIBUTION).items() if delta.mean <= 2 * tolerance]
        without = self.instrument.without(evidence, {self.truth, *near}, tolerance)
        verdict, found = judgement.verdict, evidence.fits[self.truth]
        steps = np.array([each.num_steps for each in (member.fit, found)], float)
        known = (
            self.truth in verdict.members,
            self.truth in verdict.no_gain,
            set(near) <= {self.truth},
            *without,
            steps,
            *_parameters(member, evidence, verdict.members[0] == self.truth),
        )
        return self.instrument.said(evidence, judgement), Known(*map(np.array, known))


class MixtureCell(AbstractConfig):
    """Half-and-half mixtures in disguise: means of members of two families, `least_apart` or more from either."""

    instrument: Instrument
    num_cases: int
    first_seed: int
    noise: float
    smallest: float
    largest: float
    num_tries: int
    least_apart: float

    def compute(self, workspace: Workspace) -> Arrays:
        """`Said`, and the places of the two `halves` among the candidates [cases 2]."""
        names = self.instrument.names
        plausible = Plausible(self.smallest, self.largest, self.num_tries)
        learners = tuple(each for each in self.instrument.candidates if each.name not in ("zero", "constant"))
        cases, halves = [], []
        for i in range(self.num_cases):
            rng = np.random.default_rng(self.first_seed + i)
            scene = self.instrument.scene(NOBODY, self.first_seed + i)
            pair = draw_pair(learners, scene, plausible, self.least_apart, rng)
            if pair is not None:
                subject = disguised(functools.partial(_mean_of, pair), scene, self.noise, rng)
                evidence, _, judgement = self.instrument.verdict(subject, scene)
                cases.append(self.instrument.said(evidence, judgement))
                halves.append([names.index(each.trial.candidate.name) for each in pair])
            workspace.report(i + 1, self.num_cases, "mixtures")
        return _columns(Said, cases) | {"halves": np.array(halves, float).reshape(-1, 2)}


class NetworkCell(AbstractConfig):
    """Networks as `make_model(key=...)` makes them; `num_examples` where they take prompts of one length."""

    instrument: Instrument
    make_model: functools.partial
    num_cases: int
    first_seed: int
    num_examples: int | None = None

    def compute(self, workspace: Workspace) -> Arrays:
        """`Said`."""
        seeds = range(self.first_seed, self.first_seed + self.num_cases)
        models = [self.make_model(key=seed_key(seed)) for seed in seeds]
        return _of_networks(self.instrument, models, self.first_seed, self.num_examples, workspace)


class TrainedNetworkCell(AbstractConfig):
    """Networks of a training."""

    instrument: Instrument
    training: Training

    def compute(self, workspace: Workspace) -> Arrays:
        """`Said`."""
        trained = self.training.trained(workspace).model
        models = [one_of(trained, i) for i in range(self.training.seeds)]
        return _of_networks(self.instrument, models, self.training.first_seed, None, workspace)


NOBODY = PredictorSubject(ZeroPredictor())  # takes any prompts


def _of_networks(
    instrument: Instrument, models: Sequence[Any], first_seed: int, num_examples: int | None, workspace: Workspace
) -> Arrays:
    cases = []
    for i, model in enumerate(models):
        subject = PredictorSubject(model)
        subject.num_examples = num_examples
        evidence, _, judgement = instrument.verdict(subject, instrument.scene(subject, first_seed + i))
        cases.append(instrument.said(evidence, judgement))
        workspace.report(i + 1, len(models), "networks")
    return _columns(Said, cases)


def _parameters(member: Member, evidence: Evidence, is_choice: bool) -> tuple[np.ndarray, ...]:
    """`true`, `gaps`, `covered` and `widths` of one case, in the order of the candidate's parameters."""
    candidate = member.trial.candidate
    if isinstance(candidate, LinearCandidate) or not candidate.parameters:
        return (np.zeros(0),) * 4
    scale, name = evidence.scene.scale, candidate.name
    true = np.array([member.fit.parameters[each.name] for each in candidate.parameters])
    if not is_choice:
        return true, *(np.full(len(true), np.nan),) * 3
    fit = evidence.fits[name]
    found = np.array([fit.parameters[each.name] for each in candidate.parameters])
    spans = profile(evidence.trials[name], evidence.fitted, scale, fit).intervals
    low, high = (np.array([getattr(spans[each.name], end) for each in candidate.parameters]) for end in ("low", "high"))
    gaps, widths = (_apart(candidate, scale, *pair) for pair in ((found, true), (high, low)))
    return true, gaps, (low <= true) & (true <= high), widths


def _apart(candidate: Candidate, scale: Scale, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """log(first / second), or a linear parameter's difference as a share of its range."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(first) - np.log(second)
    ranges = np.ptp([each.bounds(scale) for each in candidate.parameters], axis=1)
    return np.where([each.linear for each in candidate.parameters], (first - second) / ranges, logs)


def _mean_of(pair: tuple[Member, Member], xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
    first, second = (each.answer(xs, ys, queries) for each in pair)
    return (first + second) / 2


def _columns(of: type[Any], cases: Sequence[Any]) -> Arrays:
    """The fields of a named tuple, as arrays over cases."""
    fields = zip(*cases, strict=True) if cases else [[]] * len(of._fields)
    return {name: np.array(column, float) for name, column in zip(of._fields, fields, strict=True)}
