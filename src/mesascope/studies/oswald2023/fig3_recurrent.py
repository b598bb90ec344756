"""Figure 3a of von Oswald et al. 2023: one layer applied twice does better than two gradient steps."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.oswald2023._shared.stack_measure import StackMeasured
from mesascope.studies.oswald2023._shared.stack_study import AbstractStackStudy, also_measured
from mesascope.study.base import Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Figure3Recurrent(AbstractStackStudy):
    """A linear self-attention layer applied twice becomes two steps of GD++, which beat two of gradient descent.

    GD++ transforms its data as it goes, x <- (I - gamma X^T X) x, and so improves the curvature that the next step
    meets. The trained layer is compared with the best two steps of gradient descent, with one learning rate for both
    or one for each, and with the best two steps of GD++ with one eta and one gamma, all tuned on other tasks than
    those they are judged on. Eta and gamma are also read out of the trained products W_KQ and P W_V: the means of their
    diagonals on x and y, which the scale gauge leaves alone. The model halfway to the GD++ construction is taken after
    fixing that gauge.

    Which source is followed. Settings are the authors' code's: inputs U(-1/2, 1/2), losses with the factor 1/2, Adam
    with b2 = 0.98, gradients clipped at 0.001. The two alignments cross during training: the trained layer first does
    what two gradient steps would, then learns gamma. Cosines to gradient descent are to that with one learning rate, as
    in the paper.
    """

    title: ClassVar = "A layer applied twice becomes two steps of GD++"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 3a"
    claims: ClassVar = (
        Claim(
            "beats-gd",
            "It beats two gradient steps, a learning rate for each.",
            "trained loss / best GD loss",
            "at most",
            1.0,
        ),
        Claim("gdpp", "It is as good as the best GD++.", "|trained loss / best GD++ loss - 1|", "at most", 0.05),
        Claim(
            "eta",
            "Its learning rate is GD++'s.",
            "|learned eta / GD++ optimum - 1|",
            "at most",
            0.05,
            decided_by="paper",
        ),
        Claim("gamma", "Its curvature correction is GD++'s.", "|learned gamma / GD++ optimum - 1|", "at most", 0.05),
        Claim("cosine", "Its sensitivities are GD++'s.", "mean cosine to GD++", "at least", 0.99),
        Claim(
            "gd-first", "It looks like gradient descent first.", "cosine to GD - to GD++, GD's peak", "at least", 0.02
        ),
        Claim("gdpp-last", "It looks like GD++ in the end.", "cosine to GD++ - to GD, at the end", "at least", 0.02),
        Claim(
            "interpolation",
            "Halfway to GD++'s weights the loss is the same.",
            "|halfway loss / trained loss - 1|",
            "at most",
            0.05,
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

    def cells(self) -> tuple[Cell, ...]:
        return self.stack_cells()

    def summarise(self, results: list[Arrays]) -> StackMeasured:
        return StackMeasured(**results[1])

    def readings(self, summary: StackMeasured) -> Readings:
        _, gd, gdpp_tied, _ = summary.rivals
        to_gd, to_gdpp = np.moveaxis(summary.sensitivity_cosine, -1, 0)
        peak = np.argmax(to_gd, axis=1)
        return {
            "beats-gd": summary.trained / gd,
            "gdpp": np.abs(summary.trained / gdpp_tied - 1),
            "eta": np.abs(summary.learning_rate[:, 0] / summary.best_learning_rate[0] - 1),
            "gamma": np.abs(summary.curvature[:, 0] / summary.best_curvature[0] - 1),
            "cosine": to_gdpp[:, -1],
            "gd-first": np.take_along_axis(to_gd - to_gdpp, peak[:, None], axis=1)[:, 0],
            "gdpp-last": to_gdpp[:, -1] - to_gd[:, -1],
            "interpolation": np.abs(summary.halfway / summary.trained - 1),
            **also_measured(summary),
            "step at which the cosine to gradient descent peaks": summary.steps[peak],
        }

    def figures(self, summary: StackMeasured) -> "dict[str, Figure]":
        return {"figure3a": self.panels(summary)}
