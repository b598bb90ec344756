"""The numbers that the claims about label noise are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.noise.cells import Decay, Level
from mesascope.study.base import Readings

STRONG = 0.25  # the least noise variance that is called strong
STRONGEST = 1.0  # the noise variance at which labels are worth comparing with labels

# What is read, in the words of a criterion: always the worst over noise levels, and over depths where there are more.
STEP_SIZE = "largest |learned η / η of the best step in closed form - 1| over noise variances s²"
LOSS = "largest |loss of one layer - loss of the best step| / its loss in closed form, over s²"
DECAY = "largest change of learned η, relative, from one strength of weight decay to the next of those tried, s² = 0"
BEATS = "largest loss of K tied layers / loss of K gradient steps of the best rate, K = 2, 3, all s²"
GDPP = "largest |loss of K tied layers / loss of K steps of the best GD++ - 1|, K = 2, 3, all s²"
DEPTH = "largest (loss of K layers - R) / (loss of K - 1 layers - R), R the loss of ridge, over K and s²"
NEAR = "largest loss of three tied layers / loss of ridge with penalty s² - 1, s² = 0.25 and 1"
LABELS = "smallest loss with W_KQ's last entry set to zero / loss as trained, K = 2, 3 layers, s² = 1"


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
    levels = summary.levels
    one, deep = levels.loss[:, 0], levels.loss[:, 1:]
    descent, gdpp = levels.gd_loss[:, 1:, None], levels.gdpp_loss[:, 1:, None]
    variances, rates = np.array(summary.noise_variances), summary.decay.learning_rate
    noisy, noisiest = variances >= STRONG, variances >= STRONGEST
    towards = levels.loss[noisy, -1] / levels.bayes_loss[noisy, None] - 1
    unmatched = levels.unmatched[noisiest, 1:] / levels.loss[noisiest, 1:]
    nothing = np.ma.masked_all(levels.loss.shape[2])
    return {
        "step-size": np.abs(levels.learning_rate[:, 0] / levels.best_learning_rate[:, None] - 1).max(axis=0),
        "loss": np.abs((one - levels.gd_loss[:, :1]) / levels.best_loss[:, None]).max(axis=0),
        "decay": (rates[1:] / rates[:-1] - 1).max(axis=0) if len(rates) > 1 else nothing,
        "beats-gd": (deep / descent).max(axis=(0, 1)),
        "gdpp": np.abs(deep / gdpp - 1).max(axis=(0, 1)),
        "depth": (levels.excess[:, 1:] / levels.excess[:, :-1]).max(axis=(0, 1)),
        "near-bayes": towards.max(axis=0) if noisy.any() else nothing,
        "labels": unmatched.min(axis=(0, 1)) if noisiest.any() else nothing,
    }


def _of_levels(summary: Summary) -> Readings:
    """The step size of every seed, and means over seeds at every noise level."""
    levels = summary.levels
    at = f"noise variance {_listed(summary.noise_variances)}"
    numbers = {
        f"learned step size of one layer, noise variance {variance:g}, every seed": rates
        for variance, rates in zip(summary.noise_variances, levels.learning_rate[:, 0], strict=True)
    }
    numbers |= {f"best step size, {at}": levels.best_learning_rate, f"loss of ridge, {at}": levels.bayes_loss}
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
    """The step size of every seed, and the mean loss, at every strength of weight decay."""
    rates = {
        f"learned step size, weight decay {strength:g}, every seed": of_seeds
        for strength, of_seeds in zip(summary.weight_decays, summary.decay.learning_rate, strict=True)
    }
    losses = summary.decay.loss.mean(axis=1)
    return {**rates, f"loss of one layer, weight decay {_listed(summary.weight_decays)}": losses}


def _listed(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
