"""The numbers that claims about flow, test lengths and shifts are judged by."""

import math
from typing import NamedTuple

import numpy as np

from mesascope.studies._shared.head_training import TrainedHeads
from mesascope.study.base import Readings
from mesascope.theory.preconditioned_step import best_preconditioner, flow_limit, step_loss, zero_loss

LAWS = ("as trained", "query reversed", "examples and query reversed")


class Summary(NamedTuple):
    """Heads by their number of examples; losses [lengths seeds] of the first, and [laws sizes seeds] on shifts."""

    heads: tuple[TrainedHeads, ...]
    lengths: np.ndarray
    shifts: np.ndarray


class Trials(NamedTuple):
    """What heads were tested on: numbers of examples in training and in tests, and variances."""

    variances: tuple[float, ...]
    sizes: tuple[int, ...]
    lengths: tuple[int, ...]
    num_test: int

    def loss_at(self, length: int | float) -> float:
        """The closed form for the first size: the step with its A* on `length` examples."""
        covariance = np.diag(self.variances)
        return step_loss(best_preconditioner(covariance, self.sizes[0]), covariance, length)

    def shifted(self, law: int, size: int, length: int | float) -> float:
        """The closed form over the loss of the zero predictor, for one of `LAWS`."""
        plain, reverse = np.diag(self.variances), np.diag(self.variances[::-1])
        examples, query = ((plain, plain), (plain, reverse), (reverse, reverse))[law]
        return step_loss(best_preconditioner(plain, size), examples, length, query) / zero_loss(query)


def readings(summary: Summary, tests: Trials) -> Readings:
    """Entries of seeds."""
    closed = np.array([tests.loss_at(length) for length in tests.lengths])
    floor = tests.loss_at(math.inf)
    weights = np.stack(
        [distances(heads, tests.variances, size) for heads, size in zip(summary.heads, tests.sizes, strict=True)]
    )
    shifts = summary.shifts / zero_loss(np.diag(tests.variances))
    longest = int(np.argmax(tests.lengths))
    return {
        "weights": weights.max(axis=0),
        "lengths": np.abs(summary.lengths / closed[:, None] - 1).max(axis=0),
        "loss on the longest test prompts / the same for infinitely many examples": summary.lengths[longest] / floor,
        "query": shifts[1, -1],
        "covariate": shifts[2, -1],
        "floor, closed form": floor,
        "loss of the zero predictor, closed form": zero_loss(np.diag(tests.variances)),
        **{f"loss on M = {length}, closed form": of for length, of in zip(tests.lengths, closed, strict=True)},
        **{f"loss on M = {length}": of for length, of in zip(tests.lengths, summary.lengths, strict=True)},
        **{
            f"loss over the zero predictor's, {law}, N = {size}": shifts[i, j]
            for i, law in enumerate(LAWS)
            for j, size in enumerate(tests.sizes)
        },
    }


def distances(heads: TrainedHeads, variances: tuple[float, ...], num_examples: int) -> np.ndarray:
    """The larger of the relative distances of W_KQ and W_PV to the flow's limit [seeds]."""
    limit = flow_limit(np.diag(variances), num_examples)
    found = heads.key_query, -num_examples * heads.output_value
    return np.max(
        [np.linalg.norm(each - end, axis=(1, 2)) / np.linalg.norm(end) for each, end in zip(found, limit, strict=True)],
        axis=0,
    )
