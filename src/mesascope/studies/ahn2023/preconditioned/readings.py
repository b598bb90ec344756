"""The numbers that claims about a trained layer and its matrix are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies._shared.head_training import TrainedHeads
from mesascope.studies.ahn2023.preconditioned.cells import LayerMeasured
from mesascope.studies.ahn2023.preconditioned.endings import Endings
from mesascope.study.base import Readings
from mesascope.theory.preconditioned_step import best_multiple, best_preconditioner, step_loss

ELSEWHERE = 1.05  # an ending of more than this many times the least loss is another one


class Summary(NamedTuple):
    """The layer trained on prompts, heads trained on the exact loss by number of examples, and random starts.

    `other` are random starts on inputs of equal variances.
    """

    layer: LayerMeasured
    heads: tuple[TrainedHeads, ...]
    random: Endings
    other: Endings


def readings(summary: Summary, variances: tuple[float, ...], sizes: tuple[int, ...]) -> Readings:
    """Of layers an entry a seed, of random starts their share."""
    layer, num_examples, covariance = summary.layer, sizes[0], np.diag(variances)
    best = best_preconditioner(covariance, num_examples)
    least = step_loss(best, covariance, num_examples)
    exact = [
        matrix_distances(heads.matrices(size), variances, size)
        for heads, size in zip(summary.heads, sizes, strict=True)
    ]
    elsewhere = share_elsewhere(summary.random, variances, num_examples)
    lowest = summary.random.curvatures[0] / summary.random.curvatures[-1]
    return {
        "matrix": matrix_distances(layer.matrix, variances, num_examples),
        "predictions": layer.distance,
        "scalar": layer.scalar / layer.trained,
        "whitening": layer.whitening / layer.trained,
        "sizes": np.max(exact, axis=0),
        "endings": elsewhere,
        "minimum": np.ma.masked_array(lowest, elsewhere == 0),
        "isotropic": share_elsewhere(summary.other, equal(variances), num_examples),
        "loss of the trained layer over the least, exact": layer.exact_loss[:, -1] / least,
        "loss of the trained layer over the best step's, on prompts": layer.trained / layer.best,
        "what the layer does beside a step": layer.rest,
        "least loss, closed form": least,
        "loss of the best multiple of I, closed form": best_multiple(np.eye(len(best)), covariance, num_examples).loss,
        "loss of the best multiple of 1 / Sigma, closed form": best_multiple(
            np.linalg.inv(covariance), covariance, num_examples
        ).loss,
        "loss of the worst random start over the least": summary.random.worst_loss / least,
        "gradient at the worst random start's ending": summary.random.gradient,
        **{f"|A - A*| / |A*| at n = {size}, exact loss": of for size, of in zip(sizes, exact, strict=True)},
    }


def equal(variances: tuple[float, ...]) -> tuple[float, ...]:
    """As many equal variances of the same sum."""
    return (sum(variances) / len(variances),) * len(variances)


def matrix_distances(matrices: np.ndarray, variances: tuple[float, ...], num_examples: int) -> np.ndarray:
    """|A - A*| / |A*| [seeds] of matrices [seeds d d]."""
    best = best_preconditioner(np.diag(variances), num_examples)
    return np.linalg.norm(matrices - best, axis=(1, 2)) / np.linalg.norm(best)


def share_elsewhere(endings: Endings, variances: tuple[float, ...], num_examples: int) -> np.ndarray:
    """The share of starts whose loss does not end near the least one; nan where one is not finite."""
    covariance = np.diag(variances)
    least = step_loss(best_preconditioner(covariance, num_examples), covariance, num_examples)
    last = endings.losses[:, -1] / least
    return np.where(np.isfinite(last).all(), np.mean(last > ELSEWHERE), np.nan)
