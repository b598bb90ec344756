"""Intervals against closed forms, exact enumeration and their coverage in simulation."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from mesascope.stats import bootstrap_interval, mean_interval, paired_ratio_interval

EPS = np.finfo(np.float64).eps
Z = 5
INVALID = [np.array([]), np.ones((2, 2)), np.float64(1.0), np.array([1j])]


def assert_coverage(hits, confidence):
    """The share of intervals that hold the truth is binomial: five standard errors either side."""
    bound = Z * math.sqrt(confidence * (1 - confidence) / len(hits))
    assert abs(np.mean(hits) - confidence) < bound


def test_mean_interval_is_the_closed_form():
    """Of two values the quantile is Cauchy's tan(pi c / 2), of three c sqrt(2 / (1 - c^2))."""
    for confidence in (0.1, 0.8, 0.95, 0.9999):
        two, three = math.tan(math.pi * confidence / 2), confidence * math.sqrt(2 / (1 - confidence**2))
        assert mean_interval([3.0, 5.0], confidence) == pytest.approx((4.0, 4 - two, 4 + two), rel=1e-9)
        margin = three * 2 / math.sqrt(3)
        assert mean_interval([1.0, 3.0, 5.0], confidence) == pytest.approx((3.0, 3 - margin, 3 + margin), rel=1e-9)


def test_mean_interval_covers_the_mean_as_often_as_it_says():
    samples = np.random.default_rng(1).normal(0.3, 2.0, (1000, 5))
    estimates = [mean_interval(sample, 0.9) for sample in samples]
    assert_coverage([low <= 0.3 <= high for _, low, high in estimates], 0.9)


def test_bootstrap_equals_the_quantiles_of_all_resamples():
    values = np.array([0.0, 1.0, 3.0, 7.0])
    every = [np.mean(resample) for resample in itertools.product(values, repeat=4)]
    # The cumulative probabilities next to 0.1 and 0.9 are jumps of k / 256, each at least
    # 5 standard errors sqrt(0.09 / 40000) = 0.0015 away, so the sampled quantiles are the exact ones.
    low, high = np.quantile(every, [0.1, 0.9], method="inverted_cdf")
    for value in (low, high):
        jumps = np.mean(np.array(every) < value), np.mean(np.array(every) <= value)
        assert all(min(abs(jump - 0.1), abs(jump - 0.9)) > Z * 0.0015 for jump in jumps)
    estimate = bootstrap_interval(values, confidence=0.8, num_resamples=40_000)
    assert estimate == pytest.approx((2.75, low, high), rel=10 * EPS)


def test_bootstrap_resamples_rows_and_repeats_for_a_seed():
    pairs = np.random.default_rng(2).normal(size=(30, 2)) * [1.0, 0.0] + [0.0, 2.0]

    def ratio(rows):
        first, second = rows.mean(axis=0)
        return first / second

    estimate = bootstrap_interval(pairs, ratio, num_resamples=200, seed=3)
    assert estimate == bootstrap_interval(pairs, ratio, num_resamples=200, seed=3)
    assert estimate != bootstrap_interval(pairs, ratio, num_resamples=200, seed=4)
    # The second column is constant, so the ratio is half the mean of the first.
    halves = bootstrap_interval(pairs[:, 0] / 2, num_resamples=200, seed=3)
    assert estimate == pytest.approx(halves, rel=1e3 * EPS)


def test_bootstrap_covers_the_median_about_as_often_as_it_says():
    samples = np.random.default_rng(4).exponential(size=(200, 101))
    estimates = [bootstrap_interval(sample, np.median, 0.8, 100) for sample in samples]
    assert_coverage([low <= math.log(2) <= high for _, low, high in estimates], 0.8)


def test_ratio_interval_covers_the_ratio_as_often_as_it_says():
    """Fieller's interval is exact for normal pairs, here five with a noisy, correlated denominator."""
    rng = np.random.default_rng(5)
    shared, first, second = rng.normal(size=(3, 1000, 5))
    numerators, denominators = 2.0 + shared + 0.5 * first, 4.0 + shared + second
    estimates = [paired_ratio_interval(top, bottom, 0.9) for top, bottom in zip(numerators, denominators, strict=True)]
    assert_coverage([low <= 0.5 <= high for _, low, high in estimates], 0.9)


