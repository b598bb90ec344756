"""One preconditioned gradient step on Gaussian inputs of any covariance: its population loss, and the best matrix.

Inputs x_1, ..., x_n are N(0, Sigma), the teacher w is N(0, I), y_i = w^T x_i without noise, the query q is N(0, Sigma')
and its target w^T q. A step from w = 0 with the matrix A predicts

    q^T A (1/n) sum_i y_i x_i = q^T A S w,    S = 1/n sum_i x_i x_i^T.

With E S = Sigma and E S^2 = (1 + 1/n) Sigma^2 + (tr Sigma / n) Sigma the loss 1/2 E (prediction - target)^2 is

    1/2 tr Sigma' [I - A Sigma - Sigma A^T + A E[S^2] A^T].

Sources: Ahn et al. 2023 (arXiv 2306.00297), theorem 1; Zhang et al. 2023 (arXiv 2306.09927), theorems 4.1 and 4.2.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mesascope.printing import in_short
from mesascope.validation import check_class, check_count, check_shape

Matrix = Float[np.ndarray, "d d"]


class BestMultiple(NamedTuple):
    """The best coefficient of a matrix, and the population loss of the step with it."""

    coefficient: float
    loss: float

    __repr__ = in_short


def best_preconditioner(covariance: Matrix, num_examples: int) -> Matrix:
    """A* = [(1 + 1/n) Sigma + (tr Sigma / n) I]^-1, the minimiser for queries of any law: A E[S^2] = Sigma.

    One matrix for every law of the query, since the loss is a weighted sum over rows of A.
    """
    check_covariance("covariance", covariance)
    check_count("num_examples", num_examples)
    identity = np.eye(len(covariance))
    return np.linalg.inv((1 + 1 / num_examples) * covariance + np.trace(covariance) / num_examples * identity)


def step_loss(
    preconditioner: Matrix, covariance: Matrix, num_examples: int | float, query_covariance: Matrix | None = None
) -> float:
    """The population loss of the step with any matrix A; `query_covariance` None means that of the examples.

    `num_examples` may be `math.inf`: the loss that no number of examples goes below, S then being Sigma.
    """
    check_covariance("covariance", covariance)
    check_shape("preconditioner", preconditioner, covariance.shape)
    query_covariance = covariance if query_covariance is None else query_covariance
    check_covariance("query_covariance", query_covariance)
    first = preconditioner @ covariance
    squared = preconditioner @ _second_moment(covariance, num_examples) @ preconditioner.T
    return float(np.trace(query_covariance @ (np.eye(len(covariance)) - first - first.T + squared)) / 2)


def zero_loss(query_covariance: Matrix) -> float:
    """The loss of predicting zero, 1/2 tr Sigma'."""
    check_covariance("query_covariance", query_covariance)
    return float(np.trace(query_covariance) / 2)


def best_multiple(direction: Matrix, covariance: Matrix, num_examples: int) -> BestMultiple:
    """The best A = c B: c* = tr(Sigma B Sigma) / tr(Sigma B E[S^2] B^T).

    With B = I this is the best step of plain gradient descent; with B = Sigma^-1 it whitens the inputs.
    """
    check_covariance("covariance", covariance)
    check_count("num_examples", num_examples)
    check_shape("direction", direction, covariance.shape)
    gain = np.trace(covariance @ direction @ covariance)
    cost = np.trace(covariance @ direction @ _second_moment(covariance, num_examples) @ direction.T)
    coefficient = float(gain / cost)
    return BestMultiple(coefficient, step_loss(coefficient * direction, covariance, num_examples))


class FlowLimit(NamedTuple):
    """Where gradient flow of a merged head ends: W_KQ and W_PV, of a layer that takes the mean over examples."""

    key_query: Float[np.ndarray, "t t"]
    output_value: Float[np.ndarray, "t t"]

    __repr__ = in_short


def flow_limit(covariance: Matrix, num_examples: int) -> FlowLimit:
    """W_KQ = tr(A*^2)^(-1/4) diag(A*, 0) and W_PV = tr(A*^2)^(1/4) diag(0, 1) (Zhang et al. 2023, theorem 4.1).

    The flow keeps |W_KQ|^2 - |W_PV|^2 where it starts, at zero: of all scales of the two, one is left.
    """
    best = best_preconditioner(covariance, num_examples)
    scale = math.sqrt(np.linalg.norm(best))
    corner = np.diag(np.append(np.zeros(len(best)), scale))
    return FlowLimit(np.pad(best / scale, ((0, 1), (0, 1))), corner)


def check_covariance(name: str, value: Matrix) -> None:
    """Raise ValueError unless this is a symmetric matrix of positive eigenvalues."""
    check_class(name, value, np.ndarray, "A matrix: `np.diag([2.0, 1.0])`.")
    if value.ndim != 2 or value.shape[0] != value.shape[1] or 0 in value.shape:
        raise ValueError(f"`{name}` must be a square matrix; got shape {value.shape}. Of variances: `np.diag(them)`.")
    symmetric = np.isfinite(value).all() and np.allclose(value, value.T)
    if not symmetric or np.linalg.eigvalsh(value)[0] <= 0:
        raise ValueError(f"`{name}` must be symmetric with positive eigenvalues; got {value.tolist()}.")


def _second_moment(covariance: Matrix, num_examples: int | float) -> Matrix:
    """E S^2."""
    inverse = 0.0 if math.isinf(num_examples) else 1 / num_examples
    return (1 + inverse) * covariance @ covariance + inverse * np.trace(covariance) * covariance
