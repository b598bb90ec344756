"""The best rates of gradient descent and of GD++, shared by all steps or one for each, for given spectra.

In the terms of `gdpp`, the mean of sum_i [r(s_i)^2 + noise_variance s_i q(s_i)^2] over spectra is a nonlinear least
squares problem in the rates, solved by scipy with exact derivatives.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

from mesascope.printing import in_short
from mesascope.theory.gdpp import chebyshev_rates, drawn_spectra
from mesascope.theory.residual import squared_error
from mesascope.validation import check_count, check_non_negative

TOLERANCE = 1e-9  # a relative gain below which the search is over
MARGINS = 1.25, 1.5  # by which intervals to start from exceed the largest eigenvalue seen
MOST_POINTS = 60  # that one search looks at


class RateFit(NamedTuple):
    """rates and curvatures [num_steps], with the mean errors on the spectra fitted and on those held out.

    A rate is learning_rate / N. Multiply an error by 1/2 sigma^2 dim_y for the loss.
    """

    rates: np.ndarray
    curvatures: np.ndarray
    error: float
    held_out_error: float

    __repr__ = in_short


class Optimum(NamedTuple):
    """The best learning rates and curvatures [num_steps], with their losses on the spectra fitted and on others."""

    learning_rate: np.ndarray
    curvature: np.ndarray
    loss: float
    held_out_loss: float

    __repr__ = in_short


def _shared(num_steps: int) -> np.ndarray:
    return np.ones((num_steps, 1))


# What is free in each family: matrices that make one rate and one curvature a step out of the free numbers.
FAMILIES: dict[str, tuple[Callable[[int], np.ndarray], Callable[[int], np.ndarray] | None]] = {
    "GD": (_shared, None),
    "GD, a rate per step": (np.eye, None),
    "GD++": (_shared, _shared),
    "GD++, rates per step": (np.eye, np.eye),
}


def best_rates(
    family: str,
    num_steps: int,
    *,
    num_examples: int,
    dim_x: int,
    input_scale: float,
    noise_std: float = 0.0,
    dim_y: int = 1,
    num_samples: int = 10_000,
    seed: int = 0,
) -> Optimum:
    """The best rates of a family for linear regression, from `num_samples` spectra and as many held out.

    See `fit_rates`. The population minimum of many steps is decided by spectra too rare to be drawn: read `loss` as
    the least mean over `num_samples` tasks, and trust it as far as `held_out_loss` agrees.
    """
    check_count("dim_y", dim_y)
    check_non_negative("noise_std", noise_std)
    spectra, held_out = np.split(drawn_spectra(num_examples, dim_x, input_scale, 2 * num_samples, seed), 2)
    fit = fit_rates(family, num_steps, spectra, held_out, float(noise_std) ** 2)
    scale = float(input_scale) ** 2 / 6 * dim_y
    return Optimum(fit.rates * num_examples, fit.curvatures, scale * fit.error, scale * fit.held_out_error)


def fit_rates(
    family: str, num_steps: int, spectra: np.ndarray, held_out: np.ndarray, noise_variance: float = 0.0
) -> RateFit:
    """The rates of a family that minimise the mean error over `spectra` [samples, dim_x].

    Local searches from the `starting_points`; of all points they looked at, the best on these and `held_out`
    together: a minimum for some spectra can explode on others. Gradient descent and GD++ with shared rates have shown
    one minimum each; GD++ with rates for each step has many, of which the best known are near Chebyshev's rates.
    Raises ValueError for a family that is not in FAMILIES.
    """
    check_non_negative("noise_variance", noise_variance)
    starts = starting_points(family, num_steps, spectra, noise_variance)
    search = _Search(_basis(family, num_steps), spectra, held_out, noise_variance)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in starts:
            search.run(start)
    rates, curvatures = np.split(search.basis @ search.best[0], 2)
    return RateFit(rates, curvatures, search.best[1], search.best[2])


def _basis(family: str, num_steps: int) -> np.ndarray:
    rates, curvatures = FAMILIES[family]
    left = rates(num_steps)
    right = np.zeros((num_steps, 0)) if curvatures is None else curvatures(num_steps)
    return np.block([[left, np.zeros((num_steps, right.shape[1]))], [np.zeros((num_steps, left.shape[1])), right]])


def starting_points(family: str, num_steps: int, spectra: np.ndarray, noise_variance: float = 0.0) -> list[np.ndarray]:
    """The free numbers of a family to start from: its rates, then its curvatures, one each where they are shared.

    One rate: the exact minimiser for one step. A rate per step: 1 / Chebyshev nodes. Shared GD++: gradient descent's
    optimum. Rates per step: Chebyshev's. The intervals of both reach beyond the largest eigenvalue, so that a search
    starts where unseen spectra do not explode.
    """
    if family not in FAMILIES:
        raise ValueError(f"`family` must be one of {', '.join(FAMILIES)}; got {family!r}.")
    check_count("num_steps", num_steps)
    largest = float(spectra.max())
    if family == "GD":
        return [np.array([spectra.sum() / (spectra**2 + noise_variance * spectra).sum()])]
    if family == "GD, a rate per step":
        return [2 / (MARGINS[0] * largest) / (1 - np.cos((2 * np.arange(num_steps) + 1) * np.pi / (2 * num_steps)))]
    if family == "GD++":
        descent = fit_rates("GD", num_steps, spectra, spectra[:1], noise_variance)
        return [np.array([descent.rates[0], 0.0])]
    return [np.tile(chebyshev_rates(num_steps, margin * largest), 2) for margin in MARGINS]


class _Search:
    """Nonlinear least squares, and the best point on all spectra that it has looked at."""

    def __init__(self, basis: np.ndarray, spectra: np.ndarray, held_out: np.ndarray, noise_variance: float):
        self.basis, self.spectra, self.held_out, self.noise_variance = basis, spectra, held_out, noise_variance
        self.best: tuple[np.ndarray, float, float] = (np.zeros(basis.shape[1]), np.inf, np.inf)
        self.least = np.inf
        self.linearised: tuple[np.ndarray, tuple[np.ndarray, np.ndarray]] | None = None

    def run(self, start: np.ndarray) -> None:
        """Descend from one point."""
        jacobian: Any = self._jacobian  # scipy's own annotation knows only its words for it
        least_squares(self._residuals, start, jacobian, x_scale="jac", ftol=TOLERANCE, max_nfev=MOST_POINTS)

    def _error(self, point: np.ndarray, spectra: np.ndarray) -> float:
        rates, curvatures = np.split(self.basis @ point, 2)
        return float(squared_error(rates, curvatures, self.noise_variance, spectra).sum() / len(spectra))

    def _residuals(self, point: np.ndarray) -> np.ndarray:
        error, held_out = self._error(point, self.spectra), self._error(point, self.held_out)
        total = len(self.spectra) * error + len(self.held_out) * held_out
        if total < self.least:
            self.least, self.best = total, (point.copy(), error, held_out)
        return self._linearised(point)[0]

    def _jacobian(self, point: np.ndarray) -> np.ndarray:
        return self._linearised(point)[1].T

    def _linearised(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`_linearise`, once for a point: scipy asks for the residuals, then for their derivatives."""
        if self.linearised is None or not np.array_equal(self.linearised[0], point):
            self.linearised = point.copy(), self._linearise(point)
        return self.linearised[1]

    def _linearise(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The residuals and their derivatives with respect to the free numbers [free, residuals]."""
        rates, curvatures = np.split(self.basis @ point, 2)
        s = self.spectra.ravel()
        weights = [(1.0, 0.0)] if self.noise_variance == 0 else [(1.0, 0.0), (0.0, np.sqrt(self.noise_variance * s))]
        parts = [filter_derivatives(rates, curvatures, s, *weight) for weight in weights]
        residuals, derivatives = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
        return residuals, self.basis.T @ derivatives


def filter_derivatives(
    rates: np.ndarray, curvatures: np.ndarray, s: np.ndarray, residual_weight, readout_weight
) -> tuple[np.ndarray, np.ndarray]:
    """residual_weight r(s) + readout_weight q(s), and its derivatives by each rate, then each curvature.

    One pass forward and one backward, at a cost that does not depend on the number of rates.
    """
    residual, readout, passed, seen = np.ones_like(s), np.zeros_like(s), np.ones_like(s), []
    for rate, curvature in zip(rates, curvatures, strict=True):
        seen.append((residual, passed))
        readout = readout + rate * passed**2 * residual
        residual, passed = residual * (1 - rate * s * passed**2), passed * (1 - curvature * s * passed**2)
    num_steps = len(rates)
    derivatives = np.empty((2 * num_steps, s.size))
    by_residual, by_readout, by_passed = residual_weight + np.zeros_like(s), readout_weight, np.zeros_like(s)
    for k in reversed(range(num_steps)):
        before, through = seen[k]
        transformed = s * through**2
        downstream = by_readout - by_residual * s  # r and q both take rate through^2 r
        derivatives[k] = downstream * through**2 * before
        derivatives[num_steps + k] = -by_passed * through * transformed
        by_passed = 2 * rates[k] * downstream * through * before + by_passed * (1 - 3 * curvatures[k] * transformed)
        by_residual = by_residual + rates[k] * downstream * through**2
    return residual_weight * residual + readout_weight * readout, derivatives
