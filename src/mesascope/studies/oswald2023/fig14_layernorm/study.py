"""Figure 14 of von Oswald et al. 2023: linear attention behind layer normalisation."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.oswald2023.fig14_layernorm.cells import NormalisedCell, NormalisedLosses, train_normalised
from mesascope.studies.oswald2023.fig14_layernorm.panels import rows_of_depths
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INPUT_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
TRAINED, LARGE = np.isin(INPUT_SCALES, 1.0), np.isin(INPUT_SCALES, (1.5, 2.0))  # the scales the claims speak of
DEPTHS = {1: "one-layer", 2: "two-layers"}
ONE = "loss of one layer / loss of the best gradient step, input scale as in training, N = d = 10"
TWO = "loss of two layers / loss of the best two gradient steps of one rate, input scale as in training, N = d = 10"
ONE_LARGE = (
    "loss of one layer / loss of the gradient step that is best at scale 1, the larger ratio of input scales 1.5 and 2"
)
TWO_LARGE = (
    "loss of two layers / loss of the two gradient steps of one rate that are best at scale 1, the larger"
    " ratio of input scales 1.5 and 2"
)


class Figure14(AbstractStudy):
    """Layer normalisation keeps linear attention from gradient descent: worse where it was trained, better far away.

    **Question.** Trained linear attention makes gradient steps. Does it still make them behind a layer normalisation?

    **Setting.** Linear regression y = wᵀx, N = d = 10, x uniform on [-1/2, 1/2]. A layer reads normalised tokens,
    LN(e) = g (e - mean) / deviation + b with e = (x, y), and writes to tokens that are not normalised:
    e_j ← e_j + P V (Kᵀ Q LN(e_j)). One layer is used, or the same layer twice. Input scale α means x uniform
    on [-α/2, α/2]. A normalised token does not hold the size of an input.

    **What the paper says.** Figure 14: with layer normalisation one and two layers are worse than gradient descent on
    inputs as trained on, and better on larger inputs.

    **What we measure.** The loss at input scale 1, and at 1.5 and 2. The rivals are one gradient step, and two of one
    rate. Their rates are the best at scale 1, tuned on prompts of their own.

    **Differences.** In the authors' code two layers with weights of their own leave the first one without
    normalisation. Here two layers share weights and normalisation. Gradients are clipped at a norm of 0.001, as in the
    code for up to two layers.

    **Limits.** Two depths. Layers are normalised where they read, not where they write.
    """

    title: ClassVar = "With layer normalisation linear attention is not gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 14"
    claims: ClassVar = (
        Claim(
            "one-layer",
            "As trained, one normalised layer has 10% more loss than one gradient step.",
            ONE,
            "at least",
            1.1,
            "every seed",
            "log",
            kind="paper",
            restates="figure 14, one layer, as trained",
        ),
        Claim(
            "two-layers",
            "As trained, two normalised layers have 10% more loss than two gradient steps.",
            TWO,
            "at least",
            1.1,
            "every seed",
            "log",
            kind="paper",
            restates="figure 14, two layers, as trained",
        ),
        Claim(
            "one-layer-large",
            "On larger inputs one normalised layer has 10% less loss than one gradient step.",
            ONE_LARGE,
            "at most",
            0.9,
            "every seed",
            "log",
            kind="paper",
            restates="figure 14, one layer, larger inputs",
        ),
        Claim(
            "two-layers-large",
            "On larger inputs two normalised layers have 10% less loss than two gradient steps.",
            TWO_LARGE,
            "at most",
            0.9,
            "every seed",
            "log",
            kind="paper",
            restates="figure 14, two layers, larger inputs",
        ),
    )
    presets: ClassVar = {
        "smoke": {"num_steps": 100, "batch_size": 32, "num_validation": 100, "dim_x": 3},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 5000, "batch_size": 2048, "num_validation": 10_000},
    }

    seeds: int = 2
    """Trainings, each from a key of its own."""
    num_steps: int = 1000
    """Training steps."""
    batch_size: int = 512
    """Prompts a training step."""
    num_validation: int = 1000
    """Prompts that losses are measured on."""
    dim_x: int = 10
    """Size of an input, and examples in a prompt."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_validation"):
            check_count(name, getattr(self, name))
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        task = LinearRegression(self.dim_x, self.dim_x, input_scale=self.input_scale)
        config, seeds = FitConfig(self.num_steps, self.batch_size), (self.first_seed, self.seeds)
        trainings = {depth: train_normalised(task, depth, config, seeds) for depth in DEPTHS}
        return tuple(
            Cell(f"depth {depth}", NormalisedCell(training, depth, self.num_validation, INPUT_SCALES))
            for depth, training in trainings.items()
        )

    def summarise(self, results: list[Arrays]) -> dict[int, NormalisedLosses]:
        return {depth: NormalisedLosses(**result) for depth, result in zip(DEPTHS, results, strict=True)}

    def readings(self, summary: dict[int, NormalisedLosses]) -> Readings:
        found: Readings = {}
        for depth, losses in summary.items():
            found = {**found, **_of_depth(depth, losses)}
        return found

    def figures(self, summary: dict[int, NormalisedLosses]) -> "dict[str, Figure]":
        return {"figure14": rows_of_depths(summary, INPUT_SCALES)}


def _of_depth(depth: int, losses: NormalisedLosses) -> Readings:
    """What claims are about, and losses where layers were trained and on the largest inputs."""
    ratio = losses.away_trained / losses.away_descent
    away = {"trained": losses.away_trained, "gradient descent": losses.away_descent, "zero": losses.away_zero}
    return {
        DEPTHS[depth]: ratio[:, TRAINED].max(axis=1),
        f"{DEPTHS[depth]}-large": ratio[:, LARGE].max(axis=1),
        f"K = {depth}, cosine between the sensitivities": losses.sensitivity_cosine[:, -1],
        **{f"K = {depth}, loss on inputs as trained on, {name}": each[..., TRAINED] for name, each in away.items()},
        **{f"K = {depth}, loss on inputs twice as large, {name}": each[..., -1] for name, each in away.items()},
    }
