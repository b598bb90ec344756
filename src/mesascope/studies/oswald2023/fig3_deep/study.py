"""Figure 3b of von Oswald et al. 2023: five layers of their own weights against five steps of GD++."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stack_measure import StackCell, measure_stack
from mesascope.studies.oswald2023._shared.stack_panels import three_panels
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig3_deep.rare_prompts import RareCell, measure_rare, remark
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FULL = {"num_examples": 10, "dim_x": 10}
BARRIER = "halfway loss / worse end's loss"
CLIPPED = "trained loss / clipped GD++'s loss - 1, on ten times as many other prompts"


class Figure3Deep(AbstractStudy):
    """Five layers of their own weights beat five gradient steps, and are held against GD++ with rates for each step.

    The rivals are tuned on other tasks than those they are judged on: gradient descent and GD++ with one learning
    rate (and one gamma) or one for each step. The halfway model between trained weights and the GD++ construction is
    taken twice. First with each layer's scale gauge fixed alone, as the paper does, which finds it fail. Then with each
    layer also written in the units of the x it receives, since GD++ shrinks x from layer to layer: if the barrier goes,
    the failure was one of units; if it stays, the two solutions differ. "Read" is GD++ with the rates that the
    diagonals of the trained products spell out: how much of what was learned GD++ is.

    Which source is followed. Settings are the authors' code's for five layers: inputs U(-1/2, 1/2), learning rate
    0.0005, gradients clipped at norm 10, tokens clipped to [-10, 10], 50000 steps of 2048 fresh prompts. The preset
    quick has N = dim_x = 5 and an eighth of steps and batches: its two seeds end at different losses, some way before
    those of GD++, and leave the claims open. At the paper's sizes stacks first learn gradient descent, too.

    What we found at the paper's size. The trained stacks are GD++: with the rates read from their diagonals it has
    nearly their loss, and the cosine is above 0.99. They are not the best GD++: its rates, near Chebyshev's (see
    oswald2023-gdpp), lose less still on the validation prompts. But those rates are no safe choice. They fit the
    spectra that were seen, and on a rare prompt with a larger eigenvalue the residual, a polynomial of degree 121,
    explodes: on ten times as many prompts its mean loss is beyond any float. Clipped as the stacks are it stays finite,
    and the stacks are nearer to it; the notes have all losses. Halfway between the two the loss is several times as
    large, and matching units makes it far worse: rates of later layers differ by factors, not in units, and a sequence
    of filters is not averaged rate by rate. What keeps the two apart is not a gauge.
    """

    title: ClassVar = "Five untied layers beat five gradient steps; weights are not averaged so easily"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 3b"
    claims: ClassVar = (
        Claim("beats-gd", "They beat five gradient steps.", "trained loss / best GD loss", "at most", 1.0),
        Claim("gdpp", "They are as good as the best GD++.", "trained loss / best GD++ loss - 1", "at most", 0.1),
        Claim("clipped", "They are as good as the best GD++ that is clipped as they are.", CLIPPED, "at most", 0.1),
        Claim("cosine", "They are closer to GD++ than to GD.", "cosine to GD++ - cosine to GD", "at least", 0.0),
        Claim("interpolation-fails", "Halfway to GD++ the loss is far worse.", BARRIER, "at least", 1.5),
        Claim("gauge", "With units matched the barrier is gone.", f"{BARRIER}, units matched", "at most", 1.1),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 200, "batch_size": 64, "num_validation": 200, "num_examples": 3, "dim_x": 3},
        "quick": {
            "seeds": 2,
            "num_steps": 6000,
            "batch_size": 256,
            "num_validation": 4000,
            "num_examples": 5,
            "dim_x": 5,
        },
        "paper": {"seeds": 4, "num_steps": 50_000, "batch_size": 2048, "num_validation": 10_000, **FULL},
    }

    seeds: int = 2
    num_steps: int = 6000
    batch_size: int = 256
    num_validation: int = 4000
    num_layers: int = 5
    num_snapshots: int = 26
    num_examples: int = 5
    dim_x: int = 5
    input_scale: float = 0.5
    first_seed: int = 0
    input_scales: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)

    def __check_init__(self):
        for name in ("seeds", "num_validation", "num_snapshots", "num_layers"):
            check_count(name, getattr(self, name))
        for scale in self.input_scales:
            check_positive("input_scales", scale)
        self.training()  # checks everything else

    def training(self) -> Training:
        """What is trained."""
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        sizes = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        return stack_training(self.num_layers, task=task, first_seed=self.first_seed, **sizes)

    def cells(self) -> tuple[Cell, ...]:
        cell = StackCell(self.training(), self.num_validation, self.num_snapshots, self.input_scales, tied=False)
        rare = RareCell(self.training(), 10 * self.num_validation)
        return (
            Cell("untied layers, trained", self.training()),
            Cell("untied layers, measured", cell),
            Cell("rare prompts", rare),
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        if isinstance(cell.config, RareCell):
            return measure_rare(cell.config, workspace)
        return measure_stack(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Arrays:
        return results[1] | results[2]

    def verdicts(self, summary: Arrays) -> tuple[Verdict, ...]:
        trained, gdpp = summary["loss_trained"], summary["loss_gdpp"]
        worse = np.maximum(trained, gdpp)
        per_seed = {
            "beats-gd": trained / summary["loss_gd"],
            "gdpp": trained / gdpp - 1,
            "clipped": summary["mean_trained"] / summary["mean_clipped"] - 1,
            "cosine": summary["gdpp_sensitivity_cosine"][:, -1] - summary["gd_sensitivity_cosine"][:, -1],
            "interpolation-fails": summary["loss_halfway"] / worse,
            "gauge": summary["loss_frames"] / worse,
        }
        return tuple(claim.judge(per_seed[claim.id]) for claim in self.claims)

    def notes(self, summary: Arrays) -> tuple[str, ...]:
        by_seed = {name: _row(summary[f"loss_{name}"]) for name in ("trained", "halfway", "frames", "read")}
        return (
            f"Losses by seed: trained {by_seed['trained']}; halfway {by_seed['halfway']}, with units matched "
            f"{by_seed['frames']}; GD++ with the rates read out of the weights {by_seed['read']}.",
            f"Best rivals: GD {summary['loss_gd_tied']:.4g}, with a rate for each step {summary['loss_gd']:.4g}; GD++ "
            f"{summary['loss_gdpp_tied']:.4g}, with rates for each step {summary['loss_gdpp']:.4g}.",
            f"Best GD++: eta {_row(summary['best_learning_rate'])}, gamma {_row(summary['best_curvature'])}; learned "
            f"by the first seed: eta {_row(summary['learning_rate'][0])}, gamma {_row(summary['curvature'][0])}.",
            remark(summary),
            f"Cosine at the end: to GD++ {_row(summary['gdpp_sensitivity_cosine'][:, -1])}, to GD "
            f"{_row(summary['gd_sensitivity_cosine'][:, -1])}.",
        )

    def figures(self, summary: Arrays) -> "dict[str, Figure]":
        return {"figure3b": three_panels(summary, self.input_scales, self.num_layers)}


def _row(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in np.ravel(values))
