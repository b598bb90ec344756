"""Losses on the way of gradient descent on position weights, as sums over the eigenvectors of its Hessian."""

import numpy as np

from mesascope.theory.position_only import moment_matrix


def descent_losses(num_positions, mu, rate, num_steps, start=None) -> np.ndarray:
    """The loss l(p) of `mesascope.theory.position_only` after each number of steps from `start`, by default zero.

    In the eigenbasis sum_j (1 - 2 rate l_j)^(2k) l_j c_j^2, c the unit vector of the newest state less the start. All
    terms are positive, so that small losses are lost only in the rounding of the eigenvalues.
    """
    values, vectors = np.linalg.eigh(moment_matrix(num_positions, mu))
    values = np.clip(values, 0.0, None)  # negative ones are rounding
    away = vectors[-1] if start is None else vectors[-1] - np.asarray(start) @ vectors
    return (values * away**2) @ ((1 - 2 * rate * values) ** (2 * np.asarray(num_steps)[:, None])).T


def steps_to(tolerance, num_positions, mu, rate, most) -> int:
    """The first number of steps from zero after which the loss is at most `tolerance`, or `most`."""
    reached = descent_losses(num_positions, mu, rate, np.arange(most)) <= tolerance
    return int(reached.argmax()) if reached.any() else most
