"""Means, ratios and their confidence intervals, over seeds and over tasks.

A value that is not finite makes the estimate and its interval nan: a diverged seed is reported, not
hidden. Where the data cannot bound a quantity its interval is infinite, as it is for a single seed.
"""

import math
from collections.abc import Callable
from functools import lru_cache
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
    quantile = student_t_quantile(confidence, sample.size - 1)
    margin = quantile * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Estimate(mean, mean - margin, mean + margin)


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
    point, size = float(statistic(sample)), len(sample)
    if size == 1:
        return Estimate(point, -math.inf, math.inf)
    rng = np.random.default_rng(seed)
    draws = (sample[rng.integers(size, size=size)] for _ in range(num_resamples))
    resampled = np.array([float(statistic(draw)) for draw in draws])
    if not (math.isfinite(point) and np.isfinite(resampled).all()):
        return Estimate(point, math.nan, math.nan)
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(point, float(low), float(high))


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
    squared_quantile = student_t_quantile(confidence, size - 1) ** 2
    curvature = scale**2 - squared_quantile * variance
    if curvature <= 0:
        return Estimate(ratio, -math.inf, math.inf)
    centre = -squared_quantile * covariance
    margin = math.sqrt(centre**2 + curvature * squared_quantile * residual_variance)
    low, high = ratio + (centre - margin) / curvature, ratio + (centre + margin) / curvature
    return Estimate(ratio, float(low), float(high))


@lru_cache
def student_t_quantile(confidence: float, num_degrees: int) -> float:
    """The t with P(|T| <= t) = confidence, for Student's T of a whole number of degrees of freedom.

    Bisection over the angle theta = arctan(t / sqrt(num_degrees)) of `_central_probability`.
    """
    _check_confidence(confidence)
    if num_degrees < 1:
        raise ValueError(f"`num_degrees` must be at least 1; got {num_degrees!r}.")
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _central_probability(middle, num_degrees) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(num_degrees) * math.tan(high)


def _central_probability(angle: float, num_degrees: int) -> float:
    """P(|T| <= sqrt(num_degrees) tan(angle)), a finite sum of positive terms.

    sin(angle) times 1 + 1/2 cos^2 + (1 3)/(2 4) cos^4 + ... for even degrees of freedom; for odd,
    2/pi (angle + sin(angle) (cos + 2/3 cos^3 + (2 4)/(3 5) cos^5 + ...)), both up to the power
    num_degrees - 2 (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
    """
    sine, cosine = math.sin(angle), math.cos(angle)
    first = 2 + num_degrees % 2  # the first denominator
    denominators = np.arange(first, num_degrees - 1, 2)
    terms = np.cumprod(cosine**2 * (denominators - 1) / denominators)
    if num_degrees % 2 == 0:
        return sine * (1 + float(terms.sum()))
    series = cosine * (1 + float(terms.sum())) if num_degrees > 1 else 0.0
    return 2 / math.pi * (angle + sine * series)


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
