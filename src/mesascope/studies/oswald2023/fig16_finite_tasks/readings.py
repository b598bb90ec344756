"""The numbers that the claims about finitely many tasks are judged by."""

import numpy as np

from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolMeasures
from mesascope.study.base import Readings


def readings(sizes: tuple[int, ...], dim_x: int, found: PoolMeasures) -> Readings:
    """The numbers that claims are about, and for each number of tasks those that they are made of.

    Where a number of tasks was not trained on there is no number.
    """
    gap, cosine = found.loss / found.gradient_descent - 1, found.sensitivity_cosine

    def of_size(size: int, values: np.ndarray) -> np.ndarray:
        return values[sizes.index(size)] if size in sizes else np.ma.masked_all(values.shape[1])

    factors = np.ma.stack([off_by(of_size(size, gap), least_squares_gap(size, dim_x)) for size in (2048, 8192)])
    numbers = {
        "loss-8192": np.abs(of_size(8192, gap)),
        "cosine-8192": of_size(8192, cosine),
        "cosine-2048": of_size(2048, cosine),
        "loss-128": of_size(128, gap),
        "rises": np.diff(cosine, axis=0).min(axis=0),
        "least-squares": np.ma.masked_array(factors.max(axis=0), np.ma.getmaskarray(factors).any(axis=0)),
        "by-heart": of_size(128, found.pool_loss) / found.gradient_descent,
        "loss of the best gradient step on fresh tasks": found.gradient_descent,
    }
    for i, size in enumerate(sizes):
        numbers |= {
            f"loss on fresh tasks, {size} tasks": found.loss[i],
            f"loss on its own tasks, {size} tasks": found.pool_loss[i],
            f"mean cosine, {size} tasks": cosine[i],
            f"mean distance of predictions, {size} tasks": found.prediction_distance[i],
            f"mean distance of sensitivities, {size} tasks": found.sensitivity_distance[i],
            f"fresh loss / gradient descent's - 1, {size} tasks": gap[i],
            f"the same of least squares, {size} tasks": least_squares_gap(size, dim_x),
        }
    return numbers


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def off_by(gap: np.ndarray, expected: float) -> np.ma.MaskedArray:
    """The factor, at least 1, between a gap [seeds] and the expected one; infinite where the gap is not positive."""
    ratio = np.ma.getdata(gap) / expected
    return np.ma.masked_array(np.where(ratio > 0, np.maximum(ratio, 1 / ratio), np.inf), np.ma.getmaskarray(gap))


def least_squares_gap(num_tasks: int, dim_x: int) -> float:
    """p / (B - p - 1), what least squares loses to the best predictor with p normal features; nan below p + 2.

    p = (dim_x + 1)^2 - 1 is the number of directions in which the layer's prediction changes near gradient descent:
    the row of P W_V that writes y, the columns of W_KQ that read x, less the scale gauge.
    """
    num_weights = (dim_x + 1) ** 2 - 1
    spare = num_tasks - num_weights - 1
    return num_weights / spare if spare > 0 else np.nan
