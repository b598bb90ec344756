"""What moved between two sets of results: beyond both intervals, by more than rounding, or to another verdict."""

import dataclasses
import io
import math

import pytest
from rich.console import Console

from mesascope.report.moved import compare, moves_table, what_moved
from mesascope.study.claim import Claim
from mesascope.study.result import StudyResult

MEAN = Claim("mean", "It is small.", "q", "at most", 10.0)
ONE = Claim("one", "It is one.", "q", "at most", 1e-5, over="one number")
EVERY = Claim("every", "It is always.", "q", "at most", 10.0, over="every seed")


def result(study, *verdicts):
    return StudyResult(study, "quick", "paper", None, verdicts, {}, (), 0.0, lambda summary: {})


@pytest.mark.parametrize(
    ("claim", "first", "second", "moved"),
    [
        (MEAN, [1.0, 1.1, 1.2], [1.05, 1.15, 1.1], ""),  # the intervals overlap
        (MEAN, [1.0, 1.01, 1.02], [2.0, 2.01, 2.02], "number"),
        (MEAN, [1.0, 1.01, 1.02], [1.0, 1.5, 2.0], ""),  # the first number lies within the second interval
        (MEAN, [1.0, 1.01, 1.02], [20.0, 20.01, 20.02], "verdict and number"),
        (MEAN, [9.0, 9.1, 9.2], [9.0, 9.1, 12.0], "verdict"),
        (EVERY, [1.0, 2.0], [2.0, 1.5], ""),
        (EVERY, [1.0, 2.0], [3.0, 4.0], "number"),
        (EVERY, [2.0, 2.0], [2.000001, 2.000001], ""),  # rounding
        (ONE, 1e-15, 3e-15, ""),  # rounding, against the bound
        (ONE, 1e-6, 2e-6, "number"),
        (ONE, 1e-6, 2e-5, "verdict and number"),
        (ONE, math.nan, math.nan, ""),
        (ONE, 2e-5, math.nan, "number"),
    ],
)
def test_a_claim_moves_beyond_noise_alone(claim, first, second, moved):
    assert what_moved(claim.judge(first), claim.judge(second)) == moved
    assert what_moved(claim.judge(second), claim.judge(first)) == moved


def test_studies_and_claims_of_one_side_are_named_and_not_compared():
    other = dataclasses.replace(ONE, id="other")
    first = {"a": result("a", MEAN.judge([1.0, 1.0, 1.1]), ONE.judge(1e-6)), "b": result("b", ONE.judge(1e-6))}
    second = {"a": result("a", MEAN.judge([3.0, 3.0, 3.1]), other.judge(9.0)), "c": result("c")}
    found = compare(first, second)
    assert [(move.study, move.first.claim.id, move.what) for move in found.moves] == [("a", "mean", "number")]
    assert (found.num_claims, found.only_first, found.only_second) == (1, ("b",), ("c",))
    assert found.sentence == "1 of 1 claims moved beyond noise, 0 of them with another verdict."


def test_no_claim_in_common_is_said():
    assert compare({}, {"a": result("a")}).sentence == "No claim is in both."


def test_the_table_has_both_verdicts_and_numbers():
    first, second = ({"a": result("a", MEAN.judge(numbers))} for numbers in ([1.0, 1.0, 1.1], [30.0, 30.0, 30.1]))
    console = Console(file=io.StringIO(), width=100)
    console.print(moves_table(compare(first, second), ("[old]", "new")))
    text = console.file.getvalue()
    for part in ("✓ reproduced", "✗ not reproduced", "1.03", "30", "interval 0.89", "verdict and", "[old]"):
        assert part in text
