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
RATIO, LARGE_RATIO = "trained loss / GD loss", "larger trained loss / GD loss"


class Figure14(AbstractStudy):
    """Layer normalisation keeps linear attention from gradient descent: worse where it was trained, better far away.

    Every token is normalised, x and y together, before a layer reads it; the residual stream is not. K = 1 is one such
    layer, held against the best gradient step, K = 2 the same layer twice, held against the best two steps of one rate.
    Rates are tuned for the training task on prompts of their own. Two layers share weights and normalisation because in
    the authors' code a stack with weights of its own leaves its first layer without normalisation. The rest is as in
    figure 2: inputs on [-1/2, 1/2], N = dim_x, clipping at 0.001; an input scale alpha means U(-alpha/2, alpha/2).

    Why both halves hold. A normalised token has lost its size. For inputs alpha times as large, whose targets are so
    too, one layer predicts what it predicted before: its loss cannot grow faster than alpha^2. A gradient step of fixed
    rate predicts alpha^3 times as much, and its loss grows with alpha^6. For the same reason the layer cannot weigh a
    large example more than a small one, as gradient descent does, and its error where it was trained is larger.
    """

    title: ClassVar = "With layer normalisation linear attention is not gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 14"
    claims: ClassVar = (
        Claim("one-layer", "One layer is worse than the best gradient step.", RATIO, "at least", 1.0),
        Claim("two-layers", "Two layers are worse than the best two steps.", RATIO, "at least", 1.0),
        Claim("one-layer-large", "One is better on inputs scaled by 1.5 and 2.", LARGE_RATIO, "at most", 1.0),
        Claim("two-layers-large", "Two are better on inputs scaled by 1.5 and 2.", LARGE_RATIO, "at most", 1.0),
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
