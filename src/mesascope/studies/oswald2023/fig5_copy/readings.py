"""The numbers, one a seed, that the claims about copying are judged by, and the figure's two panels."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mesascope.study.base import Arrays

if TYPE_CHECKING:
    pass


NEVER = -1

WAY = "share done of the way from the zero predictor's loss to one GD step's"
ONE_STEP = "|trained loss / loss of one GD step - 1|"
NOT_TWO = "(trained loss - two GD steps') / (one GD step's - two GD steps')"
JUNK = "|trained loss / loss of one GD step on examples and labels with the next input - 1|"
COPIES = "sensitivity to the next token / to other tokens"
BEFORE = "steps from halfway in the sensitivity to the next token to halfway in the loss"
LONGER = "steps to halfway in the loss / the same for one layer on pairs, mean"


def per_seed(arrays: Arrays) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed; of "before", for those that got halfway.

    A seed that never got halfway counts in "longer" with the steps it was trained for.
    """
    loss, one, two = arrays["softmax_loss"][:, -1], arrays["loss_one"], arrays["loss_two"]
    learned, paired = halfway(arrays, "softmax"), halfway(arrays, "paired")
    lead = (learned - copied(arrays))[learned != NEVER]
    trained_for = arrays["softmax_training_loss"].shape[1]
    return {
        "learns": done_of_the_way(arrays, "softmax")[:, -1],
        "one-step": np.abs(loss / one - 1),
        "not-two": (loss - two) / (one - two),
        "junk": np.abs(loss / arrays["loss_junk"] - 1),
        "copies": arrays["softmax_following"][:, -1] / arrays["softmax_others"][:, -1],
        "before": lead.astype(float) if lead.size else np.full(1, np.nan),
        "longer": np.where(learned == NEVER, trained_for, learned) / _mean_of_those_that_did(paired),
        "all-linear": done_of_the_way(arrays, "linear")[:, -1],
        "unit": done_of_the_way(arrays, "unit")[:, -1],
    }


def remarks(arrays: Arrays) -> tuple[str, ...]:
    """Steps and losses, seed by seed."""
    ends = {
        name: ", ".join(f"{loss:.4g}" for loss in arrays[f"{name}_loss"][:, -1])
        for name in ("softmax", "linear", "unit")
    }
    reached = {name: _steps(halfway(arrays, name)) for name in ("softmax", "linear", "unit", "paired")}
    return (
        f"The loss is halfway to one gradient step's at step {reached['softmax']}, the sensitivity to the next token "
        f"halfway at step {_steps(copied(arrays))}, of {arrays['softmax_training_loss'].shape[1]}.",
        f"One layer given pairs is halfway at step {reached['paired']}; two linear layers at step {reached['linear']}, "
        f"and with unit vectors for positions at step {reached['unit']}, of {arrays['unit_training_loss'].shape[1]}.",
        f"Losses at the end: {ends['softmax']}; first layer linear {ends['linear']}; with unit vectors {ends['unit']}.",
        f"Losses of the zero predictor {arrays['loss_zero']:.4g}, of one gradient step {arrays['loss_one']:.4g}, of "
        f"two {arrays['loss_two']:.4g}, of one that takes labels' tokens for examples {arrays['loss_junk']:.4g}.",
    )


def done_of_the_way(arrays: Arrays, kind: str) -> np.ndarray:
    """How much of the way from the zero predictor's loss to one gradient step's is done [seeds, snapshots]."""
    return (arrays["loss_zero"] - arrays[f"{kind}_loss"]) / (arrays["loss_zero"] - arrays["loss_one"])


def halfway(arrays: Arrays, kind: str, window: int = 20) -> np.ndarray:
    """The step, by seed, at which the training loss, averaged over `window` steps, is halfway there; else NEVER."""
    window = min(window, arrays[f"{kind}_training_loss"].shape[1])
    losses = sliding_window_view(arrays[f"{kind}_training_loss"], window, axis=1).mean(axis=-1)
    steps = np.arange(losses.shape[1]) + window // 2
    return _first(steps, losses <= (arrays["loss_zero"] + arrays["loss_one"]) / 2)


def copied(arrays: Arrays) -> np.ndarray:
    """The first snapshot, by seed, whose sensitivity to the next token is halfway from the first's to the last's.

    NEVER for a seed whose loss never got halfway: there, first and last differ by chance.
    """
    values = arrays["softmax_following"]
    steps = _first(arrays["softmax_steps"], values >= (values[:, :1] + values[:, -1:]) / 2)
    return np.where(halfway(arrays, "softmax") == NEVER, NEVER, steps)


def _first(steps: np.ndarray, reached: np.ndarray) -> np.ndarray:
    return np.where(reached.any(axis=1), steps[reached.argmax(axis=1)], NEVER)


def _mean_of_those_that_did(steps: np.ndarray) -> float:
    return float(steps[steps != NEVER].mean()) if np.any(steps != NEVER) else np.nan


def _steps(steps: np.ndarray) -> str:
    return ", ".join("never" if step == NEVER else str(step) for step in steps)
