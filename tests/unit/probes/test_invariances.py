"""Each symmetry against learners that have it and learners that break it."""

import numpy as np
import pytest

from mesascope.probes.invariances import CHECKS, invariances_of
from mesascope.probes.questions import Questions
from mesascope.probes.sequence_invariances import sequence_invariances_of

EPS = np.finfo(np.float64).eps
HOLD = {  # what no learner of the kind may break, of six examples in four dimensions; all others must be broken
    "least squares": {check.name for check in CHECKS} - {"query orthogonal to inputs"},
    "ridge": {"order of examples", "rotation of inputs", "scale of labels", "superposition of labels"}
    | {"linearity in the query", "duplication of examples"},
    "conjugate gradient": {"order of examples", "rotation of inputs", "scale of labels", "scale of inputs"}
    | {"duplication of examples", "linearity in the query"},
    "delta rule": {"rotation of inputs", "scale of labels", "superposition of labels", "linearity in the query"},
    "lasso": {"order of examples", "duplication of examples", "linearity in the query"},
    "smoother": {"order of examples", "rotation of inputs", "scale of labels", "superposition of labels"}
    | {"duplication of examples"},
    "nearest": {"order of examples", "rotation of inputs", "scale of labels", "superposition of labels"}
    | {"scale of inputs", "duplication of examples", "query at an example"},
    "mean": {"order of examples", "rotation of inputs", "scale of labels", "superposition of labels"}
    | {"scale of inputs", "duplication of examples"},
}


def by_name(found):
    return {each.name: each for each in found}


@pytest.mark.parametrize("name", list(HOLD))
def test_learners_break_what_they_must_and_nothing_else(drawn, learner, learners, name):
    found = by_name(invariances_of(learner(learners[name]), drawn(100, 6, 4, 3)))
    asked = {key: each.holds for key, each in found.items() if each.holds is not None}
    assert asked == {key: key in HOLD[name] | {"other queries"} for key in asked}
    assert set(found) - set(asked) == {"query orthogonal to inputs"}
    exact = [each.value for key, each in found.items() if each.holds and key != "query at an example"]
    assert max(exact) < 1e5 * EPS


def test_a_sum_over_examples_is_not_blind_to_duplication(drawn, learner):
    def ridge(xs, ys, queries):
        adjoint = np.swapaxes(xs, 1, 2)
        return queries @ np.linalg.solve(adjoint @ xs + np.eye(xs.shape[2]), adjoint @ ys)

    asked = drawn(100, 6, 4)
    found = by_name(invariances_of(learner(ridge), asked))
    assert found["duplication of examples"].holds is False
    fixed = by_name(invariances_of(learner(ridge, num_examples=6), asked))["duplication of examples"]
    assert (fixed.value, fixed.holds) == (None, None)
    assert fixed.reason == "The model takes 6 examples and no other number."
    for most, reason in ((12, ""), (11, "The model takes at most 11 examples: give half as many or fewer.")):
        full = by_name(invariances_of(learner(ridge, max_examples=most), asked))["duplication of examples"]
        assert (full.holds, full.reason) == (None if reason else False, reason)
    doubled = ridge(np.tile(asked.xs, (1, 2, 1)), np.tile(asked.ys, (1, 2, 1)), asked.queries)
    change = np.linalg.norm(doubled - ridge(*asked)) / np.linalg.norm(ridge(*asked))
    np.testing.assert_allclose(found["duplication of examples"].value, change, rtol=1e4 * EPS)


@pytest.mark.parametrize("is_complex", [False, True])
def test_few_examples_span_methods_answer_zero_beside_them(drawn, learner, is_complex):
    asked = drawn(100, 3, 5, 2, 2, is_complex)
    solve = learner(lambda xs, ys, queries: queries @ np.linalg.pinv(xs) @ ys)
    found = by_name(invariances_of(solve, asked))
    assert all(each.holds for each in found.values())
    assert max(each.value for each in found.values()) < 1e4 * EPS
    mean = learner(lambda xs, ys, queries: np.repeat(ys.mean(axis=1, keepdims=True), queries.shape[1], axis=1))
    beside = by_name(invariances_of(mean, asked))["query orthogonal to inputs"]
    np.testing.assert_allclose(beside.value, 1.0, rtol=1e3 * EPS)


