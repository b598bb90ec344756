"""Every answer is looked at, and what goes wrong is told with the question."""

import pickle
import re

import numpy as np
import pytest

from mesascope.arrays import load_arrays
from mesascope.extras import ExtraError
from mesascope.interop.asking import Budget, BudgetSpent, CheckedSequenceSubject, CheckedSubject, save_question
from mesascope.subject import AbstractSequenceSubject, AbstractSubject, SubjectError

RNG = np.random.default_rng(0)
XS, YS, QUERIES = RNG.normal(size=(7, 5, 3)), RNG.normal(size=(7, 5, 2)), RNG.normal(size=(7, 4, 3))
STATES = RNG.normal(size=(7, 5, 3))


class Echo(AbstractSubject):
    """Answers with the queries' first entries, or what it is told; keeps the sizes of the batches."""

    name = "echo"

    def __init__(self, spoil=lambda answer: answer):
        self.spoil, self.sizes = spoil, []

    def predictions(self, xs, ys, queries):
        self.sizes.append(len(xs))
        return self.spoil(queries[..., :2].copy())

    def prefixes(self, xs, ys):
        return self.spoil(ys.copy())

    def layers(self, xs, ys, queries):
        return self.spoil(np.stack([queries[..., :2], 2 * queries[..., :2]]))

    def hidden(self, xs, ys, queries):
        return self.spoil(np.stack([np.pad(queries, ((0, 0), (0, 0), (0, 4)))] * 3))

    def jacobian(self, xs, ys, queries):
        return self.spoil(queries[:, :, None] * np.ones((2, 1)))

    def untrained(self, seed):
        return Echo(lambda answer: answer + seed)


class EchoSequence(AbstractSequenceSubject):
    name = "states"
    dim = 3

    def __init__(self, factor=1.0):
        self.factor = factor

    def next_states(self, states):
        return self.factor * states

    def layers(self, states):
        return np.stack([states, 2 * states])

    def hidden(self, states):
        return np.stack([states[..., :2]])

    def untrained(self, seed):
        return EchoSequence(2.0)


def test_answers_come_in_blocks_and_are_put_together():
    inner = Echo()
    subject = CheckedSubject(inner, batch_size=3)
    assert np.array_equal(subject.predictions(XS, YS, QUERIES), QUERIES[..., :2])
    assert inner.sizes == [3, 3, 1]
    assert np.array_equal(subject.prefixes(XS, YS), YS)
    assert np.array_equal(subject.layers(XS, YS, QUERIES)[1], 2 * QUERIES[..., :2])
    assert np.array_equal(subject.hidden(XS, YS, QUERIES)[2, ..., :3], QUERIES)
    assert np.array_equal(subject.jacobian(XS, YS, QUERIES)[:, :, 1], QUERIES)
    assert np.array_equal(subject.untrained(1).predictions(XS, YS, QUERIES), QUERIES[..., :2] + 1)
    assert (subject.budget.num_calls, subject.budget.num_prompts) == (18, 42)
    assert subject.budget.seconds > 0


def test_states_come_in_blocks_too():
    subject = CheckedSequenceSubject(EchoSequence(), batch_size=3)
    assert np.array_equal(subject.next_states(STATES), STATES)
    assert np.array_equal(subject.layers(STATES)[1], 2 * STATES)
    assert np.array_equal(subject.hidden(STATES)[0], STATES[..., :2])
    assert np.array_equal(subject.untrained(0).next_states(STATES), 2 * STATES)
    assert (subject.budget.num_calls, subject.budget.num_prompts) == (12, 28)
    with pytest.raises(ValueError, match="`states` must have `dim` 3 for states; got 2"):
        subject.next_states(STATES[..., :2])
    with pytest.raises(SubjectError, match="`states` must answer for its next_states with finite numbers"):
        CheckedSequenceSubject(EchoSequence(np.nan)).next_states(STATES)


def test_what_a_subject_has_not_is_none():
    class Plain(AbstractSubject):
        def predictions(self, xs, ys, queries):
            return None

    subject = CheckedSubject(Plain())
    assert [subject.prefixes(XS, YS), subject.layers(XS, YS, QUERIES), subject.untrained(0)] == [None] * 3
    with pytest.raises(SubjectError, match="`model` must give its predictions; got None"):
        subject.predictions(XS, YS, QUERIES)


def spoilt_at(prompt, value):
    def spoil(answer):
        answer[..., prompt, 1, 0] = value
        return answer

    return spoil


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda answer: answer[..., :1], "for its predictions with [b m dy], here [7, 4, 2]; got shape (7, 4, 1)"),
    (lambda answer: answer[0], "here [7, 4, 2]; got shape (4, 2)"),
    (lambda answer: answer[..., None], "got shape (7, 4, 2, 1)"),
    (lambda answer: answer.astype(int), "with real or complex numbers of 32 or 64 bits; got int64. Convert them"),
    (lambda answer: answer.astype(np.longdouble), "32 or 64 bits; got "),
    (lambda answer: [[1.0], [2.0, 3.0]], "with an array of numpy's; got list"),
    (lambda answer: answer.astype(str), "32 or 64 bits; got <U"),
])  # fmt: skip
def test_what_is_no_answer_is_an_error_with_the_question(spoil, message):
    with pytest.raises(SubjectError, match=re.escape(message)) as error:
        CheckedSubject(Echo(spoil)).predictions(XS, YS, QUERIES)
    assert str(error.value).startswith("`echo` must answer for its predictions with")
    assert np.array_equal(error.value.question["queries"], QUERIES)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_first_prompt_without_a_finite_answer_is_named_and_can_be_kept(value, tmp_path):
    subject = CheckedSubject(Echo(spoilt_at(2, value)))
    with pytest.raises(SubjectError, match=rf"finite numbers; got {value} first for prompt 2\.") as error:
        subject.predictions(XS, YS, QUERIES)
    save_question(error.value, tmp_path / "question.safetensors")
    arrays, header = load_arrays(tmp_path / "question.safetensors")
    assert all(np.array_equal(arrays[name], whole[2:3]) for name, whole in zip(arrays, (QUERIES, XS, YS), strict=True))
    assert header == {"kind": "question", "message": str(error.value)}
    with pytest.raises(SubjectError, match="first for prompt 3") as error:
        CheckedSubject(Echo(spoilt_at(3, value))).layers(XS, YS, QUERIES)
    assert np.array_equal(error.value.question["xs"], XS[3:4])


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
def test_half_precision_becomes_single_and_others_stay(dtype):
    found = CheckedSubject(Echo(lambda answer: answer.astype(dtype))).predictions(XS, YS, QUERIES)
    assert found.dtype == (np.float32 if dtype == "float16" else dtype)
    np.testing.assert_allclose(found, QUERIES[..., :2], rtol=2.0**-10)


