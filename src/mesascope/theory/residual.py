"""What gradient descent and GD++ leave of least squares, as a function of the scatter matrix's eigenvalue s.

With steps rate_k on half the summed squared error, the error of the weights is the teacher filtered
by r(s) = prod_k (1 - rate_k s), plus the label noise filtered by q(s) = (1 - r(s)) / s, a polynomial.
The squared error of an eigendirection is r(s)^2 + noise_variance s q(s)^2. With curvatures see `gdpp`; gradient descent
is curvature zero.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mesascope.validation import check_count, check_finite


class Filters(NamedTuple):
    """What is left of the teacher, r(s), and what is read from each label, q(s), at every eigenvalue."""

    residual: np.ndarray
    readout: np.ndarray


def step_sizes(learning_rate: float | ArrayLike, num_steps: int) -> np.ndarray:
    """One finite learning rate for each step, from one number or one a step; else ValueError."""
    check_count("num_steps", num_steps)
    check_finite("learning_rate", learning_rate)
    if np.shape(learning_rate) not in {(), (num_steps,)}:
        raise ValueError(
            f"`learning_rate` must be one number or {num_steps} of them, one a step; "
            f"got shape {np.shape(learning_rate)}."
        )
    return np.broadcast_to(np.asarray(learning_rate, np.float64), (num_steps,))


def filters(rates: ArrayLike, curvatures: ArrayLike, spectra: np.ndarray) -> Filters:
    """r(s) and q(s) after one step for each of `rates` and `curvatures`; eigenvalues may be zero.

    Products, not coefficients: stable for any number of steps. Beyond the range of floats the values are not finite.
    """
    residual, readout, passed = np.ones_like(spectra), np.zeros_like(spectra), np.ones_like(spectra)
    with np.errstate(over="ignore", invalid="ignore"):
        for rate, curvature in zip(np.atleast_1d(rates), np.atleast_1d(curvatures), strict=True):
            transformed = spectra * passed**2  # s_k: the data have passed prod (1 - curvature_i s_i)
            readout = readout + rate * passed**2 * residual
            residual = residual * (1 - rate * transformed)
            passed = passed * (1 - curvature * transformed)
    return Filters(residual, readout)


def squared_error(rates: ArrayLike, curvatures: ArrayLike, noise_variance: float, spectra: np.ndarray) -> np.ndarray:
    """r(s)^2 + noise_variance s q(s)^2 at every eigenvalue; inf where it overflows."""
    residual, readout = filters(rates, curvatures, spectra)
    with np.errstate(over="ignore", invalid="ignore"):
        error = residual**2 + noise_variance * spectra * readout**2
    return np.where(np.isnan(error), np.inf, error)
