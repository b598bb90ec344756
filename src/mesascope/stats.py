"""Means, ratios and their confidence intervals, over seeds and over tasks.

A value that is not finite makes the estimate and its interval nan: a diverged seed is reported, not
hidden. Where the data cannot bound a quantity its interval is infinite, as it is for a single seed.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Estimate(NamedTuple):
    """A point estimate, called mean even where it is a ratio or another statistic, and its interval."""

    mean: float
    low: float
    high: float


_UNDEFINED = Estimate(math.nan, math.nan, math.nan)


@np.errstate(over="ignore", invalid="ignore")
def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """mean +- t sqrt(variance / n), t the two-sided Student quantile of n - 1 degrees of freedom.

    Exact for independent normal values. One value bounds nothing: its interval is infinite.
    """
    _check_confidence(confidence)
    sample = _sample("values", values)
    if not np.isfinite(sample).all():
        return _UNDEFINED
    mean = float(sample.mean())
    if sample.size == 1:
        return Estimate(mean, -math.inf, math.inf)
    margin = _student_quantile(confidence, sample.size - 1) * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Estimate(mean, mean - margin, mean + margin)


@np.errstate(over="ignore", invalid="ignore")
def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[[np.ndarray], Any] = np.mean,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """The percentile interval of a scalar `statistic` under resampling of the leading axis.

    For statistics with no formula, such as a median, on some tens of values or more: on few it is
    too narrow (Efron and Tibshirani 1993, chapters 13 and 14). One value has an infinite interval.
    """
    _check_confidence(confidence)
    if num_resamples < 1:
        raise ValueError(f"`num_resamples` must be at least 1; got {num_resamples!r}.")
    sample = _sample("values", values, one_axis=False)
    if not np.isfinite(sample).all():
        return _UNDEFINED
    point = float(statistic(sample))
    if len(sample) == 1:
        return Estimate(point, -math.inf, math.inf)
    from scipy.stats import bootstrap  # here, since it takes a second to load

    # scipy resamples one axis of numbers, so it draws the indices of the rows.
    drawn = bootstrap(
        (np.arange(len(sample)),),
        lambda rows: float(statistic(sample[rows])),
        vectorized=False,
        method="percentile",
        confidence_level=confidence,
        n_resamples=num_resamples,
        rng=np.random.default_rng(seed),
    )
    if not (math.isfinite(point) and np.isfinite(drawn.bootstrap_distribution).all()):
        return Estimate(point, math.nan, math.nan)
    return Estimate(point, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high))


@np.errstate(over="ignore", invalid="ignore")
def paired_ratio_interval(numerator: ArrayLike, denominator: ArrayLike, confidence: float = 0.95) -> Estimate:
    """The ratio of the means of two samples paired by task, with Fieller's interval.

    The interval holds the ratios rho for which a t test does not reject that numerator - rho
    denominator has mean zero (Fieller 1954). Chosen over the delta method, to which it tends in
    large samples, and over the bootstrap: it keeps the pairing, needs no random numbers, is exact
    for normal pairs, and is infinite where the denominator's mean may be zero.
    """
    _check_confidence(confidence)
    top, bottom = _sample("numerator", numerator), _sample("denominator", denominator)
    if top.shape != bottom.shape:
        raise ValueError(
            f"`numerator` and `denominator` must be pairs, one of each a task; got {top.size} and {bottom.size} values."
        )
    scale, size = bottom.mean(), top.size
    if not np.isfinite([top, bottom]).all() or scale == 0:
        return _UNDEFINED
    ratio = float(top.mean() / scale)
    if size == 1:
        return Estimate(ratio, -math.inf, math.inf)
    # In delta = rho - ratio: (scale delta)^2 <= t^2 var(residuals - delta bottom) / n.
    (residual_variance, covariance), (_, variance) = np.cov(top - ratio * bottom, bottom) / size
    squared_quantile = _student_quantile(confidence, size - 1) ** 2
    curvature = scale**2 - squared_quantile * variance
    if curvature <= 0:
        return Estimate(ratio, -math.inf, math.inf)
    centre = -squared_quantile * covariance
    margin = math.sqrt(centre**2 + curvature * squared_quantile * residual_variance)
    low, high = ratio + (centre - margin) / curvature, ratio + (centre + margin) / curvature
    return Estimate(ratio, float(low), float(high))


def _student_quantile(confidence: float, num_degrees: int) -> float:
    """The t with P(|T| <= t) = confidence, for Student's T."""
    from scipy.special import stdtrit

    return -float(stdtrit(num_degrees, (1 - confidence) / 2))


def _sample(name: str, values: ArrayLike, one_axis: bool = True) -> np.ndarray:
    sample = np.asarray(values)
    if sample.size == 0 or sample.ndim == 0 or (one_axis and sample.ndim != 1):
        wanted = "one axis" if one_axis else "a leading axis"
        raise ValueError(f"`{name}` must have {wanted} and a value; got shape {sample.shape}.")
    if np.iscomplexobj(sample):
        raise ValueError(f"`{name}` must be real; got {sample.dtype}.")
    return sample.astype(np.float64)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1; got {confidence!r}.")
