"""The numbers that claims on schemes of position weights are about."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.position_schemes.cells import TrainedSchemes
from mesascope.studies.sander2024.position_schemes.held import Held
from mesascope.studies.sander2024.position_schemes.schemes import NAMES, Schemes
from mesascope.study.base import Readings


class Laws(NamedTuple):
    """Something of each law of W and number of heads: all d of them, few, or d / 2."""

    unitary: Schemes
    orthogonal: Schemes
    few: Schemes
    half: Schemes
    concentrated: Schemes


def readings(trained: TrainedSchemes, held: Held) -> Readings:
    """Losses are the least over seeds: a scheme holds a solution if any seed finds it."""
    ends = trained.losses[:, -1]
    least = ends.min(axis=0)
    law = Laws(*(Schemes(*each) for each in least))
    several = (law.unitary, law.orthogonal, law.few)
    none = np.array([law.unitary.none, law.orthogonal.none, law.concentrated.none])
    ratios = ratios_of_best(trained)
    return {
        "held": held.newest.max(),
        "learned": max(each.learned for each in several),
        "toeplitz": max(each.toeplitz for each in several),
        "softmax-holds": law.unitary.softmax,
        "softmax-lacks": law.few.softmax,
        "half": law.half.learned,
        "half-lacks": law.half.softmax,
        "bias-holds": law.unitary.linear_bias,
        "rotary": law.unitary.rotary,
        "sinusoidal": law.unitary.sinusoidal,
        "none": none.min(),
        "none-least": np.abs(none / held.least - 1).max(),
        **{f"least loss of {name}, by law": each for name, each in zip(NAMES, least.T, strict=True)},
        **{f"p_{{T-1}} / p_T of {name}, best seed, by law": each for name, each in zip(NAMES, ratios.T, strict=True)},
        "least loss without positions: unitary, orthogonal, concentrated": held.least,
        "log10 of the largest entry, sinusoidal encodings that hold the newest state": held.digits,
    }


def ratios_of_best(trained: TrainedSchemes) -> np.ndarray:
    """p_{T-1} / p_T of the seed with the least loss [laws schemes]."""
    best = trained.losses[:, -1].argmin(axis=0)
    rows = np.take_along_axis(trained.last_rows, best[None, ..., None], axis=0)[0]
    return rows[..., -2] / rows[..., -1]
