"""Claims and the verdicts on them."""

import math

import numpy as np
import pytest
from scipy import stats

from mesascope.stats import Estimate
from mesascope.study.base import AbstractStudy
from mesascope.study.claim import Claim, Outcome

AT_MOST = Claim("gap", "Both are equal.", "their distance", "at most", 1.0)
AT_LEAST = Claim("cosine", "Both point the same way.", "their cosine", "at least", 1.0)

# Mean and half-width of the 95% interval of 1, 2, 3: 2 and 4.303 / sqrt(3).
CASES = [
    ([0.5, 0.6, 0.55], Outcome.REPRODUCED, Outcome.NOT_REPRODUCED),
    ([1.4, 1.5, 1.45], Outcome.NOT_REPRODUCED, Outcome.REPRODUCED),
    ([0.5, 0.9, 1.3], Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),  # mean 0.9, interval around 1
    ([0.7, 1.1, 1.5], Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),  # mean 1.1
    ([1.0, 1.0, 1.0], Outcome.REPRODUCED, Outcome.REPRODUCED),  # the bound itself meets it
    ([0.5], Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),  # one seed bounds nothing
]


@pytest.mark.parametrize(("values", "at_most", "at_least"), CASES)
def test_the_mean_and_its_interval_decide(values, at_most, at_least):
    for claim, expected in ((AT_MOST, at_most), (AT_LEAST, at_least)):
        for form in (values, np.array(values), tuple(values)):
            assert claim.judge(form).outcome is expected


def claim(relation="at most", bound=1.0, **how):
    return Claim("gap", "Both are equal.", "their distance", relation, bound, **how)


def test_a_verdict_carries_its_numbers_the_mean_and_students_interval():
    values = np.array([0.2, 0.5, 0.9, 0.4])
    verdict = AT_MOST.judge(values)
    expected = stats.t.interval(0.95, 3, values.mean(), values.std(ddof=1) / 2)
    assert (verdict.numbers, verdict.spread) == (tuple(values), "interval")
    np.testing.assert_allclose((verdict.measured, verdict.low, verdict.high), (values.mean(), *expected), rtol=1e-9)
    assert "95% interval" in verdict.sentence
    assert str(verdict.outcome) in verdict.sentence


def test_ratios_are_averaged_on_logarithms():
    values = np.array([0.25, 1.0, 4.0])
    low, high = np.exp(stats.t.interval(0.95, 2, 0.0, np.log(values).std(ddof=1) / np.sqrt(3)))
    verdict = claim(scale="log").judge(values)
    np.testing.assert_allclose((verdict.measured, verdict.low, verdict.high), (1.0, low, high), rtol=1e-9)
    assert verdict.numbers == tuple(values)
    assert claim().judge(values).measured == 1.75


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("over", ["mean", "every seed"])
def test_a_diverged_seed_is_a_claim_not_reproduced(lost, over):
    for relation in ("at most", "at least"):
        verdict = claim(relation, over=over).judge([1.0, lost, 1.0])
        assert verdict.outcome is Outcome.NOT_REPRODUCED
        assert math.isnan(verdict.measured)
        assert "not finite for 1 of 3 seeds" in verdict.sentence


@pytest.mark.parametrize("over", ["mean", "every seed"])
def test_seeds_that_never_got_there_are_left_out_while_half_of_them_did(over):
    numbers = np.ma.masked_invalid([0.5, math.nan, 0.6, math.nan])
    verdict = claim(over=over).judge(numbers)
    assert verdict.outcome is (Outcome.REPRODUCED if over == "every seed" else Outcome.INCONCLUSIVE)
    np.testing.assert_array_equal(verdict.numbers, [0.5, math.nan, 0.6, math.nan])
    numbers[2] = np.ma.masked
    verdict = claim(over=over).judge(numbers)
    assert verdict.outcome is Outcome.NOT_MEASURED
    assert "1 of 4 seeds" in verdict.sentence
    assert claim(over=over).judge(np.ma.masked_all(3)).outcome is Outcome.NOT_MEASURED


