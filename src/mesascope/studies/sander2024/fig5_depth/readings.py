"""What models of several depths reached, in numbers."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.sander2024._shared.sequences import ModelLosses
from mesascope.studies.sander2024.fig5_depth.cells import Rivals, ScaledStep
from mesascope.study.base import Readings


class Reached(NamedTuple):
    """What was reached on one process: the models of each depth, the layer without normalisation, and their rivals."""

    depths: tuple[int, ...]
    rivals: Rivals
    scaled: ScaledStep
    models: tuple[ModelLosses, ...]
    linear: ModelLosses

    def by_depth(self) -> np.ndarray:
        """Losses [seeds, depths] of the whole models, the mean over states."""
        return np.stack([model.whole().mean(axis=-1) for model in self.models], axis=1)

    def not_normalised(self) -> np.ndarray:
        """Losses [seeds] of the layer without normalisation, the mean over states."""
        return self.linear.whole().mean(axis=-1)

    def by_steps(self) -> np.ndarray:
        """Losses of 1, 2, ... steps of gradient descent, the mean over states."""
        return self.rivals.loss.mean(axis=1)

    def by_steps_each(self) -> np.ndarray:
        """The same where every step has a coefficient of its own."""
        return self.rivals.each_loss.mean(axis=1)

    def over_steps(self, by_steps: np.ndarray) -> np.ndarray:
        """Losses [seeds, depths] of L layers over those of L steps."""
        return self.by_depth() / by_steps[np.array(self.depths) - 1]

    def read(self) -> np.ndarray:
        """Losses [seeds, layers] read after each layer of the deepest, the mean over states."""
        return self.models[-1].loss.mean(axis=-1)


class Summary(NamedTuple):
    """What was reached where the first state is always the same, and where it is any."""

    one_start: Reached
    any_start: Reached


def readings(summary: Summary, dim: int) -> Readings:
    """The numbers that claims are about, and the losses that they compare."""
    here, anywhere = summary
    ends, read, deepest = here.by_depth(), here.read(), here.models[-1].whole()
    return {
        "linear": np.abs(here.not_normalised() / here.by_steps()[0] - 1),
        "linear-any": np.abs(anywhere.not_normalised() / anywhere.by_steps()[0] - 1),
        "steps": here.over_steps(here.by_steps()).max(axis=1),
        "steps-each": here.over_steps(here.by_steps_each()).max(axis=1),
        "steps-any": anywhere.over_steps(anywhere.by_steps()).max(axis=1),
        "each-any": anywhere.over_steps(anywhere.by_steps_each()).max(axis=1),
        "least-squares": ends.min(axis=1) / here.rivals.least_squares.mean() - 1,
        "deeper": _largest_ratio(ends),
        "readout": _largest_ratio(read),
        "readout-steps": (read / here.by_steps()[: read.shape[1]]).max(axis=1),
        "length": deepest[:, -1] / deepest[:, dim],
        **_losses("same first state", here),
        **_losses("any first state", anywhere),
    }


def _largest_ratio(losses: np.ndarray) -> np.ndarray:
    """By seed the largest of losses [seeds n] over the one before it; masked where there is only one."""
    if losses.shape[1] == 1:
        return np.ma.masked_all(len(losses))
    return (losses[:, 1:] / losses[:, :-1]).max(axis=1)


def _losses(law: str, reached: Reached) -> Readings:
    return {
        **{f"loss of depth {depth}, {law}": reached.by_depth()[:, i] for i, depth in enumerate(reached.depths)},
        f"loss without normalisation, {law}": reached.not_normalised(),
        f"losses of 1, 2, ... gradient steps, {law}": reached.by_steps(),
        f"losses of steps with a coefficient each, {law}": reached.by_steps_each(),
        f"loss of least squares, {law}": reached.rivals.least_squares.mean(),
        f"loss of a step of one length, {law}": reached.scaled.loss.mean(),
    }
