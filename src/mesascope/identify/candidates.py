"""The candidates there are: those that the algorithms offer, by name."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.algorithms.pool_posterior import PoolPosterior
from mesascope.candidate import AnyCandidate, Candidate, LinearCandidate
from mesascope.discovery import concrete_classes
from mesascope.predictor import AbstractForecaster, AbstractPredictor
from mesascope.random import jit_draws
from mesascope.spelling import did_you_mean
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.teacher_pool import TeacherPool

Family = Literal["prompts", "sequences"]
BASELINES: dict[Family, tuple[str, ...]] = {
    "prompts": ("zero", "constant", "mean-label", "last-label"),
    "sequences": ("zero", "constant", "mean-label", "last-value"),
}
"""What every model is held against, whatever candidates are asked for."""


def family_of(task: Any) -> Family:
    """Whether a task gives prompts of regression or sequences."""
    return "prompts" if isinstance(task, AbstractTask) else "sequences"


@cache
def all_candidates(family: Family) -> dict[str, AnyCandidate]:
    """Every candidate for prompts of regression, or for sequences, by name; what serves both is in both."""
    import mesascope.algorithms

    found: dict[str, AnyCandidate] = {}
    for cls in concrete_classes(mesascope.algorithms, AbstractPredictor):
        if family == "prompts" and issubclass(cls, AbstractForecaster):
            continue
        for candidate in getattr(cls, "candidates", tuple)():
            if candidate.name in found:
                raise ValueError(f"two candidates must not share a name; got {candidate.name!r} twice. Rename one.")
            found[candidate.name] = candidate
    return found


def chosen(candidates: Iterable[AnyCandidate | str] | None, task: Any) -> tuple[AnyCandidate, ...]:
    """Those that were asked for, by name or made by hand, and the baselines; all for such a task where none were.

    A task that knows finitely many teachers of one weight matrix each adds the posterior mean over them.
    """
    family = family_of(task)
    known = {**all_candidates(family), **{each.name: each for each in _of_task(task)}}
    if candidates is None:
        twins = {twin for each in known.values() if family == "sequences" for twin in getattr(each, "twins", ())}
        return tuple(each for name, each in known.items() if name not in twins)
    if isinstance(candidates, str):
        raise ValueError(f"`candidates` must be a list of names; got the text {candidates!r}. Take [{candidates!r}].")
    found = [_found(each, known, family) for each in candidates]
    names = [each.name for each in found]
    if not found or len(set(names)) < len(names):
        raise ValueError(f"`candidates` must be one or more, each once; got {names}.")
    return (*found, *(known[name] for name in BASELINES[family] if name not in names))


def _of_task(task: Any) -> tuple[Candidate, ...]:
    """What only this task can be solved by."""
    if not isinstance(task, TeacherPool):
        return ()
    inputs = np.concatenate([np.eye(task.dim_x), np.ones((1, task.dim_x))])
    labels = np.asarray(_labels(task, jnp.asarray(inputs, jnp.result_type(float))))  # [m dx + 1 dy]
    linear = np.allclose(labels[:, :-1].sum(axis=1), labels[:, -1], rtol=1e-4, atol=1e-4 * np.abs(labels).max())
    return (PoolPosterior.candidate_for(jnp.asarray(labels[:, :-1].swapaxes(1, 2))),) if linear else ()


@jit_draws
def _labels(task: TeacherPool, inputs: Array) -> Array:
    """What every teacher of the pool says of inputs."""
    return jax.vmap(lambda teacher: task.label(teacher, inputs))(task.teachers())


def _found(candidate: AnyCandidate | str, known: dict[str, AnyCandidate], family: Family) -> AnyCandidate:
    if isinstance(candidate, (Candidate, LinearCandidate)):
        return candidate
    if candidate in known:
        return known[candidate]
    names: Sequence[str] = sorted(known)
    other: Family = "sequences" if family == "prompts" else "prompts"
    if candidate in all_candidates(other):
        hint = f" That one is for {other}: give such a task."
    else:
        hint = did_you_mean(str(candidate), names)
    raise ValueError(f"a candidate for {family} must be one of {', '.join(names)}; got {candidate!r}.{hint}")
