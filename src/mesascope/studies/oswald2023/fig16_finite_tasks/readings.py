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

    return {
        "loss-8192": np.abs(of_size(8192, gap)),
        "cosine-8192": of_size(8192, cosine),
        "cosine-2048": of_size(2048, cosine),
        "loss-128": of_size(128, gap),
        "rises": np.diff(cosine, axis=0).min(axis=0),
        "loss of the best gradient step on fresh tasks": found.gradient_descent,
        **{f"loss on fresh tasks, {size} tasks": loss for size, loss in zip(sizes, found.loss, strict=True)},
        **{f"loss on its own tasks, {size} tasks": loss for size, loss in zip(sizes, found.pool_loss, strict=True)},
        **{f"mean cosine, {size} tasks": each for size, each in zip(sizes, cosine, strict=True)},
        **{f"fresh loss / GD loss - 1, {size} tasks": each for size, each in zip(sizes, gap, strict=True)},
        **{f"the same of least squares, {size} tasks": least_squares_gap(size, dim_x) for size in sizes},
    }


def least_squares_gap(num_tasks: int, dim_x: int) -> float:
    """p / (B - p - 1), what least squares loses to the best predictor with p normal features; nan below p + 2.

    p = (dim_x + 1)^2 - 1 is the number of directions in which the layer's prediction changes near gradient descent:
    the row of P W_V that writes y, the columns of W_KQ that read x, less the scale gauge.
    """
    num_weights = (dim_x + 1) ** 2 - 1
    spare = num_tasks - num_weights - 1
    return num_weights / spare if spare > 0 else np.nan
