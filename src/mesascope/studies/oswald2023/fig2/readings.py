"""The numbers, one a seed, that the claims about one trained layer are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023._shared.along_training import AlongTraining
from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
from mesascope.studies.oswald2023._shared.repeated import Repeated
from mesascope.studies.oswald2023._shared.shifts import relative_gap
from mesascope.studies.oswald2023.fig2.cells import AwayLosses, LayerLosses
from mesascope.study.base import Readings
from mesascope.theory.linear_regression import OneStepOptimum

INPUT_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
LARGEST_NEAR = 1.25  # the largest input scale that the claim speaks of


class Summary(NamedTuple):
    """Losses of the main size and, by N, of others; training losses [seeds steps] and all else of the main size."""

    main: LayerLosses
    others: dict[int, LayerLosses]
    training_loss: np.ndarray
    along: AlongTraining
    away: AwayLosses
    repeated: Repeated


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about."""
    main, along, away = summary.main, summary.along, summary.away
    near = np.array(INPUT_SCALES) <= LARGEST_NEAR
    return {
        "loss": relative_gap(main.trained, main.gradient_descent),
        "cosine": along.sensitivity_cosine[:, -1],
        "prediction": along.prediction_distance[:, -1],
        "sensitivity": along.sensitivity_distance[:, -1],
        "interpolation": largest_gap(main),
        "interpolation-2": gap_at(summary, (2,)),
        "interpolation-others": gap_at(summary, (5, 15)),
        "input-scale": relative_gap(away.trained, away.gradient_descent)[:, near].max(axis=1),
        "rollout": summary.repeated.gap()[:, 0],
        "rollout-falls": summary.repeated.change()[:, 0],
    }


def also_measured(summary: Summary, best: OneStepOptimum, zero_loss: float) -> Readings:
    """Numbers that no claim is about: plateaus, step sizes, losses, and prompts that explode."""
    main, repeated = summary.main, summary.repeated
    half_way = (summary.along.loss[:, 0] + main.gradient_descent) / 2
    return {
        "step at which the plateau ends": plateau_ends(summary.training_loss, half_way),
        "best learning rate on the validation prompts": main.learning_rate,
        "best learning rate, closed form": best.learning_rate,
        "learned learning rate": main.step_size,
        "loss of the trained layer": main.trained,
        "loss of the best gradient step": main.gradient_descent.mean(),
        "loss of the best gradient step, closed form": best.loss,
        "loss of the zero predictor, closed form": zero_loss,
        "prompts that explode when the layer is repeated, writing to y only": repeated.trained_exploded[:, 0],
        "prompts that explode when the layer is repeated as trained": repeated.writes_x_exploded[:, 0],
        **{
            f"loss / best gradient step's, {model}, N = dim_x = {size}": losses / of.gradient_descent
            for size, of in summary.others.items()
            for model, losses in (("trained layer", of.trained), ("model halfway", of.halfway))
        },
    }


def largest_gap(losses: LayerLosses) -> np.ndarray:
    """The larger |loss / gradient descent's - 1| of the trained layer and of the model halfway [seeds]."""
    return np.max([relative_gap(each, losses.gradient_descent) for each in (losses.trained, losses.halfway)], axis=0)


def gap_at(summary: Summary, sizes: tuple[int, ...]) -> np.ma.MaskedArray:
    """The largest gap over other sizes; masked where one of them was not trained."""
    if any(size not in summary.others for size in sizes):
        return np.ma.masked_all(len(summary.main.trained))
    return np.ma.asarray(np.max([largest_gap(summary.others[size]) for size in sizes], axis=0))
