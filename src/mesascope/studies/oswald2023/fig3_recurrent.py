"""Figure 3a of von Oswald et al. 2023: one layer applied twice does better than two gradient steps."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mesascope.studies.oswald2023._shared.stack_measure import StackMeasured
from mesascope.studies.oswald2023._shared.stack_panels import four_panels
from mesascope.studies.oswald2023._shared.stack_study import AbstractStackStudy, readings_of
from mesascope.study.base import Readings
from mesascope.study.claim import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PAPER: dict[str, Any] = {"kind": "paper", "restates": "figure 3a", "over": "every seed"}
FOUND: dict[str, Any] = {"over": "every seed"}


class Figure3Recurrent(AbstractStackStudy):
    """A layer applied twice is held against two gradient steps and two of GD++.

    **Question.** A trained linear attention layer makes one gradient step. What does the layer learn when it is applied
    twice?

    **Setting.** Linear regression, N = d = 10, x uniform on [-1/2, 1/2], loss ½(prediction - y)². A gradient step is y
    ← y - (η/N) Σ yᵢxᵢᵀx on all tokens, the query's y from 0. GD++ also changes the data, x ← (I - γXXᵀ)x, at every
    step. Both steps share η and γ, as both applications share the layer.

    **What the paper says.** Figure 3a: the layer has less loss than two gradient steps and the loss of GD++. During
    training the layer first looks like gradient descent, then like GD++. Averaged weights do as well.

    **What we measure.** Losses on 10 000 prompts. Cosines between sensitivities, the derivatives of predictions with
    respect to the query. η and γ in the trained products W_KQ and P W_V. Rivals have the best rates, found on other
    prompts. Layers are averaged after scaling W_KQ (keys times queries) to norm 1.

    **Found here.** η and γ in the trained weights are the best η and γ.

    **Differences.** Sizes, gradient clipping at 0.001 and Adam's b2 = 0.98 are the code's; the text says x in [-1, 1],
    clipping at 10 and Adam's defaults. The authors train the rates of GD++; here GD++ has the best rates.
    oswald2023-fig6-shift has both.

    **Limits.** One size of the task.
    """

    title: ClassVar = "A layer applied twice becomes two steps of GD++"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 3a"
    claims: ClassVar = (
        Claim(
            "beats-gd",
            "A layer trained to be applied twice has less loss than two gradient steps.",
            "trained loss / loss of two gradient steps with the best rates, the better of one rate for both and "
            "one for each",
            "at most",
            1.0,
            **PAPER,
        ),
        Claim(
            "gdpp",
            "A layer applied twice has the loss of two steps of GD++ within 5%.",
            "|trained loss / loss of GD++ with the best η and γ - 1|",
            "at most",
            0.05,
            **PAPER,
        ),
        Claim(
            "cosine",
            "The trained layer's sensitivities are nearly parallel to those of GD++.",
            "mean cosine over prompts between the sensitivities of the trained layer and of GD++",
            "at least",
            0.99,
            **PAPER,
        ),
        Claim(
            "gd-first",
            "Where most like gradient descent in training, a repeated layer is less like GD++.",
            "cosine to gradient descent - cosine to GD++, where the cosine to gradient descent is largest",
            "at least",
            0.02,
            **PAPER,
        ),
        Claim(
            "gdpp-last",
            "At the end of training the layer is closer to GD++ than to gradient descent.",
            "cosine to GD++ - cosine to gradient descent, after the last training step",
            "at least",
            0.02,
            **PAPER,
        ),
        Claim(
            "interpolation",
            "Halfway to GD++'s weights the loss is within 5% of the trained layer's.",
            "|loss halfway / trained loss - 1|",
            "at most",
            0.05,
            **PAPER,
        ),
        Claim(
            "eta",
            "The learning rate in the trained weights is GD++'s best rate within 5%.",
            "|η read from the trained weights / best η of GD++ - 1|",
            "at most",
            0.05,
            decided_by="paper",
            **FOUND,
        ),
        Claim(
            "gamma",
            "The curvature correction in the trained weights is GD++'s best one within 5%.",
            "|γ read from the trained weights / best γ of GD++ - 1|",
            "at most",
            0.05,
            **FOUND,
        ),
    )
    presets: ClassVar = {
        "smoke": {"num_steps": 100, "batch_size": 32, "num_validation": 100, "num_examples": 3, "dim_x": 3},
        "quick": {"seeds": 4},
        "paper": {
            "seeds": 5,
            "num_steps": 5000,
            "batch_size": 2048,
            "learning_rate": 1e-3,
            "num_validation": 10_000,
            "num_examples": 10,
            "dim_x": 10,
        },
    }

    num_repeats: int = 2
    """How often the layer is applied."""

    def depth(self) -> tuple[int, int]:
        return 1, self.num_repeats

    def readings(self, summary: StackMeasured) -> Readings:
        to_gd, to_gdpp = np.moveaxis(summary.sensitivity_cosine, -1, 0)
        peak = np.argmax(to_gd, axis=1)[:, None]
        return {
            **readings_of(summary),
            "gd-first": np.take_along_axis(to_gd - to_gdpp, peak, axis=1)[:, 0],
            "gdpp": np.abs(summary.trained / summary.gdpp - 1),
            "cosine": to_gdpp[:, -1],
            "interpolation": np.abs(summary.halfway / summary.trained - 1),
            "eta": np.abs(summary.learning_rate[:, 0] / summary.gdpp_learning_rate[0] - 1),
            "gamma": np.abs(summary.curvature[:, 0] / summary.gdpp_curvature[0] - 1),
        }

    def figures(self, summary: StackMeasured) -> "dict[str, Figure]":
        return {"figure3a": four_panels(summary, self.input_scales, "GD++", None)}
