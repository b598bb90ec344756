"""The numbers that the claims about copying are judged by."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mesascope.studies.oswald2023.fig5_copy.cells import Copying, Descents, Losses
from mesascope.study.base import Readings

NEVER = -1

WAY = "share done of the way from the zero predictor's loss to one GD step's"
ONE_STEP = "|trained loss / loss of one GD step - 1|"
NOT_TWO = "(trained loss - two GD steps') / (one GD step's - two GD steps')"
JUNK = "|trained loss / loss of one GD step on examples and labels with the next input - 1|"
COPIES = "sensitivity to the next token / to other tokens"
BEFORE = "steps from halfway in the sensitivity to the next token to halfway in the loss"
LONGER = "steps to halfway in the loss / the same for one layer on pairs, mean"


class Summary(NamedTuple):
    """Two layers, the first softmax or linear, or linear with unit vectors for positions; one layer on pairs' training
    losses [seeds steps]; and the gradient steps."""

    softmax: Copying
    linear: Losses
    unit: Losses
    paired: np.ndarray
    descents: Descents


def readings(summary: Summary) -> Readings:
    """The number each claim is about, for every seed; "before" is masked for seeds that never got halfway.

    A seed that never got halfway counts in "longer" with the steps it was trained for.
    """
    softmax, descents = summary.softmax, summary.descents
    loss, one, two = softmax.loss[:, -1], descents.one, descents.two
    learned, paired = halfway(softmax.training_loss, descents), halfway(summary.paired, descents)
    copying, trained_for = copied(softmax, descents), softmax.training_loss.shape[1]
    return {
        "learns": done_of_the_way(softmax, descents),
        "one-step": np.abs(loss / one - 1),
        "not-two": (loss - two) / (one - two),
        "junk": np.abs(loss / descents.junk - 1),
        "copies": softmax.following[:, -1] / softmax.others[:, -1],
        "before": np.ma.masked_array(learned - copying, mask=learned == NEVER, dtype=float),
        "longer": np.where(learned == NEVER, trained_for, learned) / _mean_of_those_that_did(paired),
        "all-linear": done_of_the_way(summary.linear, descents),
        "unit": done_of_the_way(summary.unit, descents),
        "step halfway in the loss": _reached(learned),
        "step halfway in the sensitivity to the next token": _reached(copying),
        "step halfway, one layer on pairs": _reached(paired),
        "step halfway, first layer linear": _reached(halfway(summary.linear.training_loss, descents)),
        "step halfway, unit positions": _reached(halfway(summary.unit.training_loss, descents)),
        "loss of the zero predictor": descents.zero,
        "loss of one gradient step": one,
        "loss of two gradient steps": two,
        "loss of one step, labels' tokens taken for examples": descents.junk,
    }


def done_of_the_way(of: Losses | Copying, descents: Descents) -> np.ndarray:
    """How much of the way from the zero predictor's loss to one gradient step's is done at the end [seeds]."""
    return (descents.zero - of.loss[:, -1]) / (descents.zero - descents.one)


def halfway(training_loss: np.ndarray, descents: Descents, window: int = 20) -> np.ndarray:
    """The step, by seed, at which the training loss, averaged over `window` steps, is halfway there; else NEVER."""
    window = min(window, training_loss.shape[1])
    losses = sliding_window_view(training_loss, window, axis=1).mean(axis=-1)
    steps = np.arange(losses.shape[1]) + window // 2
    return _first(steps, losses <= (descents.zero + descents.one) / 2)


def copied(of: Copying, descents: Descents) -> np.ndarray:
    """The first snapshot, by seed, whose sensitivity to the next token is halfway from the first's to the last's.

    NEVER for a seed whose loss never got halfway: there, first and last differ by chance.
    """
    values = of.following
    steps = _first(of.steps, values >= (values[:, :1] + values[:, -1:]) / 2)
    return np.where(halfway(of.training_loss, descents) == NEVER, NEVER, steps)


def _first(steps: np.ndarray, reached: np.ndarray) -> np.ndarray:
    return np.where(reached.any(axis=1), steps[reached.argmax(axis=1)], NEVER)


def _mean_of_those_that_did(steps: np.ndarray) -> float:
    return float(steps[steps != NEVER].mean()) if np.any(steps != NEVER) else np.nan


def _reached(steps: np.ndarray) -> np.ma.MaskedArray:
    return np.ma.masked_equal(steps, NEVER)
