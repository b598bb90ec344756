"""The numbers that the claims about sine waves are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023._shared.plateau_ends import crossings
from mesascope.studies.oswald2023.fig4_sine.cells import SineMeasures, Waves
from mesascope.study.base import Readings


class Summary(NamedTuple):
    """What the networks reach, and the waves that are drawn."""

    measures: SineMeasures
    waves: Waves


def readings(found: SineMeasures) -> Readings:
    """The numbers that claims are about, and what they are made of."""
    trained, descent = found.loss_trained[:, -1], found.loss_descent[:, -1]
    half = float(found.loss_zero) / 2
    cosine = found.sensitivity_cosine[:, -1]
    return {
        "loss": trained / descent,
        "cosine": cosine,
        "prediction": found.prediction_distance[:, -1] / found.target_size,
        "fit": np.maximum(trained, descent) / found.loss_zero,
        "loss of attention": trained,
        "loss of the gradient step": descent,
        "loss of the zero predictor": found.loss_zero,
        "step at which attention's loss falls below half of that": crossings(found.steps, found.loss_trained, half),
        "step at which the gradient step's does": crossings(found.steps, found.loss_descent, half),
        "learned rate of the gradient step": found.learning_rate,
        "share of prompts where the slopes differ in sign": (1 - cosine) / 2,
        "cosine between all slopes of one and all of the other": found.pooled_cosine[:, -1],
        "mean distance of the functions before the step / mean size of a target": (
            found.initial_distance[:, -1] / found.target_size
        ),
    }
