"""The numbers that the claims about repeated application are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023._shared.repeated import Repeated
from mesascope.study.base import Readings

LARGEST_STABLE = 0.8  # dampenings below are expected to converge


class Summary(NamedTuple):
    """Losses of layers and of gradient descent at these dampenings, and the zero predictor's."""

    dampenings: tuple[float, ...]
    repeated: Repeated
    zero_loss: float

    def stable(self) -> np.ndarray:
        """Which dampenings are expected to converge."""
        return np.array(self.dampenings) < LARGEST_STABLE


def readings(summary: Summary) -> Readings:
    """The numbers that claims are about, then losses and exploding prompts at every dampening."""
    repeated, stable = summary.repeated, summary.stable()
    start = repeated.trained[:, 0, 0]
    ends = [capped_ends(losses / summary.zero_loss, start) for losses in repeated.trained[:, ~stable, -1].T]
    nothing = np.full(len(start), np.nan)
    return {
        "silenced": repeated.gap()[:, stable].max(axis=1) if stable.any() else nothing,
        "falls": repeated.change()[:, stable].max(axis=1) if stable.any() else nothing,
        "explodes": nothing if stable.all() else np.min(ends, axis=0),
        "writes-x": share_of_seeds(repeated.writes_x_exploded[:, stable].sum(axis=1), start),
        "dampenings": summary.dampenings,
        "share of prompts on which gradient descent diverges, by dampening": repeated.diverging,
        **{
            f"{what}, dampening {dampening:g}": numbers[:, i]
            for what, numbers in (
                ("prompts that explode, layer writing to y only", repeated.trained_exploded),
                ("prompts that explode, layer as trained", repeated.writes_x_exploded),
            )
            for i, dampening in enumerate(summary.dampenings)
        },
        **{
            f"loss of {what} at the end, dampening {dampening:g}": losses[..., i, -1]
            for what, losses in (
                ("gradient descent", repeated.gradient_descent),
                ("the layer writing to y only", repeated.trained),
            )
            for i, dampening in enumerate(summary.dampenings)
        },
    }


def capped_ends(ends: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Losses [seeds], those beyond the range of floats as the largest of them; nan where the training was lost.

    A training is lost where the loss of one application, `start`, is no number.
    """
    return np.where(np.isfinite(start), np.where(np.isfinite(ends), ends, np.finfo(ends.dtype).max), np.nan)


def share_of_seeds(num_exploded: np.ndarray, start: np.ndarray) -> float:
    """The share of seeds with a prompt that explodes; nan where a training was lost."""
    return float(np.mean(np.where(np.isfinite(start), num_exploded > 0, np.nan)))
