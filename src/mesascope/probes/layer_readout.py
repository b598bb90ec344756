"""Answers read out of what a subject's layers hold."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Inexact

from mesascope.printing import in_short
from mesascope.probes.questions import in_double
from mesascope.validation import check_finite_array

PENALTIES = np.logspace(-12, 0, 13)  # in units of the largest eigenvalue


class Readout(NamedTuple):
    """An affine map of each layer's hidden states to answers, fitted on prompts of its own."""

    weights: Inexact[np.ndarray, "l k dy"]
    intercept: Inexact[np.ndarray, "l dy"]
    penalty: Float[np.ndarray, " l"]
    """In units of the largest eigenvalue of the covariance of the layer's hidden states."""

    __repr__ = in_short

    def answers(self, hidden: Inexact[np.ndarray, "l b m k"]) -> Inexact[np.ndarray, "l b m dy"]:
        """What each layer answers to other prompts than those it was fitted on."""
        return np.einsum("lbmk,lko->lbmo", in_double(hidden), self.weights) + self.intercept[:, None, None]


def ridge_readout(hidden: Inexact[np.ndarray, "l b m k"], wanted: Inexact[np.ndarray, "b m dy"]) -> Readout:
    """For each layer, ridge regression with an intercept of `wanted` on its hidden states at the queries.

    Its penalty is the one of 13 with the least generalised cross-validation error (Golub, Heath and Wahba 1979).
    `wanted` may be targets, the subject's last answers, or an algorithm's after one step. A readout adds a scale and a
    direction of its own to every layer: a layer that only holds the answer scaled reads out as the answer, so a
    distance of what is read out says less than that of the model's own head. Needs more rows b m than the layer has
    dimensions k to say anything: ask it for other prompts. ValueError for shapes that do not belong together.
    """
    check_finite_array("hidden", hidden)
    if hidden.ndim != 4 or hidden.shape[1:3] != wanted.shape[:2]:
        raise ValueError(f"`wanted` must have a row for each of `hidden` {hidden.shape}; got {wanted.shape}.")
    rows = in_double(wanted).reshape(-1, wanted.shape[2])
    fits = [_fit(in_double(layer).reshape(len(rows), -1), rows) for layer in hidden]
    return Readout(*(np.stack(each) for each in zip(*fits, strict=True)))


def _fit(
    inputs: Inexact[np.ndarray, "rows k"], outputs: Inexact[np.ndarray, "rows dy"]
) -> tuple[Inexact[np.ndarray, "k dy"], Inexact[np.ndarray, " dy"], Float[np.ndarray, ""]]:
    means = inputs.mean(axis=0), outputs.mean(axis=0)
    left, sizes, right = np.linalg.svd(inputs - means[0], full_matrices=False)
    along = left.conj().T @ (outputs - means[1])
    squares = sizes**2
    beside = np.sum(np.abs(outputs - means[1] - left @ along) ** 2)
    shrunk = [squares / np.maximum(squares + each * squares.max(), np.finfo(float).tiny) for each in PENALTIES]
    freedom = np.array([max(len(inputs) - 1 - each.sum(), np.finfo(float).eps) for each in shrunk])
    errors = [beside + np.sum(np.abs((1 - each)[:, None] * along) ** 2) for each in shrunk] / freedom**2
    best = int(np.argmin(errors))
    inverse = np.divide(shrunk[best], sizes, out=np.zeros_like(sizes), where=sizes > 0)
    weights = right.conj().T @ (inverse[:, None] * along)
    return weights, means[1] - means[0] @ weights, np.asarray(PENALTIES[best])
