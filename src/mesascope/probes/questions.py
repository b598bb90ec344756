"""What a subject is asked: a batch of prompts, each with one query or more."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Inexact

from mesascope.prompt import Prompt
from mesascope.subject import AbstractSubject, SubjectError
from mesascope.validation import check_class, check_numbers


class Questions(NamedTuple):
    """Examples xs [b n dx] and ys [b n dy], and queries [b m dx] that do not see each other."""

    xs: np.ndarray
    ys: np.ndarray
    queries: np.ndarray


def questions(prompts: Prompt, queries: Inexact[np.ndarray, "b m dx"] | None = None) -> Questions:
    """A batch of prompts as numpy arrays, in their own precision; `queries` in place of the one that each has.

    ValueError for one prompt alone, for prompts with padding, of which a subject knows nothing, and for queries of
    another number of prompts or of another size.
    """
    check_class("prompts", prompts, Prompt, "A task samples them: `task.sample_batch(key, 100)`.")
    if prompts.query.ndim != 2:
        raise ValueError(f"`prompts` must be a batch with one axis; got queries of shape {prompts.query.shape}.")
    xs, ys = np.asarray(prompts.xs), np.asarray(prompts.ys)
    if prompts.length is not None and np.any(np.asarray(prompts.length) != xs.shape[1]):
        raise ValueError("`prompts` must have no padding; got prompts of several lengths. Ask for each length apart.")
    if queries is None:
        return Questions(xs, ys, np.asarray(prompts.query)[:, None])
    check_numbers("queries", queries, "[b m dx]")
    if queries.ndim != 3 or queries.shape[::2] != (len(xs), xs.shape[2]):
        raise ValueError(f"`queries` must have shape ({len(xs)}, m, {xs.shape[2]}); got {queries.shape}.")
    return Questions(xs, ys, queries)


def answers(subject: AbstractSubject, asked: Questions) -> Inexact[np.ndarray, "b m dy"]:
    """The subject's answers, in double precision.

    SubjectError where they have another shape or are no numbers. They may be infinite or nan.
    """
    found = np.asarray(subject.predictions(*asked))
    wanted = (*asked.queries.shape[:2], asked.ys.shape[2])
    if found.shape != wanted or found.dtype.kind not in "fc":
        raise SubjectError(
            f"`subject` must answer with floating numbers of shape {wanted}; got {found.shape} of {found.dtype}.",
            asked._asdict(),
        )
    return in_double(found)


def finite_answers(subject: AbstractSubject, asked: Questions) -> Inexact[np.ndarray, "b m dy"]:
    """The same; SubjectError where an answer is infinite or nan."""
    found = answers(subject, asked)
    broken = ~np.isfinite(found).all(axis=(1, 2))
    if broken.any():
        raise SubjectError(
            f"`subject` must answer with finite numbers; {broken.sum()} of {len(found)} prompts got others.",
            {name: array[broken] for name, array in asked._asdict().items()},
        )
    return found


def in_double(array: Inexact[np.ndarray, "..."]) -> Inexact[np.ndarray, "..."]:
    """The same numbers in 64 bits, or 128 of a complex one."""
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)
