"""Which symmetries a subject has: each rules out whole families of algorithms, before any is fitted."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Inexact

from mesascope.probes.distance import root_share
from mesascope.probes.invariance import Check, Invariance, leak_tolerance, same_size_normals
from mesascope.probes.orthonormal import orthonormal
from mesascope.probes.questions import Questions, answers, in_double
from mesascope.subject import AbstractSubject, SubjectError

FACTORS = (0.5, 2.0)  # powers of two: exact in floating numbers


class _Asked(NamedTuple):
    """The subject, what it was asked, what it answered, and random numbers."""

    subject: AbstractSubject
    questions: Questions
    base: np.ndarray
    rng: np.random.Generator

    def answers(self, **changed: np.ndarray) -> Inexact[np.ndarray, "b m dy"]:
        """The answers where some of xs, ys and queries are others, in the precision of the first."""
        kept = self.questions._asdict()
        return answers(self.subject, Questions(**kept | {n: a.astype(kept[n].dtype) for n, a in changed.items()}))

    def change(self, *found: Inexact[np.ndarray, "b m dy"]) -> float:
        bases = np.broadcast_to(self.base, (len(found), *self.base.shape))
        return root_share(np.stack(found) - bases, bases)


@np.errstate(over="ignore", invalid="ignore")
def invariances_of(
    subject: AbstractSubject, asked: Questions, floor: float = 0.0, seed: int = 0
) -> tuple[Invariance, ...]:
    """The relative root mean square change sqrt(sum |f' - f|^2 / sum |f|^2) under each change of the question.

    One holds where the change is at most max(3 floor, .01), and the one that is a leak, which comes first, at most
    max(3 floor, 1e-5); `floor` is `subject_floor(...).value`. What has no meaning for these prompts or this subject is
    not asked: value and holds are None, with the reason. Two values are no changes: the answer to a query orthogonal
    to all inputs is relative to the other answers, and that to a query that is an example is a distance from its label
    relative to labels. Scales are 1/2 and 2, in one sum. Fewer than twenty calls. SubjectError for answers of another
    shape; answers that are not finite are infinitely far from any.
    """
    base = answers(subject, asked)
    return tuple(
        check.found(check.change(_Asked(subject, asked, base, np.random.default_rng([seed, place]))), floor)
        for place, check in enumerate(CHECKS)
    )


def _other_queries(asked: _Asked) -> float | str:
    queries = asked.questions.queries
    if queries.shape[1] == 1:
        return "The prompts have one query each: give two or more."
    ends = (slice(0, 1), slice(-1, None))
    alone = np.concatenate([asked.answers(queries=queries[:, end]) for end in ends], axis=1)
    among = np.concatenate([asked.base[:, end] for end in ends], axis=1)
    return root_share(alone - among, among)


def _order(asked: _Asked) -> float | str:
    xs, ys, _ = asked.questions
    if xs.shape[1] < 2:
        return "One example has no order: give two or more."
    order = np.argsort(asked.rng.random(xs.shape[:2]), axis=1)[..., None]
    return asked.change(asked.answers(xs=np.take_along_axis(xs, order, 1), ys=np.take_along_axis(ys, order, 1)))


def _rotation(asked: _Asked) -> float:
    xs, _, queries = asked.questions
    turns = orthonormal(asked.rng, xs.shape[2], np.iscomplexobj(xs), len(xs))
    return asked.change(asked.answers(xs=xs @ turns, queries=queries @ turns))


def _scale_of_labels(asked: _Asked) -> float:
    return asked.change(*(asked.answers(ys=factor * asked.questions.ys) / factor for factor in FACTORS))


def _superposition(asked: _Asked) -> float:
    """(f(y) + f(y'))/sqrt(2) against f((y + y')/sqrt(2)); y' of another random linear function, as large as y.

    Complex ones are added with a phase i between them, which tells the conjugate of a label.
    """
    xs, ys, _ = map(in_double, asked.questions)
    teachers = asked.rng.normal(size=(len(xs), xs.shape[2], ys.shape[2]))
    others = xs @ teachers if np.iscomplexobj(ys) else np.real(xs @ teachers)
    others = others * root_share(ys, others)
    together = asked.answers(ys=(ys + _unit(ys) * others) / np.sqrt(2))
    apart = (asked.base + _unit(ys) * asked.answers(ys=others)) / np.sqrt(2)
    return root_share(together - apart, apart)


def _linearity(asked: _Asked) -> float:
    """The same of queries; q' normal, as large as q."""
    queries = in_double(asked.questions.queries)
    others = same_size_normals(asked.rng, queries)
    together = asked.answers(queries=(queries + _unit(queries) * others) / np.sqrt(2))
    apart = (asked.base + _unit(queries) * asked.answers(queries=others)) / np.sqrt(2)
    return root_share(together - apart, apart)


def _unit(array: Inexact[np.ndarray, "..."]) -> float | complex:
    return 1j if np.iscomplexobj(array) else 1.0


def _scale_of_inputs(asked: _Asked) -> float:
    xs, _, queries = asked.questions
    return asked.change(*(asked.answers(xs=factor * xs, queries=factor * queries) for factor in FACTORS))


def _duplication(asked: _Asked) -> float | str:
    if asked.subject.num_examples is not None:
        return f"The model takes {asked.subject.num_examples} examples and no other number."
    xs, ys, _ = asked.questions
    most = asked.subject.max_examples
    if most is not None and 2 * xs.shape[1] > most:
        return f"The model takes at most {most} examples: give half as many or fewer."
    try:
        return asked.change(asked.answers(xs=np.concatenate([xs, xs], axis=1), ys=np.concatenate([ys, ys], axis=1)))
    except SubjectError as error:
        return f"The model does not take twice as many examples: {error}"


def _orthogonal_query(asked: _Asked) -> float | str:
    xs, _, queries = map(in_double, asked.questions)
    if xs.shape[1] >= xs.shape[2]:
        return f"{xs.shape[1]} inputs leave nothing orthogonal: give fewer examples than {xs.shape[2]} dimensions."
    basis = np.linalg.qr(np.swapaxes(xs, 1, 2))[0]
    beside = queries - queries @ basis.conj() @ np.swapaxes(basis, 1, 2)
    lengths, wanted = (np.linalg.norm(each, axis=2, keepdims=True) for each in (beside, queries))
    return root_share(asked.answers(queries=beside * wanted / lengths), asked.base)


def _query_at_example(asked: _Asked) -> float:
    return root_share(asked.answers(queries=asked.questions.xs) - asked.questions.ys, asked.questions.ys)


CHECKS = (
    Check("other queries", "A query sees the other queries: a leak.", _other_queries, leak_tolerance),
    Check("order of examples", "The order of examples matters: delta rule, forgetting or positions.", _order),
    Check("rotation of inputs", "Some directions of inputs are preferred: lasso or a preconditioner.", _rotation),
    Check(
        "scale of labels",
        "Answers do not scale with labels: lasso or a posterior over a pool of tasks.",
        _scale_of_labels,
    ),
    Check(
        "superposition of labels",
        "The answer is not linear in the labels: conjugate gradient, lasso or a posterior over a pool.",
        _superposition,
    ),
    Check(
        "scale of inputs",
        "Answers change where inputs are rescaled: a learning rate or a penalty, and not least squares.",
        _scale_of_inputs,
    ),
    Check(
        "duplication of examples",
        "The number of examples counts: a penalty or a sum over examples, and not least squares.",
        _duplication,
    ),
    Check(
        "query orthogonal to inputs",
        "The answer is not zero orthogonal to the inputs: a smoother, a mean or an intercept.",
        _orthogonal_query,
    ),
    Check("query at an example", "At an example the answer is not its label: no interpolation.", _query_at_example),
    Check(
        "linearity in the query",
        "The answer is not linear in the query: a kernel, a mean or an intercept.",
        _linearity,
    ),
)