def test_what_a_subject_raises_is_told_with_what_was_asked():
    def fails(answer):
        raise KeyError("weights")

    with pytest.raises(SubjectError, match=r"`echo` raised KeyError when asked for its predictions of xs \(7, 5, 3\)"):
        CheckedSubject(Echo(fails)).predictions(XS, YS, QUERIES)

    def passes(error):
        def spoil(answer):
            raise error

        return spoil

    for error in (SubjectError("mine", {}), ExtraError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught:
            CheckedSubject(Echo(passes(error))).predictions(XS, YS, QUERIES)
        assert caught.value is error


def test_an_error_keeps_its_question_on_its_way_from_another_process():
    error = pickle.loads(pickle.dumps(SubjectError("`model` raised", {"xs": XS})))
    assert (type(error), str(error)) == (SubjectError, "`model` raised")
    assert np.array_equal(error.question["xs"], XS)


def test_no_more_is_asked_than_the_budget_holds():
    inner, budget = Echo(), Budget(max_prompts=10)
    subject = CheckedSubject(inner, batch_size=4, budget=budget)
    subject.predictions(XS, YS, QUERIES)
    with pytest.raises(BudgetSpent, match=r"`max_prompts` is 10; 7 prompts in .* have been asked, and 4 more are want"):
        subject.predictions(XS, YS, QUERIES)
    with pytest.raises(BudgetSpent):
        subject.untrained(0).predictions(XS, YS, QUERIES)
    assert inner.sizes == [4, 3]
    short = CheckedSubject(Echo(), budget=Budget(max_seconds=1e-9))
    short.predictions(XS, YS, QUERIES)
    with pytest.raises(BudgetSpent, match=r"`max_seconds` is 1e-09; 7 prompts in 0\.0 s have been asked"):
        short.predictions(XS, YS, QUERIES)


@pytest.mark.parametrize(("changed", "message"), [
    ({"xs": XS[:6]}, "A question must have `xs` [b n dx], `ys` [b n dy], `queries` [b m dx]; got (6, 5, 3), (7, 5, 2)"),
    ({"ys": YS[..., 0]}, "A question must have"),
    ({"queries": QUERIES[..., :2]}, "A question must have"),
    ({"queries": QUERIES[:, :0]}, "one prompt, query and number or more; got sizes"),
    ({"xs": XS.astype(int)}, "`xs` must be an array [b n dx] of real or complex numbers; got shape (7, 5, 3) of int64"),
    ({"ys": YS.astype(np.float16)}, "`ys` must have numbers of 32 bits or more"),
    ({"ys": np.full_like(YS, np.nan)}, "`ys` must be finite"),
])  # fmt: skip
def test_questions_that_no_subject_could_take_are_refused(changed, message):
    inner = Echo()
    with pytest.raises(ValueError, match=re.escape(message)):
        CheckedSubject(inner).predictions(**({"xs": XS, "ys": YS, "queries": QUERIES} | changed))
    assert inner.sizes == []


@pytest.mark.parametrize(("attribute", "size", "message"), [
    ("num_examples", 4, "`xs` must have `num_examples` 4 for echo; got 5"), ("dim_x", 2, "`dim_x` 2 for echo; got 3"),
    ("dim_y", 1, "`ys` must have `dim_y` 1 for echo; got 2"), ("max_examples", 4, "at most 4 examples for echo; got 5"),
])  # fmt: skip
def test_questions_that_this_subject_does_not_take_are_refused(attribute, size, message):
    inner = Echo()
    setattr(inner, attribute, size)
    with pytest.raises(ValueError, match=message):
        CheckedSubject(inner).predictions(XS, YS, QUERIES)
    if attribute == "max_examples":  # the last input of a walk along the prefixes has one example fewer
        assert CheckedSubject(inner).prefixes(XS, YS) is not None


def test_empty_contexts_are_questions():
    assert CheckedSubject(Echo()).predictions(XS[:, :0], YS[:, :0], QUERIES).shape == (7, 4, 2)


@pytest.mark.usefixtures("as_installed")
def test_what_is_no_subject_and_no_budget_are_refused():
    with pytest.raises(ValueError, match="`subject` must be an object of class AbstractSubject"):
        CheckedSubject(EchoSequence())
    with pytest.raises(ValueError, match="`max_prompts` must be an integer of at least 1"):
        Budget(max_prompts=0)
    with pytest.raises(ValueError, match="`max_seconds` must be positive"):
        Budget(max_seconds=0.0)
    with pytest.raises(ValueError, match="`error` must be an object of class SubjectError"):
        save_question(ValueError("x"), "nowhere")
