"""Figures 11 and 12 of von Oswald et al. 2023: softmax heads, one and two."""

from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.softmax_heads import softmax_heads
from mesascope.studies.oswald2023.fig11_softmax.cells import BestSteps, BestStepsCell, HeadMeasures, HeadsCell
from mesascope.studies.oswald2023.fig11_softmax.panels import matrices, over_training
from mesascope.studies.oswald2023.fig11_softmax.readings import Summary, heads, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ONE_HEAD = "validation loss of one head / loss of the best gradient step"
TWO_HEADS = "validation loss of two heads / loss of the best gradient step - 1"
CENTRED_GAP = "|validation loss of two heads / loss of the best centred step - 1|"
CENTRED = "mean cosine between the sensitivities of two heads and of centred gradient descent"
ADVANTAGE = "mean cosine of two heads to centred gradient descent - mean cosine to gradient descent"
WRITES = "|sum over both heads of P W_V,yy| / sum of |P W_V,yy|"
MIRROR = "cosine between off-diagonal entries of both heads' P W_V,yy W_KQ,xx"
OFF_IDENTITY = "|S - c I| / |S|, S the sum of both heads' P W_V,yy W_KQ,xx, c the mean of its diagonal"
LEAST = "|least loss of one head over seeds / least loss of a head with W_KQ,xx a multiple of I - 1|"
EVERY: dict[str, Any] = {"over": "every seed"}
PAPER: dict[str, Any] = {**EVERY, "kind": "paper"}


class Figure11(AbstractStudy):
    """One softmax head and two are held against plain and centred gradient steps.

    **Question.** How many softmax heads does one step of gradient descent need?

    **Setting.** Linear regression, y = wᵀx, N = d = 10, one layer of H softmax heads, scores divided by √11. W_KQ,xx is
    W_Kᵀ W_Q on inputs; P W_V,yy takes labels to labels. Where scores z_i are small, softmax_i(z) ≈ (1 + z_i - z̄)/N:
    linear attention, with an offset, on centred scores.

    **What the paper says.** Figure 11: one head cannot match gradient descent, two nearly do. Appendix A.9: a second
    head of opposite sign takes the offset away. Figure 12: the heads' matrices P W_V,yy W_KQ,xx mirror each other off
    the diagonal and add up to a diagonal matrix.

    **What we measure.** Losses against the best step of gradient descent and of centred gradient descent, which
    subtracts the mean of a prompt's inputs; cosines between sensitivities dŷ/dx; the matrices of figure 12.

    **Found here.** A second head takes the offset away, but not z̄, since a softmax's weights add up to one: two heads
    make a centred step. The best seed of one head reaches the least loss of heads with W_KQ,xx = bI, b a number.

    **Differences.** Gradients are clipped at 10, as in the text; the code has 0.001. Training lasts 10 000 steps, not
    5000.

    **Limits.** The least loss of one head is known for W_KQ,xx = bI only.
    """

    title: ClassVar = "Two softmax heads make a step of centred gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figures 11 and 12, appendix A.9"
    claims: ClassVar = (
        Claim(
            "one-head",
            "One softmax head stays at least 20% above gradient descent's loss.",
            ONE_HEAD,
            "at least",
            1.2,
            decided_by="paper",
            restates="figure 11",
            **PAPER,
        ),
        Claim(
            "two-heads",
            "Two softmax heads reach gradient descent's loss within 10%.",
            TWO_HEADS,
            "at most",
            0.1,
            restates="figure 11",
            **PAPER,
        ),
        Claim(
            "opposite",
            "Two softmax heads write labels with opposite signs and nearly equal sizes.",
            WRITES,
            "at most",
            0.1,
            restates="appendix A.9",
            **PAPER,
        ),
        Claim(
            "mirrored",
            "Off the diagonal the products P W_V,yy W_KQ,xx of two heads are nearly opposite.",
            MIRROR,
            "at most",
            -0.9,
            restates="figure 12",
            **PAPER,
        ),
        Claim(
            "diagonal",
            "Two heads' products P W_V,yy W_KQ,xx sum to a multiple of I within 20%.",
            OFF_IDENTITY,
            "at most",
            0.2,
            restates="figure 12",
            **PAPER,
        ),
        Claim(
            "centred-loss",
            "Two softmax heads match centred gradient descent within 3% of its loss.",
            CENTRED_GAP,
            "at most",
            0.03,
            **EVERY,
        ),
        Claim(
            "centred-cosine",
            "Two softmax heads' sensitivities are nearly parallel to those of centred gradient descent.",
            CENTRED,
            "at least",
            0.98,
            decided_by="paper",
        ),
        Claim(
            "centred-wins",
            "Two softmax heads are nearer to centred gradient descent than to gradient descent.",
            ADVANTAGE,
            "at least",
            0.01,
            **EVERY,
        ),
        Claim(
            "one-head-least",
            "One head's best loss is within 5% of the least possible with W_KQ,xx = bI.",
            LEAST,
            "at most",
            0.05,
            over="one number",
            decided_by="paper",
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "num_steps": 50,
            "batch_size": 32,
            "num_validation": 50,
            "num_snapshots": 2,
            "num_examples": 4,
            "dim_x": 2,
            "num_heads": (1, 2),
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 10_000,
            "batch_size": 512,
            "learning_rate": 1e-3,
            "init_scale": 0.002,
            "num_validation": 10_000,
            "num_snapshots": 26,
            "num_heads": (1, 2, 4),
        },
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    num_steps: int = 1200
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    learning_rate: float = 2e-3
    """Adam's rate."""
    init_scale: float = 0.5
    """Variance of the weights before training, times the size of a token."""
    clip_norm: float = 10.0
    """The norm that gradients are clipped at."""
    num_validation: int = 2000
    """Prompts that losses are measured on."""
    num_snapshots: int = 13
    """Models on the way of each training that are measured."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    num_heads: tuple[int, ...] = (2,)
    """Numbers of heads that are trained."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_validation", "num_snapshots"):
            check_count(name, getattr(self, name))
        if 2 not in self.num_heads:
            raise ValueError(f"`num_heads` must hold 2, which most claims are about; got {self.num_heads}.")
        self.trainings()  # checks everything else

    @property
    def task(self) -> LinearRegression:
        """The prompts."""
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)

    def trainings(self) -> dict[int, Training]:
        """One for each number of heads."""
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, clip_norm=self.clip_norm)
        models = {number: softmax_heads(self.dim_x, number, self.init_scale) for number in self.num_heads}
        return {
            number: Training(make_model, self.task, config, self.seeds, self.first_seed)
            for number, make_model in models.items()
        }

    def cells(self) -> tuple[Cell, ...]:
        trainings = {heads(number): training for number, training in self.trainings().items()}
        return (
            Cell("best steps", BestStepsCell(self.task, self.num_validation)),
            *(Cell(f"{name}, trained", training) for name, training in trainings.items()),
            *(
                Cell(f"{name}, measured", HeadsCell(training, self.num_validation, self.num_snapshots))
                for name, training in trainings.items()
            ),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        best, *measured = results[0], *results[len(self.num_heads) + 1 :]
        by_number = zip(self.num_heads, measured, strict=True)
        return Summary(BestSteps(**best), {number: HeadMeasures(**found) for number, found in by_number})

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        heat_maps = matrices(summary.heads[2].rates[0], float(summary.best.rate_centred))
        return {"figure11": over_training(summary), "figure12": heat_maps}
