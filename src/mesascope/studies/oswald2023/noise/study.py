"""Label noise and weight regularisation: what von Oswald et al. 2023 leave open."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.noise import readings as read
from mesascope.studies.oswald2023.noise.cells import Decay, DecayCell, Level, LevelCell
from mesascope.studies.oswald2023.noise.panels import four_panels
from mesascope.studies.oswald2023.noise.readings import Summary
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FULL = {"depths": (1, 2, 3), "weight_decays": (0.0, 0.1, 1.0, 3.0, 10.0)}
LEVELS = {"noise_variances": (0.0, 0.01, 0.05, 0.25, 1.0), "num_validation": 50_000}


class Noise(AbstractStudy):
    """**Question.** With noisy labels or weight decay, does a trained layer still make the best gradient step? Do more
    layers lead to the Bayes predictor?

    **Setting.** y = wᵀx + s ε, N = d = 10, x uniform on [-1/2, 1/2], w and ε standard normal, s² from 0 to 1. The loss
    is on clean targets wᵀx. The best gradient step has η = 1/(σ² c), loss σ² d (1 - 1/c) / 2, with c = 1 + (d - 1/5)/N
    + s²/(N σ²), σ² = 1/12: noise shortens it. The Bayes predictor is ridge regression with penalty s². Weight decay is
    AdamW's, without noise.

    **What the paper says.** Nothing: it names noise and regularisation as missing.

    **What we measure.** η in the weights and the loss of one linear attention layer, against the closed form. The loss
    of tied layers against ridge regression, and against as many steps of gradient descent and GD++, which also maps x ←
    (I - γXXᵀ)x, with rates tuned for the noise. A noise level has one set of prompts.

    **Found here.** In the strongest noise tied layers use the last entry m of W_KQ = W_Kᵀ W_Q. Each layer also takes
    the share (η/N) m Σ y_i² off every label, which shrinks the prediction as a penalty does.

    **Differences.** Noise, decay and a third layer.

    **Limits.** At most three layers. Weak weight decay may change the step less than a new seed does.
    """

    title: ClassVar = "With label noise one layer takes a shorter step, and depth leads towards ridge regression"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), left open there; closed forms are ours"
    claims: ClassVar = (
        Claim(
            "step-size",
            "With label noise one layer learns the best step size within 3%.",
            read.STEP_SIZE,
            "at most",
            0.03,
            "every seed",
            kind="open question",
        ),
        Claim(
            "loss",
            "With label noise one layer reaches the loss of the best gradient step within 2%.",
            read.LOSS,
            "at most",
            0.02,
            "every seed",
            kind="open question",
        ),
        Claim(
            "decay",
            "Stronger weight decay never lengthens the learned step.",
            read.DECAY,
            "at most",
            0.0,
            "every seed",
            decided_by="paper",
            kind="open question",
        ),
        Claim(
            "depth",
            "A further tied layer brings the loss at least 20% nearer to ridge regression's.",
            read.DEPTH,
            "at most",
            0.8,
            "every seed",
            "log",
            kind="open question",
        ),
        Claim(
            "near-bayes",
            "At noise variances 0.25 and 1 three tied layers' loss is within 5% of ridge's.",
            read.NEAR,
            "at most",
            0.05,
            "every seed",
            decided_by="paper",
            kind="open question",
        ),
        Claim(
            "beats-gd",
            "At every noise level tied layers have less loss than as many gradient steps.",
            read.BEATS,
            "at most",
            1.0,
            "every seed",
            "log",
            decided_by="paper",
            kind="open question",
        ),
        Claim(
            "gdpp",
            "At every noise level tied layers reach the loss of the best GD++ within 5%.",
            read.GDPP,
            "at most",
            0.05,
            "every seed",
            decided_by="paper",
            kind="open question",
        ),
        Claim(
            "labels",
            "At noise variance 1 zeroing W_KQ's last entry raises tied layers' loss at least 1%.",
            read.LABELS,
            "at least",
            1.01,
            "every seed",
            "log",
            decided_by="paper",
            kind="open question",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 100, "batch_size": 32, "num_validation": 200, "num_examples": 3, "dim_x": 3},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 5000, "batch_size": 2048, **LEVELS, **FULL},
    }

    seeds: int = 4
    """Trainings, each from a key of its own."""
    num_steps: int = 700
    """Training steps."""
    batch_size: int = 1024
    """Prompts a training step."""
    num_validation: int = 5000
    """Prompts that losses are measured on."""
    noise_variances: tuple[float, ...] = (0.25,)
    """Variances of the noise on labels."""
    depths: tuple[int, ...] = (1, 2)
    """Numbers of tied layers, the first of them 1."""
    weight_decays: tuple[float, ...] = (0.0,)
    """Strengths of weight decay at the first noise level, growing from 0."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        check_count("num_validation", self.num_validation)
        for name in ("noise_variances", "weight_decays"):
            for value in getattr(self, name):
                check_non_negative(name, value)
        for name, first, least in (("depths", 1, 2), ("weight_decays", 0, 1)):
            value = getattr(self, name)
            if len(value) < least or value[0] != first or list(value) != sorted(set(value)):
                raise ValueError(f"`{name}` must be {least} or more growing numbers, the first {first}; got {value!r}.")
        if not self.noise_variances:
            raise ValueError("`noise_variances` must hold a variance; got none.")
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        of_levels = (cell for variance in self.noise_variances for cell in self._of_level(variance))
        decayed = tuple(self._training(self.noise_variances[0], 1, strength) for strength in self.weight_decays)
        more = (
            Cell(f"weight decay {strength:g}: {training.label}", training)
            for strength, training in zip(self.weight_decays[1:], decayed[1:], strict=True)
        )
        of_decay = DecayCell(self._task(self.noise_variances[0]), decayed, self.num_validation)
        return (*of_levels, *more, Cell("weight decay", of_decay))

    def summarise(self, results: list[Arrays]) -> Summary:
        each = len(self.depths) + 1  # the trainings of a level, then what was measured
        levels = [Level(**result) for result in results[each - 1 : each * len(self.noise_variances) : each]]
        stacked = Level(*map(np.stack, zip(*levels, strict=True)))
        return Summary(self.noise_variances, self.depths, self.weight_decays, stacked, Decay(**results[-1]))

    def readings(self, summary: Summary) -> Readings:
        return read.readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"noise": four_panels(summary)}

    def _of_level(self, variance: float) -> tuple[Cell, ...]:
        """The trainings of one noise level, and what is measured there."""
        label, trainings = f"noise variance {variance:g}", [self._training(variance, depth) for depth in self.depths]
        trained = (
            Cell(f"{label}, depth {depth}: {training.label}", training)
            for depth, training in zip(self.depths, trainings, strict=True)
        )
        measured = LevelCell(self._task(variance), self.depths, tuple(trainings), self.num_validation)
        return (*trained, Cell(label, measured))

    def _task(self, variance: float) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale, noise_std=variance**0.5)

    def _training(self, variance: float, depth: int, weight_decay: float = 0.0) -> Training:
        sizes = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        task = self._task(variance)
        training = stack_training(num_repeats=depth, task=task, first_seed=self.first_seed, **sizes)
        return dataclasses.replace(training, config=dataclasses.replace(training.config, weight_decay=weight_decay))
