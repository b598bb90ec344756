"""Figure 3a of von Oswald et al. 2023: one layer applied twice does better than two gradient steps."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stack_measure import StackCell, measure_stack
from mesascope.studies.oswald2023._shared.stack_panels import three_panels
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Figure3Recurrent(AbstractStudy):
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
        Claim("eta", "Its learning rate is GD++'s.", "|learned eta / GD++ optimum - 1|", "at most", 0.05),
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
        "smoke": {"seeds": 2, "num_steps": 200, "batch_size": 64, "num_validation": 200, "num_examples": 4, "dim_x": 4},
        "quick": {"seeds": 2, "num_steps": 4000, "num_validation": 4000},
        "paper": {"seeds": 5, "num_steps": 5000, "num_validation": 10_000},
    }

    seeds: int = 2
    num_steps: int = 4000
    batch_size: int = 2048
    num_validation: int = 4000
    num_snapshots: int = 26
    num_examples: int = 10
    dim_x: int = 10
    input_scale: float = 0.5
    first_seed: int = 0
    input_scales: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)

    def __check_init__(self):
        for name in ("seeds", "num_validation", "num_snapshots"):
            check_count(name, getattr(self, name))
        for scale in self.input_scales:
            check_positive("input_scales", scale)
        self.training()  # checks everything else

    def training(self) -> Training:
        """What is trained."""
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        sizes = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        return stack_training(num_repeats=2, task=task, first_seed=self.first_seed, **sizes)

    def cells(self) -> tuple[Cell, ...]:
        cell = StackCell(self.training(), self.num_validation, self.num_snapshots, self.input_scales, tied=True)
        return Cell("2 tied layers, trained", self.training()), Cell("2 tied layers, measured", cell)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return measure_stack(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Arrays:
        return results[1]

    def verdicts(self, summary: Arrays) -> tuple[Verdict, ...]:
        trained = summary["loss_trained"]
        gd, gdpp = summary["gd_sensitivity_cosine"], summary["gdpp_sensitivity_cosine"]
        peak = np.argmax(gd, axis=1)[:, None]
        per_seed = {
            "beats-gd": trained / summary["loss_gd"],
            "gdpp": np.abs(trained / summary["loss_gdpp_tied"] - 1),
            "eta": np.abs(summary["learning_rate"][:, 0] / summary["best_learning_rate"] - 1),
            "gamma": np.abs(summary["curvature"][:, 0] / summary["best_curvature"] - 1),
            "cosine": gdpp[:, -1],
            "gd-first": np.take_along_axis(gd - gdpp, peak, axis=1)[:, 0],
            "gdpp-last": gdpp[:, -1] - gd[:, -1],
            "interpolation": np.abs(summary["loss_halfway"] / trained - 1),
        }
        return tuple(claim.judge(per_seed[claim.id]) for claim in self.claims)

    def notes(self, summary: Arrays) -> tuple[str, ...]:
        gd = summary["gd_sensitivity_cosine"]
        steps = summary["snapshot_steps"][np.argmax(gd, axis=1)]
        return (
            f"Losses: trained {summary['loss_trained'].mean():.4g}, halfway {summary['loss_halfway'].mean():.4g}; GD "
            f"{summary['loss_gd_tied']:.4g}, with a rate for each step {summary['loss_gd']:.4g}; GD++ "
            f"{summary['loss_gdpp_tied']:.4g}, with rates for each step {summary['loss_gdpp']:.4g}.",
            f"Best GD++: eta {summary['best_learning_rate']:.4g}, gamma {summary['best_curvature']:.4g}; learned "
            + "; ".join(f"{eta:.4g}, {gamma:.4g}" for eta, gamma in self._learned(summary)),
            f"The cosine to GD peaks at {gd.max(axis=1).mean():.4g}, at step {', '.join(map(str, steps))}, and ends at "
            f"{gd[:, -1].mean():.4g}; that to GD++ ends at {summary['gdpp_sensitivity_cosine'][:, -1].mean():.4g}.",
        )

    def _learned(self, summary: Arrays) -> list[tuple[float, float]]:
        return list(zip(summary["learning_rate"][:, 0].tolist(), summary["curvature"][:, 0].tolist(), strict=True))

    def figures(self, summary: Arrays) -> "dict[str, Figure]":
        return {"figure3a": three_panels(summary, self.input_scales, 2)}
