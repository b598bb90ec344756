"""A function of numpy arrays is called as it is meant, or not at all."""

import numpy as np
import pytest

from mesascope.interop.functions import FunctionSubject
from mesascope.subject import SubjectError

RNG = np.random.default_rng(0)
XS, YS, QUERIES = RNG.normal(size=(4, 5, 3)), RNG.normal(size=(4, 5, 1)), RNG.normal(size=(4, 2, 3))
WIDE = RNG.normal(size=(4, 5, 2))


def step(ys):
    """One step of gradient descent, written out."""
    return np.einsum("bmi,bni,bnj->bmj", QUERIES, XS, ys)


def one(xs, ys, query):
    return query @ (xs.T @ ys)


def batched(xs, ys, queries):
    return np.einsum("bmi,bni,bnj->bmj", queries, xs, ys)


def one_flat(xs, ys, query):
    """A smoother: of labels in a column it would make a table, and of that one number."""
    (num_examples,) = ys.shape
    return np.sum(np.exp(xs @ query) * ys) / num_examples


def one_flat_unguarded(xs, ys, query):
    return np.sum(np.exp(xs @ query) * ys) / len(ys)


def batched_flat(xs, ys, queries):
    return np.einsum("bmi,bni,bn->bm", queries, xs, ys)


def smoothed():
    return np.einsum("bnm,bnj->bmj", np.exp(np.einsum("bni,bmi->bnm", XS, QUERIES)), YS) / 5


@pytest.mark.parametrize(("function", "ys", "expected"), [
    (one, YS, step), (one, WIDE, step), (batched, YS, step), (batched, WIDE, step), (batched_flat, YS, step),
    (one_flat, YS, lambda ys: smoothed()), (one_flat_unguarded, YS, lambda ys: smoothed()),
])  # fmt: skip
def test_the_form_is_found_by_trying(function, ys, expected):
    subject = FunctionSubject(function)
    found = subject.predictions(XS, ys, QUERIES)
    np.testing.assert_allclose(found, expected(ys), rtol=1e-12)
    assert subject.name == function.__name__
    form = subject._forms[ys.shape[-1]]
    assert (form.batched, form.flat_labels) == ("batched" in function.__name__, "flat" in function.__name__) or (
        function is one and form == (False, False)
    )


def test_one_subject_takes_labels_of_several_sizes():
    subject = FunctionSubject(one)
    for ys in (YS, WIDE, YS):
        np.testing.assert_allclose(subject.predictions(XS, ys, QUERIES), step(ys), rtol=1e-12)


def test_a_function_that_means_different_things_is_refused_and_taken_when_it_is_told():
    def two_faced(xs, ys, queries):
        return batched(xs, ys, queries) if xs.ndim == 3 else 2 * one(xs, ys, queries)

    with pytest.raises(SubjectError, match=r"`two_faced` must say how it is called; .*batched=True.*batched=False"):
        FunctionSubject(two_faced).predictions(XS, WIDE, QUERIES)
    for told, factor in ((True, 1), (False, 2)):
        subject = FunctionSubject(two_faced, batched=told)
        np.testing.assert_allclose(subject.predictions(XS, WIDE, QUERIES), factor * step(WIDE), rtol=1e-12)


def test_a_function_that_draws_is_refused_until_its_form_is_told():
    rng = np.random.default_rng(1)

    def noisy(xs, ys, queries):
        return (batched(xs, ys, queries) if xs.ndim == 3 else one(xs, ys, queries)) + rng.normal()

    with pytest.raises(SubjectError, match="got different answers"):
        FunctionSubject(noisy).predictions(XS, WIDE, QUERIES)
    assert FunctionSubject(noisy, batched=True).predictions(XS, WIDE, QUERIES).shape == (4, 2, 2)


def test_a_first_question_that_tells_forms_apart_by_nothing_decides_nothing():
    """Labels of zeros, and no examples: a function that means two things is refused yet."""

    def two_faced(xs, ys, queries):
        return batched(xs, ys, queries) if xs.ndim == 3 else 2 * one(xs, ys, queries)

    with pytest.raises(SubjectError, match="got different answers"):
        FunctionSubject(two_faced).predictions(XS, 0 * WIDE, QUERIES)
    subject = FunctionSubject(two_faced)
    assert np.array_equal(subject.predictions(XS[:, :0], WIDE[:, :0], QUERIES), np.zeros((4, 2, 2)))
    with pytest.raises(SubjectError, match="got different answers"):
        subject.predictions(XS, WIDE, QUERIES)


def test_an_error_of_every_form_is_told_once():
    with pytest.raises(SubjectError, match=r"`broken` raised ZeroDivisionError: .* zero, however it was called\.$"):
        FunctionSubject(lambda xs, ys, query: 1 / 0, name="broken").predictions(XS, YS, QUERIES)


def test_no_form_that_fits_is_told_with_each_reason():
    with pytest.raises(SubjectError, match=r"batched=True.*answers have shape \(7,\).*batched=False") as error:
        FunctionSubject(lambda xs, ys, queries: np.zeros(7)).predictions(XS, WIDE, QUERIES)
    assert error.value.question["queries"].shape == (2, 3, 3)
    with pytest.raises(SubjectError, match="answers are int64"):
        FunctionSubject(lambda xs, ys, query: np.ones(2, int)).predictions(XS, WIDE, QUERIES)
    with pytest.raises(ValueError, match="`ys` must have one number a label for flat labels; got 2"):
        FunctionSubject(one, batched=False, flat_labels=True).predictions(XS, WIDE, QUERIES)


@pytest.mark.parametrize("function", [one, batched])
def test_a_function_may_change_what_it_is_given(function):
    def spoiling(*question):
        answer = function(*question)
        for each in question:
            each[:] = 0
        return answer

    xs = XS.copy()
    found = FunctionSubject(spoiling, batched=function is batched).predictions(xs, WIDE, QUERIES)
    np.testing.assert_allclose(found, step(WIDE), rtol=1e-12)
    assert np.array_equal(xs, XS)


@pytest.mark.usefixtures("as_installed")
def test_what_is_no_function_is_refused():
    with pytest.raises(ValueError, match="`function` must be a function of"):
        FunctionSubject(3)
    with pytest.raises(ValueError, match="`batched` must be an object of class bool"):
        FunctionSubject(one, batched=1)
