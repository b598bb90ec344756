"""Figure 3b of von Oswald et al. 2023: five layers of their own weights against five steps of GD++."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stack_measure import StackMeasured
from mesascope.studies.oswald2023._shared.stack_panels import four_panels
from mesascope.studies.oswald2023._shared.stack_study import AbstractStackStudy, readings_of
from mesascope.studies.oswald2023._shared.trained_gdpp import gdpp_training
from mesascope.study.base import Readings
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression

if TYPE_CHECKING:
    from matplotlib.figure import Figure


PAPER: dict[str, Any] = {"kind": "paper", "restates": "figure 3b", "over": "every seed", "decided_by": "paper"}


class Figure3Deep(AbstractStackStudy):
    """Five untied layers are held against five gradient steps and five of GD++.

    **Question.** What do five linear attention layers learn when each has weights of its own?

    **Setting.** Linear regression, N = d = 10, x uniform on [-1/2, 1/2], loss ½(prediction - y)². Step k of GD++ is y ←
    y - (ηₖ/N) Σ yᵢxᵢᵀx and x ← (I - γₖXXᵀ)x on all tokens, the query's y from 0. Layers and rivals clip the entries of
    tokens to [-10, 10] after each step.

    **What the paper says.** Figure 3b: five layers have less loss than five gradient steps and the loss of GD++ with
    trained rates, and point where this GD++ points. The text adds that averaged weights fail.

    **What we measure.** Losses on 10 000 prompts. Cosines between sensitivities, the derivatives of predictions with
    respect to the query. GD++ is trained as in the authors' code: Adam, 30 000 steps of 512 prompts, from the best
    common η with γ = η/N². GD++ with the best rates is a second line. Layers are averaged after scaling W_KQ (keys
    times queries) to norm 1.

    **Found here.** Five layers look like gradient descent before they look like GD++.

    **Differences.** The text says x in [-1, 1]. The code never averages untied layers, and tunes gradient descent on
    the prompts that it shows; here rivals are tuned on others.

    **Limits.** Four seeds; one training of GD++. Few prompts decide the mean loss of GD++ with the best rates.
    """

    title: ClassVar = "Five untied layers beat five gradient steps; weights are not averaged so easily"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 3b"
    claims: ClassVar = (
        Claim(
            "beats-gd",
            "Five untied layers have less loss than five gradient steps.",
            "trained loss / loss of five gradient steps with the best rates, the better of one rate for all and "
            "one for each",
            "at most",
            1.0,
            **PAPER,
        ),
        Claim(
            "gdpp",
            "Five untied layers have at most 10% more loss than GD++ with trained rates.",
            "trained loss / loss of GD++ as the authors train it",
            "at most",
            1.1,
            **PAPER,
        ),
        Claim(
            "gdpp-last",
            "At the end of training five layers are closer to GD++ than to gradient descent.",
            "cosine to GD++ as the authors train it - cosine to gradient descent, after the last training step",
            "at least",
            0.02,
            **PAPER,
        ),
        Claim(
            "interpolation-fails",
            "Halfway between the layers' and GD++'s weights the loss exceeds both ends' by 50%.",
            "loss halfway to GD++ as the authors train it / the larger of the layers' loss and this GD++'s",
            "at least",
            1.5,
            **{**PAPER, "restates": "section 3: averaging the weights of untied layers fails"},
        ),
        Claim(
            "gd-first",
            "At some step of training five layers are more like gradient descent than like GD++.",
            "largest lead during training of the cosine to gradient descent over the cosine to GD++",
            "at least",
            0.02,
            over="every seed",
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "num_layers": 2,
            "num_steps": 100,
            "num_steps_gdpp": 100,
            "batch_size": 32,
            "num_validation": 100,
            "num_examples": 3,
            "dim_x": 3,
        },
        "quick": {"num_steps": 700},
        "paper": {
            "seeds": 4,
            "num_steps": 50_000,
            "num_steps_gdpp": 30_000,
            "batch_size": 2048,
            "learning_rate": 5e-4,
            "num_validation": 10_000,
            "num_examples": 10,
            "dim_x": 10,
        },
    }

    num_layers: int = 5
    """Layers, each with weights of its own."""
    num_steps_gdpp: int = 1000
    """Training steps of GD++."""

    def depth(self) -> tuple[int, int]:
        return self.num_layers, 1

    def gdpp(self) -> Training[LinearRegression]:
        task = self.training().task
        return gdpp_training(*self.depth(), task=task, num_steps=self.num_steps_gdpp, first_seed=self.first_seed)

    def readings(self, summary: StackMeasured) -> Readings:
        to_gd, to_gdpp = np.moveaxis(summary.sensitivity_cosine, -1, 0)
        return {
            **readings_of(summary),
            "gd-first": np.max(to_gd - to_gdpp, axis=1),
            "gdpp": summary.trained / summary.gdpp,
            "interpolation-fails": summary.halfway / np.maximum(summary.trained, summary.gdpp),
            "loss of GD++ as the authors train it": summary.gdpp,
            "loss halfway to GD++ with the best rates": summary.halfway_to_best,
        }

    def figures(self, summary: StackMeasured) -> "dict[str, Figure]":
        names = "GD++ as the authors train it", "GD++ with the best rates"
        return {"figure3b": four_panels(summary, self.input_scales, *names)}
