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
        """Losses [seeds, depths], the mean over states."""
        return np.stack([model.whole().mean(axis=-1) for model in self.models], axis=1)

    def best(self) -> np.ndarray:
        """Losses [depths] of the best seed; nan where no seed has one."""
        losses = np.where(np.isfinite(self.by_depth()), self.by_depth(), np.inf).min(axis=0)
        return np.where(np.isfinite(losses), losses, np.nan)

    def not_normalised(self) -> np.ndarray:
        """Losses [seeds] of the layer without normalisation, the mean over states."""
        return self.linear.whole().mean(axis=-1)

    def by_steps(self) -> np.ndarray:
        """Losses of 1, 2, ... steps of gradient descent, the mean over states."""
        return self.rivals.loss.mean(axis=1)

    def by_steps_each(self) -> np.ndarray:
        """The same where every step has a coefficient of its own."""
        return self.rivals.each_loss.mean(axis=1)

    def over_steps(self, by_steps: np.ndarray) -> float:
        """The largest of the best losses of L layers over those of L steps."""
        return float((self.best() / by_steps[np.array(self.depths) - 1]).max())


class Summary(NamedTuple):
    """What was reached where the first state is always the same, and where it is random."""

    fixed: Reached
    random: Reached


def readings(summary: Summary, dim: int) -> Readings:
    """The numbers that claims are about, and the losses that they compare."""
    fixed, random = summary
    best, deepest = fixed.best(), fixed.models[-1].whole()
    return {
        "linear": fixed.not_normalised() / fixed.by_steps()[0] - 1,
        "steps": fixed.over_steps(fixed.by_steps()),
        "deeper": (best[1:] / best[:-1]).max() if len(best) > 1 else np.ma.masked_all(1),
        "linear-any": np.abs(random.not_normalised() / random.by_steps()[0] - 1),
        "scaled": np.abs(fixed.by_depth()[:, 0] / fixed.scaled.loss.mean() - 1),
        "steps-each": fixed.over_steps(fixed.by_steps_each()),
        "each-any": random.over_steps(random.by_steps_each()),
        "length": deepest[:, -1] / deepest[:, dim],
        **_losses("s_1 fixed", fixed),
        **_losses("s_1 random", random),
    }


def _losses(law: str, reached: Reached) -> Readings:
    return {
        **{f"loss of depth {depth}, {law}": reached.by_depth()[:, i] for i, depth in enumerate(reached.depths)},
        f"loss of the best seed by depth, {law}": reached.best(),
        f"loss without normalisation, {law}": reached.not_normalised(),
        f"losses of 1, 2, ... gradient steps, {law}": reached.by_steps(),
        f"losses of steps with a coefficient each, {law}": reached.by_steps_each(),
        f"loss of least squares, {law}": reached.rivals.least_squares.mean(),
        f"loss of a step of one length, {law}": reached.scaled.loss.mean(),
    }
