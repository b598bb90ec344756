"""Population losses of gradient descent and GD++ on the tasks of `mesascope.theory.linear_regression`.

loss = 1/2 sigma^2 dim_y E tr[r(S)^2 + noise_std^2 S q(S)^2], with r and q as in `mesascope.theory.residual`.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from mesascope.theory.gdpp import drawn_spectra
from mesascope.theory.residual import squared_error, step_sizes
from oracles.moments import expected_trace_power


class SampledLoss(NamedTuple):
    """A Monte Carlo mean and its standard error."""

    mean: float
    standard_error: float


def gradient_descent_loss(learning_rate, num_steps, *, num_examples, dim_x, input_scale, noise_std=0.0, dim_y=1):
    """The exact loss of up to three steps, in rationals from the moments E tr S^m, and rounded once; inf beyond."""
    rates = [Fraction(float(rate)) / num_examples for rate in step_sizes(learning_rate, num_steps)]
    squared_scale = Fraction(float(input_scale)) ** 2
    trace = sum(
        coefficient * squared_scale**power * expected_trace_power(power, num_examples, dim_x)
        for power, coefficient in enumerate(squared_error_polynomial(rates, Fraction(float(noise_std)) ** 2))
    )
    try:
        return float(squared_scale / 6 * dim_y * trace)
    except OverflowError:  # a fraction has no infinity
        return math.inf


def sampled_loss(
    learning_rate, curvature, num_steps, *, num_examples, dim_x, input_scale,
    noise_std=0.0, dim_y=1, num_samples=10_000, seed=0,
) -> SampledLoss:  # fmt: skip
    """The loss of any number of steps of GD++: Monte Carlo over the spectrum of S, the rest exact.

    Gradient descent is curvature zero. Equal seeds draw equal spectra. The losses of many steps have heavy tails, and
    the standard error is then an underestimate.
    """
    rates = step_sizes(learning_rate, num_steps) / num_examples
    spectra = drawn_spectra(num_examples, dim_x, input_scale, num_samples, seed)
    with np.errstate(over="ignore", invalid="ignore"):
        errors = squared_error(rates, np.broadcast_to(curvature, (num_steps,)), noise_std**2, spectra).sum(axis=1)
        losses = input_scale**2 / 6 * dim_y * errors
        return SampledLoss(float(losses.mean()), float(losses.std(ddof=1) / math.sqrt(num_samples)))


def squared_error_polynomial(rates: list[Fraction], noise_variance: Fraction) -> list[Fraction]:
    """The exact coefficients of r(s)^2 + noise_variance s q(s)^2, lowest power first, for gradient descent."""
    residual = np.array([Fraction(1)], object)
    for rate in rates:
        residual = np.convolve(residual, np.array([Fraction(1), -rate], object))
    readout = -residual[1:]
    noise = np.concatenate([[Fraction(0)], np.convolve(readout, readout), [Fraction(0)]])  # s q(s)^2, padded
    return (np.convolve(residual, residual) + noise_variance * noise).tolist()