@pytest.mark.parametrize(
    ("value", "at_most", "at_least"),
    [
        (0.999, Outcome.REPRODUCED, Outcome.NOT_REPRODUCED),
        (1.0, Outcome.REPRODUCED, Outcome.REPRODUCED),
        (1.001, Outcome.NOT_REPRODUCED, Outcome.REPRODUCED),
        (math.nan, Outcome.NOT_REPRODUCED, Outcome.NOT_REPRODUCED),
    ],
)
def test_one_number_decides_alone(value, at_most, at_least):
    for relation, expected in (("at most", at_most), ("at least", at_least)):
        verdict = claim(relation, over="one number").judge(value)
        assert (verdict.outcome, verdict.spread) == (expected, "none")
        np.testing.assert_equal((verdict.measured, verdict.numbers), (value, (value,)))
    with pytest.raises(ValueError, match="must have one number; got 2"):
        claim(over="one number").judge([1.0, 2.0])


def test_a_bootstrap_brings_its_own_interval():
    of = claim(over="bootstrap")
    for estimate, outcome in (
        (Estimate(0.5, 0.4, 0.6), Outcome.REPRODUCED),
        (Estimate(0.9, 0.8, 1.1), Outcome.INCONCLUSIVE),
        (Estimate(1.2, 1.1, 1.3), Outcome.NOT_REPRODUCED),
        (Estimate(math.nan, math.nan, math.nan), Outcome.NOT_REPRODUCED),
    ):
        verdict = of.judge(estimate)
        assert verdict.outcome is outcome
        np.testing.assert_equal((verdict.measured, verdict.numbers[1:]), (estimate.mean, ()))
    with pytest.raises(ValueError, match="decided by bootstrap"):
        of.judge([0.5, 0.6])
    with pytest.raises(ValueError, match="decided by mean"):
        claim().judge(Estimate(0.5, 0.4, 0.6))


def test_the_criterion_says_what_is_asked_and_who_decides():
    assert AT_MOST.criterion == "their distance: at most 1 (mean over seeds and its whole 95% interval)"
    assert (
        claim(over="every seed", decided_by="paper").criterion
        == "their distance: at most 1 (every seed; only the paper's sizes decide)"
    )
    assert claim("at least", scale="log").criterion.endswith("(geometric mean over seeds and its whole 95% interval)")


def test_no_value_is_no_verdict():
    with pytest.raises(ValueError, match="must have"):
        AT_MOST.judge([])


def test_where_every_seed_must_meet_it_the_worst_decides():
    always = claim(bound=0.1, over="every seed")
    met, missed = always.judge([0.01, 0.09]), always.judge([0.01, 1e24])
    assert (met.measured, met.low, met.high, met.outcome) == (0.09, 0.01, 0.09, Outcome.REPRODUCED)
    assert (missed.measured, missed.low, missed.high) == (1e24, 0.01, 1e24)
    assert (missed.outcome, missed.spread) == (Outcome.NOT_REPRODUCED, "range")
    assert claim("at least", 0.5, over="every seed").judge([0.4, 0.9]).measured == 0.4


def test_below_the_size_that_decides_nothing_is_judged():
    large = claim(decided_by="paper")
    verdicts = {preset: large.judge([0.1, 0.11, 0.12], preset) for preset in ("smoke", "quick", "paper", "custom")}
    assert [verdict.outcome for verdict in verdicts.values()] == [
        *[Outcome.NOT_DECIDED] * 2,
        *[Outcome.REPRODUCED] * 2,
    ]
    assert verdicts["quick"].numbers == (0.1, 0.11, 0.12)
    assert "preset paper decides" in verdicts["quick"].sentence
    assert claim().judge([2.0, 2.0], "smoke").outcome is Outcome.NOT_DECIDED  # its verdicts mean nothing
    assert claim().judge([2.0, 2.0], "quick").outcome is Outcome.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("kind", "restates"), [("paper", ""), ("found here", "figure 1"), ("open question", "figure 1")]
)
def test_a_claim_restates_something_exactly_where_it_is_the_papers(kind, restates):
    with pytest.raises(ValueError, match="`restates` must name what a claim of kind paper restates"):
        claim(kind=kind, restates=restates)
    assert claim(kind="paper", restates="figure 1").whose == "figure 1"
    assert claim(kind="open question").whose == "open question"


def test_a_study_answers_an_open_question_where_one_claim_does():
    class Mixed(AbstractStudy):
        claims = (AT_MOST, claim(kind="open question"))

    class Plain(AbstractStudy):
        claims = (AT_MOST, AT_LEAST)

    assert (Mixed.kind(), Plain.kind()) == ("open question", "paper")
