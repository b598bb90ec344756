"""Weights of diagonal heads of known loss where states come in conjugate pairs (Sander et al. 2024, proposition 5)."""

import numpy as np


def orthogonal_solution(dim: int, ratio: float) -> np.ndarray:
    """The C of zero loss for p_T = 1 and p_{T-1} = ratio: blocks [[1, r], [r, 1]] with r = -ratio / (1 + ratio).

    With all other weights zero and any scale c of p and 1 / c of C these are all solutions. At ratio 0 the pairs do not
    mix; at ratio -1/2, r = 1: the rank is d / 2, and 2 cos(theta) s_T - s_{T-1} is what is computed.
    """
    mix = -ratio / (1 + ratio)
    return np.kron(np.eye(dim // 2), np.array([[1.0, mix], [mix, 1.0]]))


def orthogonal_approach(dim: int, newest: float) -> np.ndarray:
    """A C of rank d / 2 + 1 that loses 1 / rho^2 a position, rho = p_{T-1} / p_T, with p_T = newest = 1 - p_{T-1}.

    Blocks [[1, -1], [-1, 1]] / newest predict lambda^T and a constant -1 beside it. 1 / (d (1 - newest)) in every entry
    takes the constant away: at t = T - 1 row sums are all that counts, and at t = T the weight is small. So with
    positive weights and d / 2 < H < d zero is an infimum, and no minimum.
    """
    return np.kron(np.eye(dim // 2), np.array([[1.0, -1.0], [-1.0, 1.0]])) / newest + 1 / (dim * (1 - newest))
