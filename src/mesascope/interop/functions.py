"""A function of numpy arrays as a subject: of one prompt or of a batch, with labels in a column or in one axis."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mesascope.subject import AbstractSubject, SubjectError
from mesascope.validation import check_class

_SAME = 1e-3  # of the largest answer: rounding is far below this, another meaning far above


class Form(NamedTuple):
    """How a function is called."""

    batched: bool
    """xs [b n dx], ys [b n dy], queries [b m dx] -> [b m dy]; otherwise xs [n dx], ys [n dy], query [dx] -> [dy]."""
    flat_labels: bool
    """ys without its last axis, of size 1, and answers without it, too."""

    def __str__(self) -> str:
        return f"batched={self.batched}, flat_labels={self.flat_labels}"


class FunctionSubject(AbstractSubject):
    """A function of numpy arrays; `batched` and `flat_labels`, where they are not given, are found by trying.

    The function is tried once for every size of labels: in each form that is left open, with two prompts and three
    queries of normal numbers, of the question's sizes. Forms count that give an answer of the right shape. Where two
    forms count and their answers differ, or no form counts, a SubjectError says so: the form is never guessed. One
    prompt at a time costs a call a query.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        batched: bool | None = None,
        flat_labels: bool | None = None,
        name: str | None = None,
    ):
        if not callable(function):
            raise ValueError(
                f"`function` must be a function of (xs, ys, queries); got {type(function).__name__}. "
                "Give one: `lambda xs, ys, query: ...`."
            )
        for each, value in (("batched", batched), ("flat_labels", flat_labels)):
            check_class(each, value, (bool, type(None)), "Leave it out to have it found by trying.")
        self.function, self.batched, self.flat_labels = function, batched, flat_labels
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self._forms: dict[int, Form] = {}

    def predictions(self, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
        form = self._forms.get(ys.shape[-1]) or self._found_form(xs, ys)
        if xs.shape[1] > 0:  # without examples, forms that mean different things may agree
            self._forms[ys.shape[-1]] = form
        return _ask(self.function, form, xs, ys, queries)

    def _found_form(self, xs: np.ndarray, ys: np.ndarray) -> Form:
        forms = self._open_forms(ys.shape[-1])
        if len(forms) == 1:
            return forms[0]
        question = _trial(xs, ys)
        answers: dict[Form, np.ndarray] = {}
        errors: dict[Form, Exception] = {}
        for form in forms:
            try:
                answers[form] = _checked(_ask(self.function, form, **question), (2, 3, ys.shape[-1]))
            except Exception as error:
                errors[form] = error
        if not answers:
            raise SubjectError(_none_works(self.name, errors, question), question)
        first, *others = answers
        for other in others:
            if not np.allclose(answers[first], answers[other], rtol=0, atol=_SAME * np.abs(answers[first]).max()):
                raise SubjectError(
                    f"`{self.name}` must say how it is called; got different answers for {first} and for {other}. "
                    "Give `batched` and `flat_labels`.",
                    question,
                )
        return first

    def _open_forms(self, dim_y: int) -> list[Form]:
        """What is left open, the fastest first; labels of several numbers are never flat unless told so."""
        batched = (True, False) if self.batched is None else (self.batched,)
        flat = ((False, True) if dim_y == 1 else (False,)) if self.flat_labels is None else (self.flat_labels,)
        return [Form(*each) for each in itertools.product(batched, flat)]


def _none_works(name: str, errors: dict[Form, Exception], question: dict[str, np.ndarray]) -> str:
    """What is said of a function that no form works for; an error that all forms share is said once."""
    told = {f"{type(error).__name__}: {error}" for error in errors.values()}
    if len(told) == 1:
        return f"`{name}` raised {told.pop()}, however it was called."
    (b, n, dx), dy, m = question["xs"].shape, question["ys"].shape[2], question["queries"].shape[1]
    tried = "; ".join(f"{form}: {type(error).__name__}: {error}" for form, error in errors.items())
    return (
        f"`{name}` must answer with [{dy}] for xs [{n} {dx}], ys [{n} {dy}] and one query [{dx}], or with "
        f"[{b} {m} {dy}] for a batch, xs [{b} {n} {dx}], ys [{b} {n} {dy}] and queries [{b} {m} {dx}]; an axis of one "
        f"label may be left out. Tried: {tried}."
    )


def _trial(xs: np.ndarray, ys: np.ndarray) -> dict[str, np.ndarray]:
    """Two prompts and three queries, in which no two numbers are alike, as large as the question's and of its kind."""
    generator = np.random.default_rng(0)

    def like(array: np.ndarray, *shape: int) -> np.ndarray:
        size = np.sqrt(np.mean(np.abs(array) ** 2)) if array.size else 0
        return ((size or 1.0) * generator.standard_normal(shape)).astype(array.dtype)

    num_examples, dim_x, dim_y = xs.shape[1], xs.shape[2], ys.shape[2]
    return {
        "xs": like(xs, 2, num_examples, dim_x),
        "ys": like(ys, 2, num_examples, dim_y),
        "queries": like(xs, 2, 3, dim_x),
    }


def _ask(function: Callable[..., Any], form: Form, xs: np.ndarray, ys: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The answers in the subject's own shape; the function gets copies, which it may change."""
    if form.flat_labels:
        if ys.shape[-1] != 1:
            raise ValueError(f"`ys` must have one number a label for flat labels; got {ys.shape[-1]}.")
        ys = ys[..., 0]
    if form.batched:
        answers = np.asarray(function(xs.copy(), ys.copy(), queries.copy()))
    else:
        rows = zip(xs, ys, queries, strict=True)
        answers = np.array([[np.asarray(function(x.copy(), y.copy(), q.copy())) for q in many] for x, y, many in rows])
    return answers[..., None] if form.flat_labels else answers


def _checked(answers: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if answers.shape != shape:
        raise ValueError(f"answers have shape {answers.shape} instead of {shape}")
    if answers.dtype.kind not in "fc":
        raise ValueError(f"answers are {answers.dtype}")
    return answers
