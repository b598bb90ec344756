"""The numbers that claims on schemes of position weights are about."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024.position_schemes.cells import TrainedSchemes
from mesascope.studies.sander2024.position_schemes.schemes import NAMES, Schemes
from mesascope.study.base import Readings


class Laws(NamedTuple):
    """Something of each law of W and number of heads: all d of them, few, or d / 2."""

    unitary: Schemes
    orthogonal: Schemes
    few: Schemes
    half: Schemes
    concentrated: Schemes


def readings(trained: TrainedSchemes, laws: tuple[str, ...]) -> Readings:
    """One number a seed, but for the best seed of a free matrix with d / 2 heads; `laws` are their names, in order."""
    ends = trained.losses[:, -1]
    of = Laws(*(Schemes(*each.T) for each in np.moveaxis(ends, 1, 0)))
    solved = (of.unitary, of.orthogonal, of.few)
    return {
        "learned": np.max([each.learned for each in solved], axis=0),
        "toeplitz": np.max([each.toeplitz for each in solved], axis=0),
        "shapes": np.max([of.unitary.softmax, of.unitary.linear_bias, of.unitary.rotary], axis=0),
        "softmax-few": of.few.softmax,
        "half": of.half.learned.min(),
        "half-lacks": of.half.softmax,
        "sinusoidal": of.unitary.sinusoidal,
        "smooth": of.concentrated.sinusoidal,
        "none": np.min([of.unitary.none, of.orthogonal.none, of.concentrated.none], axis=0),
        **{
            f"loss per coordinate, {law}, {name}": each
            for law, schemes in zip(laws, of, strict=True)
            for name, each in zip(NAMES, schemes, strict=True)
        },
        **{
            f"p_{{T-1}} / p_T of {name}, best seed, by law": ratios
            for name, ratios in zip(NAMES, ratios_of_best(trained).T, strict=True)
        },
    }


def best_rows(trained: TrainedSchemes) -> np.ndarray:
    """The last rows of the seed with the least loss [laws schemes t], in units of their last weight, p_T."""
    best = trained.losses[:, -1].argmin(axis=0)
    rows = np.take_along_axis(trained.last_rows, best[None, ..., None], axis=0)[0]
    return rows / rows[..., -1:]


def ratios_of_best(trained: TrainedSchemes) -> np.ndarray:
    """p_{T-1} / p_T of the seed with the least loss [laws schemes]."""
    return best_rows(trained)[..., -2]