def test_ratio_interval_inverts_the_paired_t_test():
    rng = np.random.default_rng(6)
    bottom = rng.exponential(size=40)
    top = 0.7 * bottom + 0.1 * rng.normal(size=40)
    estimate = paired_ratio_interval(top, bottom, 0.95)
    assert estimate.mean == pytest.approx(top.mean() / bottom.mean(), rel=10 * EPS)
    for bound in (estimate.low, estimate.high):
        p_value = scipy.stats.ttest_1samp(top - bound * bottom, 0.0).pvalue
        assert p_value == pytest.approx(0.05, rel=1e-9)


def test_ratio_interval_tends_to_the_delta_method():
    rng = np.random.default_rng(7)
    bottom = rng.exponential(size=100_000)
    top = bottom * rng.uniform(size=bottom.size)
    mean, low, high = paired_ratio_interval(top, bottom)
    quantile = scipy.stats.norm.ppf(0.975)
    delta = quantile * scipy.stats.sem(top - mean * bottom) / bottom.mean()
    # The bounds differ from the delta method's by the relative amount quantile * correlation of
    # residual and denominator * the denominator's relative standard error, and by its square.
    tolerance = 1.1 * quantile * scipy.stats.sem(bottom) / bottom.mean()
    assert high - mean == pytest.approx(delta, rel=tolerance)
    assert mean - low == pytest.approx(delta, rel=tolerance)


def test_an_exact_ratio_has_no_width():
    bottom = np.array([3.0, 4.0, 5.0, 6.0])
    assert paired_ratio_interval(0.5 * bottom, bottom) == (0.5, 0.5, 0.5)


def test_a_denominator_that_may_be_zero_bounds_nothing():
    estimate = paired_ratio_interval(np.array([1.0, 1.1, 0.9]), np.array([-1.0, 1.5, 0.1]))
    assert estimate == pytest.approx((5.0, -math.inf, math.inf))
    assert all(map(math.isnan, paired_ratio_interval(np.ones(2), np.array([-1.0, 1.0]))))


def test_one_value_bounds_nothing():
    one = np.array([2.0])
    assert mean_interval(one) == (2.0, -math.inf, math.inf)
    assert bootstrap_interval(one) == (2.0, -math.inf, math.inf)
    assert paired_ratio_interval(one, np.array([4.0])) == (0.5, -math.inf, math.inf)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_not_hidden(bad):
    values, ones = np.array([1.0, bad, 2.0]), np.ones(3)
    for estimate in (
        mean_interval(values),
        mean_interval(values[1:2]),
        bootstrap_interval(values, np.median),
        paired_ratio_interval(values, ones),
        paired_ratio_interval(ones, values),
    ):
        assert all(map(math.isnan, estimate))


def test_a_statistic_that_is_not_finite_has_no_interval():
    estimate = bootstrap_interval(np.array([1.0, 2.0]), lambda _: math.inf, num_resamples=3)
    assert estimate.mean == math.inf
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


def test_huge_values_do_not_crash():
    huge = np.array([1.0, 1e200, 3.0])
    assert mean_interval(huge)[1:] == (-math.inf, math.inf)
    _, low, high = paired_ratio_interval(huge, np.array([1.0, 2.0, 3.0]))
    assert not math.isfinite(low)
    assert not math.isfinite(high)


@pytest.mark.parametrize("values", INVALID, ids=["empty", "matrix", "scalar", "complex"])
def test_invalid_samples_are_named(values):
    with pytest.raises(ValueError, match="`values` must"):
        mean_interval(values)
    with pytest.raises(ValueError, match="`numerator` must"):
        paired_ratio_interval(values, np.ones(2))
    with pytest.raises(ValueError, match="`denominator` must"):
        paired_ratio_interval(np.ones(2), values)
    if values.ndim != 2:
        with pytest.raises(ValueError, match="`values` must"):
            bootstrap_interval(values)


def test_invalid_options_are_named():
    values = np.ones(3)
    for confidence in (0.0, 1.0, math.nan):
        for interval in (mean_interval, bootstrap_interval):
            with pytest.raises(ValueError, match="`confidence` must be"):
                interval(values, confidence=confidence)
        with pytest.raises(ValueError, match="`confidence` must be"):
            paired_ratio_interval(values, values, confidence)
    with pytest.raises(ValueError, match="`num_resamples` must be"):
        bootstrap_interval(values, num_resamples=0)
    with pytest.raises(ValueError, match="pairs"):
        paired_ratio_interval(values, np.ones(2))
