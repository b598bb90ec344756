"""The numbers, one a seed, that the claims about one trained layer are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023._shared.along_training import AlongTraining
from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
from mesascope.studies.oswald2023._shared.shifts import ShiftedLosses, gaps, relative_gap
from mesascope.studies.oswald2023.fig2.cells import LayerLosses
from mesascope.studies.oswald2023.fig2.rollout import RolledOut
from mesascope.study.base import Readings
from mesascope.theory.linear_regression import OneStepOptimum

INPUT_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
NEAR, FAR = (0.5, 1.0, 1.25), (1.5, 2.0)  # the input scales the claims speak of


class Summary(NamedTuple):
    """What was measured: losses of the main size and of others, training losses [seeds steps], and all of the main."""

    sizes: tuple[LayerLosses, ...]
    training_loss: np.ndarray
    along: AlongTraining
    trained_away: ShiftedLosses
    descent_away: ShiftedLosses
    rollout: RolledOut


def readings(summary: Summary, best: OneStepOptimum) -> Readings:
    """The numbers that claims are about."""
    main, along, rollout = summary.sizes[0], summary.along, summary.rollout
    away = gaps(summary.trained_away, summary.descent_away)
    ends = (main.trained, main.gradient_descent)
    return {
        "loss": relative_gap(main.trained, main.gradient_descent),
        "cosine": along.sensitivity_cosine[:, -1],
        "prediction": along.prediction_distance[:, -1],
        "sensitivity": along.sensitivity_distance[:, -1],
        "step-size": np.abs(main.step_size / best.learning_rate - 1),
        "interpolation": np.max([relative_gap(main.halfway, end) for end in ends], axis=0),
        "input-scale": away.input_scale[:, np.isin(INPUT_SCALES, NEAR)].max(axis=1),
        "input-scale-far": away.input_scale[:, np.isin(INPUT_SCALES, FAR)].max(axis=1),
        "weight-scale": away.weight_scale.max(axis=1),
        "input-law": away.law.max(axis=(1, 2)),
        "corrupted": away.corrupted.max(axis=1),
        "rollout": relative_gap(rollout.trained, rollout.gradient_descent).max(axis=1),
        "rollout-falls": largest_change(rollout.trained),
    }


def also_measured(summary: Summary, best: OneStepOptimum, zero_loss: float, sizes: tuple[int, ...]) -> Readings:
    """Numbers that no claim is about: plateaus, step sizes, losses, and what becomes of the roll-out."""
    main, rollout = summary.sizes[0], summary.rollout
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
        "prompts that explode when the layer is repeated": rollout.exploded,
        "gap of the repeated layer that writes to y only": relative_gap(rollout.silenced, rollout.gradient_descent).max(
            axis=1
        ),
        "largest change in one step of the repeated layer that writes to y only": largest_change(rollout.silenced),
        **{
            f"gap to the best gradient step, N = dim_x = {size}": relative_gap(of.trained, of.gradient_descent)
            for size, of in zip(sizes, summary.sizes[1:], strict=True)
        },
    }


def largest_change(losses: np.ndarray) -> np.ndarray:
    """The largest relative change from one step to the next, seed by seed; negative where the loss always falls."""
    return np.max(losses[:, 1:] / losses[:, :-1] - 1, axis=1, initial=-1.0)
