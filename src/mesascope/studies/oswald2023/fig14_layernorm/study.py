"""Figure 14 of von Oswald et al. 2023: linear attention behind layer normalisation."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.oswald2023._shared.layer_panels import alignment_over_training, input_scale, loss_over_training
from mesascope.studies.oswald2023.fig2 import panels as panels
from mesascope.studies.oswald2023.fig14_layernorm.cells import NormalisedCell, measure, train_normalised
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INPUT_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
TRAINED, LARGE = INPUT_SCALES.index(1.0), [INPUT_SCALES.index(scale) for scale in (1.5, 2.0)]
DEPTHS = (1, 2)
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
        "smoke": {"seeds": 2, "num_steps": 500, "batch_size": 256, "num_validation": 300, "dim_x": 4},
        "quick": {"seeds": 2, "num_steps": 1000, "num_validation": 1000},
        "paper": {"seeds": 5, "num_steps": 5000, "num_validation": 10_000},
    }

    seeds: int = 2
    num_steps: int = 1000
    batch_size: int = 2048
    num_validation: int = 1000
    dim_x: int = 10
    input_scale: float = 0.5
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "num_validation"):
            check_count(name, getattr(self, name))
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        task = LinearRegression(self.dim_x, self.dim_x, input_scale=self.input_scale)
        config = FitConfig(self.num_steps, self.batch_size)
        cells: tuple[Cell, ...] = ()
        for depth in DEPTHS:
            training = train_normalised(task, depth, config, (self.first_seed, self.seeds))
            measured = NormalisedCell(training, task, depth, self.num_validation, INPUT_SCALES)
            cells += (Cell(f"depth {depth}: {training.label}", training), Cell(f"depth {depth}", measured))
        return cells

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return measure(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> list[Arrays]:
        return results[1::2]

    def verdicts(self, summary: list[Arrays]) -> tuple[Verdict, ...]:
        ratios = [of_depth["input_scale_trained"] / of_depth["input_scale_gradient_descent"] for of_depth in summary]
        per_seed = (*(ratio[:, TRAINED] for ratio in ratios), *(ratio[:, LARGE].max(axis=1) for ratio in ratios))
        return tuple(claim.judge(values) for claim, values in zip(self.claims, per_seed, strict=True))

    def notes(self, summary: list[Arrays]) -> tuple[str, ...]:
        return tuple(remark(depth, arrays) for depth, arrays in zip(DEPTHS, summary, strict=True))

    def figures(self, summary: list[Arrays]) -> "dict[str, Figure]":
        from matplotlib.figure import Figure

        figure = Figure(figsize=(12, 6.4), layout="constrained")
        rows = figure.subplots(len(DEPTHS), 3)
        for row, depth, arrays in zip(rows, DEPTHS, summary, strict=True):
            loss_over_training(row[0], arrays)
            alignment_over_training(row[1], arrays)
            input_scale(row[2], arrays, np.array(INPUT_SCALES))
            row[2].plot(INPUT_SCALES, arrays["input_scale_zero"].mean(axis=0), color="grey", label="zero predictor")
            row[2].legend()
            row[0].set_title(f"K = {depth}", loc="left", fontweight="bold")
        return {"figure14": figure}


def remark(depth: int, arrays: Arrays) -> str:
    """Losses at the training scale and at the largest, and how far the layers are from gradient descent."""
    means = {name: values.mean(axis=0) for name, values in arrays.items() if name.startswith("input_scale_")}
    losses = ", ".join(
        f"{name.removeprefix('input_scale_').replace('_', ' ')} {mean[TRAINED]:.3g} and {mean[-1]:.3g}"
        for name, mean in means.items()
    )
    return (
        f"K = {depth}: loss on inputs as trained on and on inputs twice as large: {losses}; "
        f"mean cosine between the sensitivities {arrays['sensitivity_cosine'][:, -1].mean():.3f}."
    )
