"""The numbers that claims on deep stacks are about."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig7_depth.cells import DeepCosine, DeepLosses
from mesascope.study.base import Readings


class Summary(NamedTuple):
    """Ten tied layers, five untied ones, and blocks with perceptrons; the cosine is of the first."""

    tied: DeepLosses
    untied: DeepLosses
    blocks: DeepLosses
    tied_cosine: DeepCosine


def readings(summary: Summary) -> Readings:
    """Losses at the end against those of GD++ as deep, and the losses themselves."""
    tied, untied, blocks, cosine = summary
    return {
        "tied": np.abs(tied.loss[:, -1] / tied.gdpp - 1),
        "tied-cosine": cosine.cosine,
        "untied-better": tied.loss[:, -1] / untied.loss[:, -1],
        "blocks": blocks.loss[:, -1] / blocks.gdpp,
        "loss of tied layers": tied.loss[:, -1],
        "loss of untied layers": untied.loss[:, -1],
        "loss of blocks": blocks.loss[:, -1],
        "loss of GD++ as deep as the tied layers, as the blocks": np.array([tied.gdpp, blocks.gdpp]),
        "loss of gradient descent as deep": np.array([tied.descent, blocks.descent]),
    }
