"""The numbers that the claims about label noise are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.noise.cells import Decay, Level
from mesascope.study.base import Readings

STRONG = 0.25  # the least noise variance that is called strong

# What is read, in the words of a criterion: always the worst over noise levels, and over depths where there are more.
STEP_SIZE = "largest |learned step size / closed form - 1|"
LOSS = "largest |trained loss - loss of that step| / closed form"
DECAY = "largest relative change of the step size from one strength to the next"
BEATS = "largest trained loss / best GD loss"
GDPP = "largest |trained loss / best GD++ loss - 1|"
DEPTH = "largest excess over its loss / that of the depth before"
BAYES = "least z of the excess over its loss"
NEAR = "largest loss / its loss - 1 for noise variances of 0.25 and more"


class Summary(NamedTuple):
    """What was measured at every noise level, on a leading axis over levels, and at every strength of weight decay."""

    noise_variances: tuple[float, ...]
    depths: tuple[int, ...]
    weight_decays: tuple[float, ...]
    levels: Level
    decay: Decay


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, and the rates and losses that they compare."""
    return {**_of_claims(summary), **_of_levels(summary), **_of_decay(summary)}


def _of_claims(summary: Summary) -> Readings:
    levels, rates = summary.levels, summary.decay.learning_rate
    one, deep = levels.loss[:, 0], levels.loss[:, 1:]
    descent, gdpp = levels.gd_loss[:, 1:, None], levels.gdpp_loss[:, 1:, None]
    noisy = np.array(summary.noise_variances) >= STRONG
    towards = levels.loss[noisy, -1] / levels.bayes_loss[noisy, None] - 1
    nothing = np.ma.masked_all(levels.loss.shape[2])
    return {
        "step-size": np.abs(levels.learning_rate[:, 0] / levels.best_learning_rate[:, None] - 1).max(axis=0),
        "loss": np.abs((one - levels.gd_loss[:, :1]) / levels.best_loss[:, None]).max(axis=0),
        "decay": (rates[1:] / rates[:-1] - 1).max(axis=0) if len(rates) > 1 else nothing,
        "beats-gd": (deep / descent).max(axis=(0, 1)),
        "gdpp": np.abs(deep / gdpp - 1).max(axis=(0, 1)),
        "depth": (levels.excess[:, 1:] / levels.excess[:, :-1]).max(axis=(0, 1)),
        "bayes": (levels.excess / levels.excess_error).min(axis=(0, 1)),
        "near-bayes": towards.max(axis=0) if noisy.any() else nothing,
    }


def _of_levels(summary: Summary) -> Readings:
    """Means over seeds at every noise level."""
    levels = summary.levels
    at = f"noise variance {_listed(summary.noise_variances)}"
    numbers = {
        f"learned step size of one layer, {at}": levels.learning_rate[:, 0].mean(axis=-1),
        f"best step size, {at}": levels.best_learning_rate,
        f"loss of Bayes, {at}": levels.bayes_loss,
    }
    for k, depth in enumerate(summary.depths):
        numbers |= {
            f"loss of depth {depth}, {at}": levels.loss[:, k].mean(axis=-1),
            f"loss of GD, {depth} steps, {at}": levels.gd_loss[:, k],
            f"loss of GD++, {depth} steps, {at}": levels.gdpp_loss[:, k],
        }
        if depth > 1:
            numbers |= {
                f"curvature of depth {depth}, {at}": levels.curvature[:, k].mean(axis=-1),
                f"curvature of GD++, {depth} steps, {at}": levels.gdpp_curvature[:, k],
                f"label entry of W_KQ, depth {depth}, {at}": levels.label_match[:, k].mean(axis=-1),
                f"loss without that entry, depth {depth}, {at}": levels.unmatched[:, k].mean(axis=-1),
            }
    return numbers


def _of_decay(summary: Summary) -> Readings:
    at = f"weight decay {_listed(summary.weight_decays)}"
    rates, losses = (each.mean(axis=1) for each in summary.decay)
    return {f"learned step size, {at}": rates, f"loss of one layer, {at}": losses}


def _listed(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
