"""The numbers that the claims about repeated application are judged by."""

from typing import NamedTuple

import numpy as np

from mesascope.studies.oswald2023.fig10_rollout.descent import Descent, Population
from mesascope.studies.oswald2023.fig10_rollout.trained import Repeated
from mesascope.study.base import Readings

LARGEST_STABLE = 0.8  # dampenings below are expected to converge

GAP = "largest |loss / GD loss - 1| at dampenings 0.75 and 0.5"
MISMATCHES = "number of prompts, over all dampenings, where that is not so"
SHARE = "largest z over dampenings"
LOSSES = "largest z at dampenings 0.75 and 0.5 after 1, 2, 5, 10, 20, 50 steps"
EXPLODES = "smallest loss at the end / loss of the zero predictor"
CHANGE = "largest relative change in one step"


class Summary(NamedTuple):
    """What was measured of gradient descent at every dampening, of its population, and of the trained layers."""

    dampenings: tuple[float, ...]
    descent: Descent
    population: Population
    repeated: Repeated

    def stable(self) -> np.ndarray:
        """Which dampenings are expected to converge."""
        return np.array(self.dampenings) < LARGEST_STABLE

    def share_distance(self, num_prompts: int, num_spectra: int) -> np.ndarray:
        """|difference of two shares| in standard errors, for every dampening; zero where both are zero."""
        shares, theory = self.descent.diverged, self.population.diverged
        pooled = (num_prompts * shares + num_spectra * theory) / (num_prompts + num_spectra)
        error = np.sqrt(pooled * (1 - pooled) * (1 / num_prompts + 1 / num_spectra))
        return np.abs(shares - theory) / np.where(error == 0, 1.0, error)

    def loss_distance(self) -> np.ndarray:
        """|mean over prompts - population's| in standard errors of both [dampenings steps], at the steps judged."""
        at = self.population.steps - 1
        errors = np.hypot(self.descent.standard_error[:, at], self.population.standard_error)
        return np.abs(self.descent.loss[:, at] - self.population.loss) / errors

    def gap(self, losses: np.ndarray) -> np.ndarray:
        """The largest |loss / gradient descent's - 1| [seeds] where it is stable."""
        if not np.any(self.stable()):  # as when everything diverged
            return np.full(len(losses), np.nan)
        return np.abs(losses[:, self.stable()] / self.descent.loss[self.stable()] - 1).max(axis=(1, 2))


def readings(summary: Summary, num_prompts: int, num_spectra: int) -> Readings:
    """The numbers that claims are about, and for every dampening what diverges."""
    descent, population, repeated = summary.descent, summary.population, summary.repeated
    stable = summary.stable()
    falling = descent.loss[stable]
    return {
        "diverging-prompts": float(descent.mismatches.sum()),
        "diverging-share": float(summary.share_distance(num_prompts, num_spectra).max()),
        "losses": float(summary.loss_distance()[stable].max()) if np.any(stable) else np.nan,
        "explodes": float((descent.loss[~stable, -1] / population.zero_loss).min()),
        "falls": float((falling[:, 1:] / falling[:, :-1] - 1).max(initial=-1.0)) if np.any(stable) else np.nan,
        "trained": summary.gap(repeated.trained),
        "silenced": summary.gap(repeated.silenced),
        "dampenings": summary.dampenings,
        "share of prompts on which gradient descent diverges, by dampening": descent.diverged,
        "share of the population on which it diverges, by dampening": population.diverged,
        "loss of gradient descent at the end, by dampening": descent.loss[:, -1],
        **{
            f"prompts on which the layer explodes, {kind}, dampening {dampening:g}": exploded[:, i]
            for kind, exploded in (("trained", repeated.trained_exploded), ("silenced", repeated.silenced_exploded))
            for i, dampening in enumerate(summary.dampenings)
        },
    }
