"""Exact moments of the scatter matrix of uniform random inputs."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

# The pairs of set partitions number 4e4 for the power 6, half a second, and 17e6 for the power 8.
LARGEST_POWER = 6


def expected_trace_power(power: int, num_examples: int, dim_x: int) -> Fraction:
    """The exact E tr (X^T X)^power, the entries of X [num_examples, dim_x] iid uniform on [-1, 1].

    tr (X^T X)^m sums prod_k X[i_k, a_k] X[i_k, a_(k+1)], with a_(m+1) = a_1, over rows i_1..i_m and
    columns a_1..a_m. The mean of a term depends only on which rows and which columns coincide, two
    set partitions of {1..m}, of p and q blocks: it is the product over pairs (row block, column
    block) of E x^count, and n!/(n-p)! d!/(d-q)! terms share it. For inputs on [-a, a] multiply by
    a^(2 m).
    """
    assert 0 <= power <= LARGEST_POWER, "beyond it there are too many partitions to enumerate"
    if power == 0:
        return Fraction(dim_x)
    terms = (
        weight * math.perm(num_examples, num_rows) * math.perm(dim_x, num_columns)
        for (num_rows, num_columns), weight in _weights(power).items()
    )
    return sum(terms, Fraction(0))


def set_partitions(size: int) -> Iterator[tuple[int, ...]]:
    """Every set partition of `size` elements, as labels: a new block takes the next free label."""
    if size == 0:
        yield ()
        return
    for labels in set_partitions(size - 1):
        for label in range(max(labels, default=-1) + 2):
            yield (*labels, label)


@lru_cache
def _weights(power: int) -> dict[tuple[int, int], Fraction]:
    """The term means summed over pairs of partitions with equal numbers of row and column blocks."""
    weights = defaultdict(Fraction)
    for rows, columns in itertools.product(set_partitions(power), repeat=2):
        weights[max(rows) + 1, max(columns) + 1] += _term_mean(rows, columns)
    return dict(weights)


def _term_mean(rows: tuple[int, ...], columns: tuple[int, ...]) -> Fraction:
    """E prod_k X[rows_k, columns_k] X[rows_k, columns_(k+1)]: E x^c = 1/(c+1), or 0 for odd c."""
    shifted = columns[1:] + columns[:1]
    counts = Counter(zip(rows * 2, columns + shifted, strict=True)).values()
    if any(count % 2 for count in counts):
        return Fraction(0)
    return Fraction(1, math.prod(count + 1 for count in counts))
