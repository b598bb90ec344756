"""TODO"""

from typing import TYPE_CHECKING

import numpy as np

from mesascope.studies.oswald2023.fig10_rollout.descent import DAMPENINGS
from mesascope.study.base import Arrays

if TYPE_CHECKING:
    pass


STABLE = np.array([dampening < 0.8 for dampening in DAMPENINGS])

GAP = "largest |loss / GD loss - 1| at dampenings 0.75 and 0.5"
MISMATCHES = "number of prompts, over all dampenings, where that is not so"
SHARE = "largest z over dampenings"
LOSSES = "largest z at dampenings 0.75 and 0.5 after 1, 2, 5, 10, 20, 50 steps"
EXPLODES = "smallest loss at the end / loss of the zero predictor"
CHANGE = "largest relative change in one step"


def exact(descent: Arrays, num_prompts: int, num_spectra: int) -> dict[str, float]:
    """The number each claim about gradient descent is about, by the claim's id."""
    stable = descent["loss"][STABLE]
    return {
        "diverging-prompts": float(descent["mismatches"].sum()),
        "diverging-share": float(share_distance(descent, num_prompts, num_spectra).max()),
        "losses": float(loss_distance(descent)[STABLE].max()),
        "explodes": float((descent["loss"][~STABLE, -1] / descent["zero_loss"]).min()),
        "falls": float((stable[:, 1:] / stable[:, :-1] - 1).max(initial=-1.0)),
    }


def per_seed(descent: Arrays, trained: Arrays) -> dict[str, np.ndarray]:
    """The number each claim about trained layers is about, by the claim's id, for every seed."""
    stable = descent["loss"][STABLE]
    return {name: np.abs(trained[name][:, STABLE] / stable - 1).max(axis=(1, 2)) for name in ("trained", "silenced")}


def share_distance(descent: Arrays, num_prompts: int, num_spectra: int) -> np.ndarray:
    """|difference of two shares| in standard errors, for every dampening; zero where both are zero."""
    shares, theory = descent["diverged"], descent["theory_diverged"]
    pooled = (num_prompts * shares + num_spectra * theory) / (num_prompts + num_spectra)
    error = np.sqrt(pooled * (1 - pooled) * (1 / num_prompts + 1 / num_spectra))
    return np.abs(shares - theory) / np.where(error == 0, 1.0, error)


def loss_distance(descent: Arrays) -> np.ndarray:
    """|mean over prompts - population's mean| in standard errors of both [dampenings steps], at the steps judged."""
    at = descent["theory_steps"] - 1
    errors = np.hypot(descent["standard_error"][:, at], descent["theory_standard_error"])
    return np.abs(descent["loss"][:, at] - descent["theory_loss"]) / errors


def remarks(descent: Arrays, trained: Arrays) -> tuple[str, ...]:
    """At every dampening: shares that diverge, losses of gradient descent, and what explodes of the trained layers."""
    lines = []
    for i, dampening in enumerate(DAMPENINGS):
        losses = ", ".join(f"{descent['loss'][i, step - 1]:.3g}" for step in descent["theory_steps"])
        theory = ", ".join(f"{loss:.3g}" for loss in descent["theory_loss"][i])
        counts = {
            name: ", ".join(f"{count:.0f}" for count in trained[f"{name}_exploded"][:, i])
            for name in ("trained", "silenced")
        }
        lines.append(
            f"Dampening {dampening:g}: gradient descent diverges on {100 * descent['diverged'][i]:.3g}% of the prompts "
            f"(population {100 * descent['theory_diverged'][i]:.3g}%); its loss after "
            f"{', '.join(map(str, descent['theory_steps']))} steps {losses} (population {theory}). The trained layer "
            f"explodes on {counts['trained']} prompts, seed by seed; writing to y only, on {counts['silenced']}."
        )
    return tuple(lines)
