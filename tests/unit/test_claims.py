"""Claims and the verdicts on them."""

import math

import numpy as np
import pytest
from scipy import stats

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


def test_a_verdict_carries_the_mean_and_students_interval():
    values = np.array([0.2, 0.5, 0.9, 0.4])
    verdict = AT_MOST.judge(values)
    expected = stats.t.interval(0.95, 3, values.mean(), values.std(ddof=1) / 2)
    np.testing.assert_allclose(verdict.measured, values.mean())
    np.testing.assert_allclose(verdict.interval, expected, rtol=1e-9)
    assert "mean over 4 seeds, 4 of which meet it" in verdict.sentence
    assert str(verdict.outcome) in verdict.sentence


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_diverged_seed_is_a_claim_not_reproduced(lost):
    for claim in (AT_MOST, AT_LEAST):
        verdict = claim.judge([1.0, lost, 1.0])
        assert verdict.outcome is Outcome.NOT_REPRODUCED
        assert math.isnan(verdict.measured)
        assert "1 of 3 seeds" in verdict.sentence


@pytest.mark.parametrize(
    ("value", "at_most", "at_least"),
    [
        (0.999, Outcome.REPRODUCED, Outcome.NOT_REPRODUCED),
        (1.0, Outcome.REPRODUCED, Outcome.REPRODUCED),
        (1.001, Outcome.NOT_REPRODUCED, Outcome.REPRODUCED),
        (math.nan, Outcome.NOT_REPRODUCED, Outcome.NOT_REPRODUCED),
    ],
)
def test_a_number_without_sampling_error_decides_alone(value, at_most, at_least):
    for claim, expected in ((AT_MOST, at_most), (AT_LEAST, at_least)):
        verdict = claim.judge_exact(value)
        assert verdict.outcome is expected
        np.testing.assert_equal((verdict.measured, *verdict.interval), (value,) * 3)


def test_the_criterion_says_what_is_asked():
    assert AT_MOST.criterion == "their distance at most 1"
    assert AT_LEAST.criterion == "their cosine at least 1"


def test_no_value_is_no_verdict():
    with pytest.raises(ValueError, match="must have"):
        AT_MOST.judge([])


def test_where_every_seed_must_meet_it_the_worst_decides():
    claim = Claim("c", "s", "gap", "at most", 0.1)
    met, missed = claim.judge_every([0.01, 0.09]), claim.judge_every([0.01, 1e24])
    assert (met.measured, met.interval, met.outcome) == (0.09, (0.01, 0.09), Outcome.REPRODUCED)
    assert (missed.measured, missed.interval, missed.outcome) == (1e24, (0.01, 1e24), Outcome.NOT_REPRODUCED)
    assert "which 1 meet" in missed.sentence
    assert Claim("c", "s", "q", "at least", 0.5).judge_every([0.4, 0.9]).measured == 0.4
    assert claim.judge_every([0.01, float("inf")]).outcome is Outcome.NOT_REPRODUCED
