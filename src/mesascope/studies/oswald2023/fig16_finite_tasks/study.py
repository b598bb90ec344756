"""Figure 16 of von Oswald et al. 2023: trained on finitely many tasks."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolsCell, measure_pools
from mesascope.studies.oswald2023.fig16_finite_tasks.panels import three_panels
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SIZES = (128, 512, 2048, 8192)  # the paper's

GAP = "fresh loss / GD loss - 1"
COSINE = "mean cosine between the sensitivities"


class Figure16(AbstractStudy):
    """A linear layer trained on a fixed set of tasks finds gradient descent when there are enough of them.

    A task is a whole prompt: teacher, examples, query and target. Every training step draws its batch from the fixed
    set, uniformly; the authors' code cycles through it instead. All seeds of a size train on one set, so the intervals
    are over initial weights and the order of the draws, not over sets; a larger set contains the smaller ones.
    Alignment and losses are measured on fresh tasks, against the step of gradient descent that is best on them. Other
    settings are those of the authors' code for one layer.

    What we found. The numbers are those of ordinary overfitting. Near gradient descent the layer's prediction changes
    in p = (dim_x + 1)^2 - 1 = 120 directions, and least squares with p normal features would, having learned from B
    examples, lose p / (B - p - 1) of its loss: 6% at 2048 and 1.5% at 8192, close to what is measured (see the notes).
    With 512 tasks the layer loses half as much again, and 128, about as many as p, it learns by heart.
    """

    title: ClassVar = "Enough training tasks make gradient descent; too few are learned by heart"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 16"
    claims: ClassVar = (
        Claim("loss-8192", "With 8192 tasks it is as good as GD on fresh ones.", f"|{GAP}|", "at most", 0.05),
        Claim("cosine-8192", "With 8192 tasks it is aligned with GD.", COSINE, "at least", 0.99),
        Claim("cosine-2048", "With 2048 tasks it nearly is.", COSINE, "at least", 0.95),
        Claim("loss-128", "With 128 tasks it is far from GD on fresh ones.", GAP, "at least", 0.5),
        Claim("rises", "More tasks, more alignment.", f"least rise of the {COSINE}", "at least", 0.0),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "num_steps": 600,
            "batch_size": 128,
            "num_validation": 500,
            "num_examples": 4,
            "dim_x": 4,
        },
        "quick": {"seeds": 4, "num_steps": 1500, "num_validation": 2000},
        "paper": {"seeds": 5, "num_steps": 5000, "num_validation": 10_000},
    }

    seeds: int = 4
    num_steps: int = 1500
    batch_size: int = 2048
    num_validation: int = 2000
    num_snapshots: int = 26
    num_examples: int = 10
    dim_x: int = 10
    input_scale: float = 0.5
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "num_validation", "num_snapshots"):
            check_count(name, getattr(self, name))
        self.trainings()  # checks everything else

    def trainings(self) -> tuple[Training, ...]:
        """One for each number of tasks."""
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        sizes = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        return tuple(stack_training(task=FinitePool(task, size), first_seed=self.first_seed, **sizes) for size in SIZES)

    def cells(self) -> tuple[Cell, ...]:
        trainings = self.trainings()
        measured = Cell("measured", PoolsCell(trainings, self.num_validation, self.num_snapshots))
        return *(Cell(f"{size} tasks", each) for size, each in zip(SIZES, trainings, strict=True)), measured

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return measure_pools(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Arrays:
        return results[-1]

    def verdicts(self, summary: Arrays) -> tuple[Verdict, ...]:
        gap, cosine = summary["loss"] / summary["gradient_descent"] - 1, summary["sensitivity_cosine"]
        per_seed = {
            "loss-8192": np.abs(gap[SIZES.index(8192)]),
            "cosine-8192": cosine[SIZES.index(8192)],
            "cosine-2048": cosine[SIZES.index(2048)],
            "loss-128": gap[SIZES.index(128)],
            "rises": np.diff(cosine, axis=0).min(axis=0),
        }
        return tuple(claim.judge(per_seed[claim.id]) for claim in self.claims)

    def notes(self, summary: Arrays) -> tuple[str, ...]:
        gap = summary["loss"] / summary["gradient_descent"] - 1
        rows = zip(SIZES, summary["sensitivity_cosine"], summary["loss"], gap, summary["pool_loss"], strict=True)
        return tuple(
            f"B = {size}: cosine {cosine.mean():.4f}, loss on fresh tasks {loss.mean():.4f} ({by.mean():+.1%} on GD's, "
            f"least squares {self.least_squares_gap(size):+.1%}), on its own {seen.mean():.4f}."
            for size, cosine, loss, by, seen in rows
        )

    def least_squares_gap(self, num_tasks: int) -> float:
        """p / (B - p - 1), what least squares loses to the best predictor with p normal features; nan below p + 2.

        p = (dim_x + 1)^2 - 1 is the number of directions in which the layer's prediction changes near gradient descent:
        the row of P W_V that writes y, the columns of W_KQ that read x, less the scale gauge.
        """
        num_weights = (self.dim_x + 1) ** 2 - 1
        spare = num_tasks - num_weights - 1
        return num_weights / spare if spare > 0 else np.nan

    def figures(self, summary: Arrays) -> "dict[str, Figure]":
        return {"figure16": three_panels(SIZES, summary)}
