"""How large a bilinear form of sinusoidal encodings must be to find the newest state, in many digits."""

from decimal import Decimal, localcontext

import numpy as np

DIGITS = 250  # encodings of neighbours differ by so little that floats cannot tell twelve of them from eleven


def bilinear_digits(dim_codes: int, num_positions: int) -> float:
    """log10 of the largest entry of the M of least norm whose e_q^T M e_k is one for the newest key k, else zero.

    e are sinusoidal encodings (`SinusoidalPositions`); inf where there are fewer than positions.
    """
    if num_positions > dim_codes:
        return float("inf")
    with localcontext(prec=DIGITS):
        codes = np.array([encoding(Decimal(position), dim_codes) for position in range(num_positions)])
        inverse = codes.T @ inverted(codes @ codes.T)
        bilinear = inverse[:, :-1] @ inverse[:, 1:].T  # rows ask, and each asks for the column after it
        return float(np.abs(bilinear).max().log10())


def encoding(position: Decimal, dim_codes: int) -> list[Decimal]:
    """Sine and cosine of the position times 10000^(-2i / dim_codes), i = 0, 1, ...: as many entries as asked for."""
    rates = [Decimal(10_000) ** (Decimal(-2 * i) / dim_codes) for i in range((dim_codes + 1) // 2)]
    return [entry for rate in rates for entry in sine_and_cosine(position * rate)][:dim_codes]


def sine_and_cosine(angle: Decimal) -> tuple[Decimal, Decimal]:
    """By the exponential series, to the digits of the context."""
    sums, term, order = [Decimal(0), Decimal(0)], Decimal(1), 0
    while abs(term) > Decimal(10) ** -DIGITS or order < abs(angle):
        sums[order % 2] += -term if order % 4 > 1 else term
        order += 1
        term *= angle / order
    return sums[1], sums[0]


def inverted(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a positive definite matrix of decimals, by elimination: numpy's is for floats."""
    size = len(matrix)
    both = np.concatenate(
        [matrix, np.array([[Decimal(int(i == j)) for j in range(size)] for i in range(size)])], axis=1
    )
    for k in range(size):
        both[k] /= both[k, k]
        others = np.arange(size) != k
        both[others] -= np.outer(both[others, k], both[k])
    return both[:, size:]
