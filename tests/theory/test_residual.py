"""The error filter of gradient descent: its two evaluations against each other and its definition."""

from fractions import Fraction

import numpy as np
import pytest

from mesascope.theory.residual import squared_error
from oracles.descent_loss import squared_error_polynomial

RATES = [Fraction(1, 4), Fraction(1, 8), Fraction(-3, 16)]


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_values_equal_the_definition_and_the_polynomial(num_steps):
    rates, noise_variance = RATES[:num_steps], Fraction(3, 4)
    coefficients = squared_error_polynomial(rates, noise_variance)
    assert len(coefficients) == 2 * num_steps + 1
    eigenvalues = [Fraction(k, 8) for k in range(1, 60, 7)]
    for s in eigenvalues:
        residual = Fraction(1)
        for rate in rates:
            residual *= 1 - rate * s
        expected = residual**2 + noise_variance * s * ((1 - residual) / s) ** 2
        assert sum(c * s**power for power, c in enumerate(coefficients)) == expected
        value = squared_error(np.array(rates, float), np.zeros(num_steps), 0.75, np.array([float(s)]))
        np.testing.assert_allclose(value, float(expected), rtol=1e3 * np.finfo(float).eps)


def test_an_eigenvalue_of_zero_keeps_the_whole_error():
    assert squared_error(np.array([0.5, 0.25]), np.zeros(2), 2.0, np.zeros(1)) == 1.0
    assert squared_error_polynomial(RATES, Fraction(2))[0] == 1


def test_overflow_is_infinite():
    assert squared_error(np.full(3, 1e200), np.zeros(3), 0.0, np.ones(1)) == np.inf
