"""The numbers that the claims about copying are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
from mesascope.studies.oswald2023.fig5_copy.cells import Copying, Descents, Losses
from mesascope.study.base import Readings

WAY = "share of the fall from the loss of predicting zero to that of one gradient step, after training"
ONE_STEP = "|trained loss / loss of the best gradient step - 1|, N = d = 10"
JUNK = (
    "|L / J - 1| / |L / G - 1|: losses L trained, G of the best gradient step, "
    "J of the best one that adds pairs (label, next input)"
)
COPIES = "norm of the first layer's derivative by the next token / by any token but itself and the next, after training"
BEFORE = "step of training where the loss is halfway down - step where the derivative by the next token is halfway up"
LONGER = "training steps to halfway in the loss / mean of the same for one layer on pairs (x, y)"


class Summary(NamedTuple):
    """Two layers, the first softmax or linear, or linear with unit vectors for positions; one layer on pairs' training
    losses [seeds steps]; and the gradient steps."""

    softmax: Copying
    linear: Losses
    unit: Losses
    paired: np.ndarray
    descents: Descents


def readings(summary: Summary) -> Readings:
    """The number each claim is about, for every seed, and the steps and losses that they are made of.

    "before" is masked for seeds that never got halfway; "longer" counts such a seed with the steps it was trained for.
    """
    softmax, descents = summary.softmax, summary.descents
    loss, one = softmax.loss[:, -1], descents.one
    learned, paired = halfway(softmax.training_loss, descents), halfway(summary.paired, descents)
    copying, trained_for = copied(softmax, descents), softmax.training_loss.shape[1]
    return {
        "learns": done_of_the_way(softmax, descents),
        "one-step": np.abs(loss / one - 1),
        "junk": np.abs(loss / descents.junk - 1) / np.abs(loss / one - 1),
        "copies": softmax.following[:, -1] / softmax.others[:, -1],
        "before": learned - copying,
        "longer": np.ma.masked_array(learned.filled(trained_for)) / paired.mean(),
        "all-linear": done_of_the_way(summary.linear, descents),
        "unit": done_of_the_way(summary.unit, descents),
        "step halfway in the loss": learned,
        "step halfway in the sensitivity to the next token": copying,
        "step halfway, one layer on pairs": paired,
        "step halfway, first layer linear": halfway(summary.linear.training_loss, descents),
        "step halfway, unit positions": halfway(summary.unit.training_loss, descents),
        "loss at the end": loss,
        "loss at the end, first layer linear": summary.linear.loss[:, -1],
        "loss at the end, unit positions": summary.unit.loss[:, -1],
        "loss of the zero predictor": descents.zero,
        "loss of one gradient step": one,
        "loss of two gradient steps": descents.two,
        "loss of one step, labels' tokens taken for examples": descents.junk,
    }


def done_of_the_way(of: Losses | Copying, descents: Descents) -> np.ndarray:
    """How much of the way from the zero predictor's loss to one gradient step's is done at the end [seeds]."""
    return (descents.zero - of.loss[:, -1]) / (descents.zero - descents.one)


def halfway(training_loss: np.ndarray, descents: Descents) -> np.ma.MaskedArray:
    """The step [seeds] at which the training loss is halfway there."""
    return plateau_ends(training_loss, np.full(len(training_loss), (descents.zero + descents.one) / 2))


def copied(of: Copying, descents: Descents) -> np.ma.MaskedArray:
    """The first snapshot's step [seeds] whose sensitivity to the next token is halfway from the first's to the last's.

    Masked for a seed whose loss never got halfway: there, first and last differ by chance.
    """
    there = of.following >= (of.following[:, :1] + of.following[:, -1:]) / 2
    never = np.ma.getmaskarray(halfway(of.training_loss, descents)) | ~there.any(axis=1)
    return np.ma.masked_array(of.steps[there.argmax(axis=1)], never)
