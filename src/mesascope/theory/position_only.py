"""What the position weights of a layer without mixing (B^T A = I) learn when phases are concentrated.

With lambda = exp(i theta / mu), theta uniform on [0, 2 pi], a coordinate of the layer's output is
sum_t p_t lambda^(2t - T), its target lambda^T, and for real p the loss E |output - target|^2 is

    l(p) = p^T H p - 2 h^T p + 1,   H_tt' = sin(4 pi (t - t') / mu) / (4 pi (t - t') / mu),   h = H[:, T]

(Sander et al. 2024, section 4.3; its Hessian is 2 H). The last unit vector is a global minimum for every mu, but H is a
Toeplitz matrix of sinc values, whose spectrum falls off a cliff: gradient descent sees about 4 T / mu directions.
"""

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import get_lapack_funcs
from scipy.special import spherical_jn

from mesascope.validation import check_count, check_positive

LARGEST_SPECTRUM = 35


def moment_matrix(num_positions: int, mu: float) -> np.ndarray:
    """H [t t]; the identity for mu = 1, 2 and 4, all ones in the limit of large mu."""
    check_count("num_positions", num_positions)
    check_positive("mu", mu)
    positions = np.arange(num_positions)
    return np.sinc(4 * (positions[:, None] - positions[None, :]) / mu)


def loss(weights: np.ndarray, mu: float) -> np.ndarray:
    """l(p) for weights [..., t] of positions 1, ..., T."""
    weights = np.asarray(weights)
    moments = moment_matrix(weights.shape[-1], mu)
    return np.asarray(np.einsum("...t,tu,...u->...", weights, moments, weights) - 2 * weights @ moments[:, -1] + 1)


def spectrum(num_positions: int, mu: float) -> np.ndarray:
    """The eigenvalues of H as decimal logarithms, largest first: they are too far apart to be found from H in floats.

    At T = 30 and mu = 300 the smallest is 113 orders of magnitude below one. It is not lost in a factor: with
    w = 4 pi / mu and centred positions t, Gegenbauer's addition theorem for sinc(x - y) gives

        H = J J^T,   J_tn = sqrt(2n + 1) j_n(w t),   j_n the spherical Bessel functions, n = 0, 1, ...

    Columns of J fall off as steeply as the spectrum, and one-sided Jacobi rotations find singular values of such a
    matrix in relative accuracy (Drmac and Veselic 2008). At T = 30 logarithms are right to 1e-3, below T = 15 to 1e-9.
    Raises ValueError beyond T = 35, where for large mu they would not be right to 0.01.
    """
    check_count("num_positions", num_positions)
    if num_positions > LARGEST_SPECTRUM:
        raise ValueError(f"`num_positions` must be at most {LARGEST_SPECTRUM} for a spectrum; got {num_positions}.")
    check_positive("mu", mu)
    centred = 4 * np.pi / mu * (np.arange(num_positions) - (num_positions - 1) / 2)
    orders = np.arange(num_positions + int(centred[-1]) + 20)  # j_n(x) vanishes quickly from n = x on
    signs = np.where(centred[:, None] < 0, (-1.0) ** orders, 1.0)  # j_n is even or odd as n is
    factor = np.sqrt(2 * orders + 1) * signs * spherical_jn(orders, np.abs(centred)[:, None])
    (jacobi,) = get_lapack_funcs(("gejsv",), (factor,))
    values, *_, scales, _, _ = jacobi(np.asfortranarray(factor.T), joba=0, jobu=3, jobv=3)
    return 2 * np.log10(values * scales[0] / scales[1])


def descent(num_positions: int, mu: float, rate: float, num_steps: np.ndarray) -> np.ndarray:
    """p after each number of gradient steps p <- p - 2 rate (H p - h) from zero [..., t].

    In an eigenvector v of H with eigenvalue l the weights are (1 - (1 - 2 rate l)^k) v_T: directions that are rounding
    error in float64 have not moved after any number of steps that a float can count.
    """
    check_positive("rate", rate)
    values, vectors = np.linalg.eigh(moment_matrix(num_positions, mu))
    shrinks = 2 * rate * np.clip(values, 0.0, None)  # negative ones are rounding
    return ((1 - _powers(shrinks, np.asarray(num_steps))) * vectors[-1]) @ vectors.T


def smoothest(num_positions: int, num_moments: int) -> np.ndarray:
    """The limit of large mu with the first k moments learned: p_t = sum_{j<k} phi_j(T) phi_j(t).

    phi_j are the orthonormal polynomials on 1, ..., T, in which the eigenvectors of H end as mu grows: the p of least
    norm that predicts polynomials of degree below k at T. k = 1 averages, k = 2 adds a slope, k = T is the unit vector.
    """
    check_count("num_positions", num_positions)
    check_count("num_moments", num_moments)
    if num_moments > num_positions:
        raise ValueError(f"`num_moments` must be at most {num_positions}, as many as positions; got {num_moments}.")
    points = np.linspace(-1, 1, num_positions) if num_positions > 1 else np.zeros(1)
    basis, _ = np.linalg.qr(legendre.legvander(points, num_moments - 1))
    return basis @ basis[-1]


def _powers(shrinks: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """(1 - shrinks)^k for integers k, accurate where shrinks is tiny."""
    exponents = exponents[..., None].astype(float)
    small = shrinks < 0.5
    by_logarithm = np.exp(exponents * np.log1p(-np.where(small, shrinks, 0.0)))
    return np.where(small, by_logarithm, np.where(small, 1.0, 1 - shrinks) ** exponents)
