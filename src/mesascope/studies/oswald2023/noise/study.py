"""Label noise and weight regularisation: what von Oswald et al. 2023 leave open."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.noise import cells as noise
from mesascope.studies.oswald2023.noise import panels as panels
from mesascope.studies.oswald2023.noise.readings import (
    BAYES,
    BEATS,
    DECAY,
    DEPTH,
    GDPP,
    LOSS,
    NEAR,
    STEP_SIZE,
    per_seed,
    remarks,
)
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SMALL = {"num_examples": 4, "dim_x": 4, "noise_variances": (0.25,)}
FULL = {"num_examples": 10, "dim_x": 10, "depths": (1, 2, 3), "weight_decays": (0.0, 0.1, 1.0, 3.0, 10.0)}
LEVELS = {"noise_variances": (0.0, 0.01, 0.05, 0.25, 1.0), "num_validation": 50_000}


class Summary(NamedTuple):
    """What was measured at every noise level, stacked, and at every strength of weight decay."""

    levels: Arrays
    decay: Arrays


class Noise(AbstractStudy):
    """With noisy labels one trained layer still makes the best gradient step, and depth leads towards ridge regression.

    Labels are y = w^T x + s eps; losses are on clean targets. One layer is held against the gradient step that is best
    with the noise, in closed form: eta = 1 / (sigma^2 c), loss = 1/2 sigma^2 d (1 - 1/c), with
    c = 1 + (d - 1/5) / N + s^2 / (N sigma^2), so that noise shortens the step. Tied layers are held against as many
    steps of gradient descent and of GD++ with their rates tuned for the noise, on sampled spectra of X^T X, and against
    the Bayes predictor: the teacher's prior is N(0, I), so it is ridge regression with penalty s^2 (least squares
    without noise). All losses of a noise level are on the same prompts, so their differences are known far better than
    the losses; z is such a difference in standard errors over prompts.

    Weight regularisation is decoupled weight decay of the trained matrices (AdamW), at the first of the noise
    levels, which is none. A trial at a quarter of the batch and half the steps chose the strengths.

    What we found at the paper's size. With noise, tied layers learn a small positive last entry m of W_KQ, which
    compares labels with labels: a layer takes (eta/N) m sum_i y_i^2 of every label away, the query's prediction
    included, and so shrinks it as ridge's penalty does. In the strongest noise they have hardly any curvature left, and
    this in its place. The notes give m, and the loss without it.

    Two claims fail. The weakest decay, 0.1, changes a step by less than training's own noise, and lengthens that of one
    seed a little. Three tied layers with little noise stay some five percent above the best GD++.
    """

    title: ClassVar = "With label noise one layer takes a shorter step, and depth leads towards ridge regression"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), left open there; closed forms are ours"
    claims: ClassVar = (
        Claim("step-size", "One layer learns the step size best with the noise.", STEP_SIZE, "at most", 0.03),
        Claim("loss", "One layer is as good as the best step.", LOSS, "at most", 0.02),
        Claim("decay", "More weight decay, shorter step, for every seed.", DECAY, "at most", 0.0),
        Claim("beats-gd", "Tied layers beat as many gradient steps.", BEATS, "at most", 1.0),
        Claim("gdpp", "Tied layers are as good as the best GD++.", GDPP, "at most", 0.03),
        Claim("depth", "Depth leads towards the Bayes predictor.", DEPTH, "at most", 0.8),
        Claim("bayes", "No depth of any seed is better than the Bayes predictor.", BAYES, "at least", -3.0),
        Claim("near-bayes", "In strong noise the deepest is nearly Bayes.", NEAR, "at most", 0.06),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 2000, "batch_size": 256, "num_validation": 2000, **SMALL},
        "quick": {"seeds": 4, "num_steps": 2500, "batch_size": 1024, "num_validation": 5000},
        "paper": {"seeds": 5, "num_steps": 5000, "batch_size": 2048, **LEVELS, **FULL},
    }

    seeds: int = 4
    num_steps: int = 2500
    batch_size: int = 1024
    num_validation: int = 5000
    noise_variances: tuple[float, ...] = (0.0, 0.25)
    depths: tuple[int, ...] = (1, 2)
    weight_decays: tuple[float, ...] = (0.0, 1.0)
    num_examples: int = 5
    dim_x: int = 5
    input_scale: float = 0.5
    first_seed: int = 0

    def __check_init__(self):
        check_count("num_validation", self.num_validation)
        for name in ("noise_variances", "weight_decays"):
            for value in getattr(self, name):
                check_non_negative(name, value)
        for name, first, value in (("depths", 1, self.depths), ("weight_decays", 0, self.weight_decays)):
            if len(value) < 2 or value[0] != first or list(value) != sorted(set(value)):
                raise ValueError(f"`{name}` must be at least two growing numbers, the first {first}; got {value!r}.")
        if not self.noise_variances:
            raise ValueError("`noise_variances` must hold a variance; got none.")
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        cells = []
        for variance in self.noise_variances:
            task, label = self._task(variance), f"noise variance {variance:g}"
            trainings = tuple(self._training(variance, depth) for depth in self.depths)
            cells += [
                Cell(f"{label}, depth {depth}: {training.label}", training)
                for depth, training in zip(self.depths, trainings, strict=True)
            ]
            cells.append(Cell(label, noise.LevelCell(task, self.depths, trainings, self.num_validation)))
        decayed = tuple(self._training(self.noise_variances[0], 1, strength) for strength in self.weight_decays)
        cells += [
            Cell(f"weight decay {strength:g}: {training.label}", training)
            for strength, training in zip(self.weight_decays[1:], decayed[1:], strict=True)
        ]
        return (
            *cells,
            Cell("weight decay", noise.DecayCell(self._task(self.noise_variances[0]), decayed, self.num_validation)),
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        if isinstance(cell.config, noise.LevelCell):
            return noise.measure_level(cell.config, workspace)
        return noise.measure_decay(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        levels = [result for result in results if "bayes_loss" in result]
        stacked = {name: np.stack([level[name] for level in levels]) for name in levels[0]}
        return Summary({**stacked, "noise_variance": np.array(self.noise_variances)}, results[-1])

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        found = per_seed(*summary)
        of_every_seed = ("decay", "bayes")
        return tuple(
            claim.judge_every(found[claim.id]) if claim.id in of_every_seed else claim.judge(found[claim.id])
            for claim in self.claims
        )

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return remarks(*summary, self.depths, self.weight_decays)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"noise": panels.three_panels(*summary, self.depths, self.weight_decays)}

    def _task(self, variance: float) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale, noise_std=variance**0.5)

    def _training(self, variance: float, depth: int, weight_decay: float = 0.0) -> Training:
        sizes = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        task = self._task(variance)
        training = stack_training(num_repeats=depth, task=task, first_seed=self.first_seed, **sizes)
        return dataclasses.replace(training, config=dataclasses.replace(training.config, weight_decay=weight_decay))
