"""The numbers that the claims about sine waves are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig4_sine.cells import SineMeasures, Waves
from mesascope.study.base import Readings


class Summary(NamedTuple):
    """What networks reach on tied waves, and on independent ones if these were trained; the waves to draw."""

    tied: SineMeasures
    independent: SineMeasures | None
    waves: Waves


def readings(tied: SineMeasures, independent: SineMeasures | None) -> Readings:
    """The numbers that claims are about, and what they are made of.

    Where no network was trained on independent waves there is no number for them.
    """
    missing = np.ma.masked_all(1)
    return {
        "loss": loss_gap(tied),
        "cosine": tied.pooled_cosine[:, -1],
        "prediction": tied.prediction_distance[:, -1] / tied.target_size,
        "initial": tied.initial_distance[:, -1] / tied.target_size,
        "fit": np.maximum(tied.loss_trained[:, -1], tied.loss_descent[:, -1]) / tied.loss_zero,
        "independent-loss": missing if independent is None else loss_gap(independent),
        "independent-cosine": missing if independent is None else independent.pooled_cosine[:, -1],
        **also_measured(tied, "a tied to p"),
        **({} if independent is None else also_measured(independent, "a and p independent")),
    }


def loss_gap(found: SineMeasures) -> np.ndarray:
    """What attention's loss [seeds] has more than the gradient step's, in units of the zero predictor's loss."""
    return (found.loss_trained[:, -1] - found.loss_descent[:, -1]) / found.loss_zero


def also_measured(found: SineMeasures, waves: str) -> Readings:
    """Numbers that no claim is about."""
    return {
        f"loss of attention, {waves}": found.loss_trained[:, -1],
        f"loss of the gradient step, {waves}": found.loss_descent[:, -1],
        f"loss of the zero predictor, {waves}": found.loss_zero,
        f"learned rate of the gradient step, {waves}": found.learning_rate,
        f"mean over prompts of the slopes' cosine, 1 or -1, {waves}": found.sensitivity_cosine[:, -1],
        f"mean distance of the slopes, {waves}": found.sensitivity_distance[:, -1],
        f"mean distance of the functions before the step / mean size of a target, {waves}": (
            found.initial_distance[:, -1] / found.target_size
        ),
        f"mean distance of the predictions / mean size of a target, {waves}": (
            found.prediction_distance[:, -1] / found.target_size
        ),
    }