def test_conjugates_are_not_linear(drawn, learner):
    """An answer with a conjugate in it adds up, but its phase goes the other way."""
    asked = drawn(50, 3, 2, 2, 2, True)
    for name, answer in {
        "linearity in the query": lambda xs, ys, queries: queries.conj(),
        "rotation of inputs": lambda xs, ys, queries: queries @ np.swapaxes(xs, 1, 2) @ ys,
        "superposition of labels": lambda xs, ys, queries: ys[:, : queries.shape[1]].conj(),
    }.items():
        assert by_name(invariances_of(learner(answer), asked))[name].holds is False


def test_a_leak_between_queries_comes_first_and_is_judged_strictly(drawn, learner):
    def leaking(xs, ys, queries):
        return queries[..., :1] + 1e-3 * queries[..., :1].mean(axis=1, keepdims=True)

    first = invariances_of(learner(leaking), drawn(50, 3, 2, 2))[0]
    assert (first.name, first.holds) == ("other queries", False)
    assert invariances_of(learner(leaking), drawn(50, 3, 2, 2), floor=1e-2)[0].holds
    assert invariances_of(learner(leaking), drawn(50, 3, 2, 1))[0].reason == (
        "The prompts have one query each: give two or more."
    )


def test_questions_keep_their_precision_and_broken_answers_are_far(drawn, learner):
    seen = set()

    def noting(xs, ys, queries):
        seen.update(each.dtype.name for each in (xs, ys, queries))
        return np.where(np.abs(queries[..., :1]) > 1, np.inf, queries[..., :1])

    asked = Questions(*(np.float32(each) for each in drawn(50, 3, 2, 2)))
    found = by_name(invariances_of(learner(noting), asked))
    assert seen == {"float32"}
    assert {each.holds for each in found.values()} == {False, None}
    assert found["order of examples"].value == np.inf


def least_squares(states):
    """At each position, from the pairs of states before it."""
    found = np.zeros_like(states)
    for row in range(1, states.shape[1]):
        found[:, row] = (states[:, None, row] @ np.linalg.pinv(states[:, :row]) @ states[:, 1 : row + 1])[:, 0]
    return found


@pytest.mark.parametrize(
    ("forecast", "broken"),
    [
        (least_squares, set()),
        (lambda states: states + 1e-3 * np.roll(states, -1, axis=1), {"causality"}),
        (lambda states: states * np.arange(1, states.shape[2] + 1.0), {"rotation of states"}),
        (lambda states: states * np.sum(np.abs(states) ** 2, axis=2, keepdims=True), {"scale of states"}),
        (lambda states: states + states.mean(axis=(1, 2), keepdims=True) * 0.1, {"causality", "rotation of states"}),
    ],
    ids=["least squares", "a leak of a thousandth", "by coordinate", "cubic", "the mean of all"],
)
@pytest.mark.parametrize("is_complex", [False, True])
def test_forecasters_break_what_they_must_and_nothing_else(forecaster, forecast, broken, is_complex):
    rng = np.random.default_rng(0)
    states = rng.normal(size=(20, 12, 3)) + (1j * rng.normal(size=(20, 12, 3)) if is_complex else 0)
    found = sequence_invariances_of(forecaster(forecast), states)
    assert {each.name for each in found if not each.holds} == broken
    assert found[0].name == "causality"
    assert max([each.value for each in found if each.holds], default=0) < 1e5 * EPS


def test_one_state_has_none_after_it_and_shapes_are_checked(forecaster):
    found = sequence_invariances_of(forecaster(lambda states: states), np.ones((2, 1, 1)))
    assert (found[0].value, found[0].holds) == (None, None)
    with pytest.raises(ValueError, match=r"`subject` must predict floating numbers of shape \(2, 1, 1\)"):
        sequence_invariances_of(forecaster(lambda states: states[:, 0]), np.ones((2, 1, 1)))
