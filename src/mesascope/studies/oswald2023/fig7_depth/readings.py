"""The numbers that claims on deep stacks are about."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig7_depth.cells import DeepLosses, DeepRival
from mesascope.study.base import Readings

PAPER_STEPS = 50_000  # for which the authors' code trains untied layers


class Summary(NamedTuple):
    """Ten tied layers, five untied ones, and blocks with perceptrons; and the GD++ that the first are held against."""

    tied: DeepLosses
    untied: DeepLosses
    blocks: DeepLosses
    rival: DeepRival


def readings(summary: Summary) -> Readings:
    """Losses at the end against those of GD++ as deep, and the losses themselves."""
    tied, untied, blocks, rival = summary
    excess = blocks.loss[:, -1] / blocks.gdpp
    return {
        "beats-gd": tied.loss[:, -1] / tied.descent,
        "tied": tied.loss[:, -1] / rival.loss,
        "tied-cosine": rival.cosine,
        "untied-better": tied.loss[:, -1] / untied.loss[:, -1],
        "blocks": np.ma.masked_array(excess, np.full(excess.shape, blocks.steps[-1] < PAPER_STEPS)),
        "loss of tied layers": tied.loss[:, -1],
        "loss of untied layers": untied.loss[:, -1],
        "loss of blocks": blocks.loss[:, -1],
        "training steps of blocks": float(blocks.steps[-1]),
        "loss of GD++ as the authors train it, as deep as the tied layers": rival.loss,
        "eta and gamma of this GD++": np.array([rival.learning_rate, rival.curvature]),
        "loss of GD++ with the best rates, as deep as the tied layers": tied.gdpp,
        "loss of GD++ with the best rates, as deep as the blocks": blocks.gdpp,
        "loss of gradient descent as deep as the tied layers": tied.descent,
        "loss of gradient descent as deep as the blocks": blocks.descent,
    }
