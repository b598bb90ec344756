"""Exact moments of X^T X against brute force, and its sampled spectra against plain eigenvalues."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from mesascope.theory.spectrum import sample_spectra
from oracles.moments import LARGEST_POWER, expected_trace_power, set_partitions

EPS = np.finfo(np.float64).eps


def brute_force_trace_power(power, num_examples, dim_x):
    """E tr (X^T X)^power by summing the mean of every monomial over every choice of indices."""
    total = Fraction(0)
    for rows in itertools.product(range(num_examples), repeat=power):
        for columns in itertools.product(range(dim_x), repeat=power):
            entries = [(rows[k], columns[k - j]) for k in range(power) for j in (0, 1)]
            counts = Counter(entries).values()
            if all(count % 2 == 0 for count in counts):
                total += Fraction(1, math.prod(count + 1 for count in counts))
    return total


@pytest.mark.parametrize(
    ("num_examples", "dim_x", "largest_power"),
    [(1, 1, 6), (1, 2, 6), (2, 1, 6), (2, 2, 6), (3, 2, 4), (2, 3, 4), (3, 4, 3)],
)
def test_moments_equal_brute_force(num_examples, dim_x, largest_power):
    for power in range(1, largest_power + 1):
        expected = brute_force_trace_power(power, num_examples, dim_x)
        assert expected_trace_power(power, num_examples, dim_x) == expected


def test_low_moments_equal_their_formulas():
    """E tr S = N d v, E tr S^2 = N d v^2 (N + d - 1/5), with the variance v = 1/3."""
    for num_examples, dim_x in [(10, 10), (7, 30), (1, 5)]:
        count = num_examples * dim_x
        assert expected_trace_power(0, num_examples, dim_x) == dim_x
        assert expected_trace_power(1, num_examples, dim_x) == Fraction(count, 3)
        second = Fraction(count, 9) * (num_examples + dim_x - Fraction(1, 5))
        assert expected_trace_power(2, num_examples, dim_x) == second


def test_moments_are_symmetric_in_rows_and_columns():
    """X^T X and X X^T have the same eigenvalues but for zeros."""
    for power in range(1, LARGEST_POWER + 1):
        assert expected_trace_power(power, 3, 8) == expected_trace_power(power, 8, 3)


def test_set_partitions_are_distinct_and_as_many_as_the_bell_numbers():
    for size, bell in enumerate([1, 1, 2, 5, 15, 52, 203]):
        partitions = list(set_partitions(size))
        assert len(set(partitions)) == len(partitions) == bell


@pytest.mark.parametrize(("num_examples", "dim_x"), [(5, 3), (3, 5), (4, 4)])
def test_sampled_spectra_have_the_exact_moments(num_examples, dim_x):
    num_samples = 20_000
    spectra = np.concatenate(list(sample_spectra(num_examples, dim_x, num_samples, seed=0)))
    assert spectra.shape == (num_samples, dim_x)
    for power in range(1, LARGEST_POWER + 1):
        traces = (spectra**power).sum(axis=1)
        expected = float(expected_trace_power(power, num_examples, dim_x))
        standard_error = traces.std(ddof=1) / math.sqrt(num_samples)
        assert abs(traces.mean() - expected) < 5 * standard_error


@pytest.mark.parametrize(("num_examples", "dim_x"), [(5, 3), (3, 5)])
def test_spectra_are_the_eigenvalues_of_the_scatter_matrix(num_examples, dim_x):
    (spectra,) = sample_spectra(num_examples, dim_x, 4, seed=7)
    xs = np.random.default_rng(7).uniform(-1.0, 1.0, (4, num_examples, dim_x))
    for spectrum, x in zip(spectra, xs, strict=True):
        expected = np.linalg.eigvalsh(x.T @ x)
        np.testing.assert_allclose(np.sort(spectrum), expected, atol=1e3 * EPS * expected.max())


def test_chunks_join_to_the_stated_number_of_samples():
    sizes = [len(chunk) for chunk in sample_spectra(1024, 32, 70, seed=0)]
    assert len(sizes) > 1
    assert sum(sizes) == 70
