"""Few pretraining tasks leave their posterior mean, many leave ridge regression (Raventos et al. 2023)."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.raventos2023.diversity.cells import DiversityCell, PoolDistances
from mesascope.studies.raventos2023.diversity.model import softmax_transformer
from mesascope.studies.raventos2023.diversity.panels import three_panels
from mesascope.studies.raventos2023.diversity.readings import Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.gaussian_regression import GaussianRegression
from mesascope.tasks.teacher_pool import TeacherPool
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


POOL_TO_RIDGE = "(distance to the pool posterior) / (distance to ridge)"
RIDGE_TO_POOL = "(distance to ridge) / (distance to the pool posterior)"
LOSS = "(model's loss) / (pool posterior's loss) on fresh tasks, largest M"
CROSSOVER = (
    "least increase, from one M to the next, of log(distance to the pool posterior / distance to ridge) on the M tasks"
)


class Diversity(AbstractStudy):
    """**Question.** Does a model trained on M tasks learn these tasks, or does it learn to solve new ones?

    **Setting.** y = w^T x + e, x ~ N(0, I), e ~ N(0, s^2). The M tasks w_m (the pool) are drawn once from N(0, I). The
    pool posterior is Bayes' answer for the M tasks: sum_m p_m w_m^T q for a query q, with p_m proportional to
    exp(-sum_i (y_i - w_m^T x_i)^2 / (2 s^2)). Ridge regression with penalty s^2 is Bayes' answer for all w ~ N(0, I).
    The model has softmax attention and MLPs.

    **What the paper says.** Below a threshold of M the Transformer behaves as the pool posterior. Above the threshold
    it behaves as ridge regression and solves fresh tasks, though the pool posterior is best for its training tasks.

    **What we measure.** The distance of a model f to a rival g is sqrt(sum |f - g|^2 / sum |f|^2) over prompts of the M
    tasks, or of fresh tasks w ~ N(0, I). Losses are on clean targets.

    **Differences.** The paper has 8 dimensions, 16 examples, a GPT-2 and a threshold near 2^14 tasks. Our model is
    small and has 3 dimensions: few tasks may suffice. Only the last prediction is trained. All seeds share the pools; a
    larger pool holds the smaller ones.

    **Limits.** For large M the rivals agree, and no distance tells them apart. One length of training is tried.
    """

    title: ClassVar = "Few pretraining tasks teach the pool posterior, many teach ridge regression"
    source: ClassVar = "Raventos, Paul, Chen and Ganguli 2023 (arXiv 2306.15063), figure 2"
    claims: ClassVar = (
        Claim(
            "few",
            "A few-task model is twice as near to the pool posterior as to ridge.",
            f"{POOL_TO_RIDGE} on the M tasks, smallest M",
            "at most",
            0.5,
            "every seed",
            "log",
            kind="paper",
            restates="below the threshold: the pool posterior",
        ),
        Claim(
            "few-fresh",
            "On fresh tasks a few-task model is nearer to its pool posterior than to ridge.",
            f"{POOL_TO_RIDGE} on fresh tasks, smallest M",
            "at most",
            1.0,
            "every seed",
            "log",
            kind="paper",
            restates="below the threshold: the pool posterior",
        ),
        Claim(
            "many",
            "A many-task model is nearer to ridge than to the pool posterior.",
            f"{RIDGE_TO_POOL} on the M tasks, largest M",
            "at most",
            1.0,
            "every seed",
            "log",
            kind="paper",
            restates="above the threshold: ridge regression",
        ),
        Claim(
            "many-fresh",
            "On fresh tasks many-task models are twice as near to ridge as to pool posteriors.",
            f"{RIDGE_TO_POOL} on fresh tasks, largest M",
            "at most",
            0.5,
            "every seed",
            "log",
            kind="paper",
            restates="above the threshold: ridge regression",
        ),
        Claim(
            "better",
            "On fresh tasks a many-task model has 20% less loss than its pool posterior.",
            LOSS,
            "at most",
            0.8,
            "every seed",
            "log",
            kind="paper",
            restates="above the threshold fresh tasks are solved",
        ),
        Claim(
            "crossover",
            "With more training tasks models move from the pool posterior towards ridge regression.",
            CROSSOVER,
            "at least",
            0.0,
            "every seed",
            kind="paper",
            restates="figure 2",
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "num_steps": 20,
            "batch_size": 16,
            "num_validation": 50,
            "num_examples": 3,
            "dim_x": 2,
            "num_blocks": 1,
            "dim_token": 8,
            "dim_hidden": 8,
            "num_heads": 2,
            "sizes": (2, 5),
        },
        "quick": {},
        "paper": {
            "seeds": 4,
            "num_steps": 10_000,
            "num_validation": 10_000,
            "sizes": (4, 16, 64, 256),
        },
    }

    seeds: int = 2
    """Trainings on each pool, each from a key of its own."""
    num_steps: int = 2000
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    learning_rate: float = 2e-3
    """Adam's rate."""
    num_validation: int = 2000
    """Prompts of each law that distances and losses are measured on."""
    num_examples: int = 8
    """Examples in a prompt."""
    dim_x: int = 3
    """Size of an input."""
    noise_std: float = 0.5
    """Standard deviation s of the labels' noise."""
    num_blocks: int = 2
    """Blocks of attention and perceptron."""
    dim_token: int = 32
    """Size of an embedded token."""
    dim_hidden: int = 64
    """Hidden units of a perceptron."""
    num_heads: int = 4
    """Heads of an attention layer."""
    sizes: tuple[int, ...] = (4, 16, 64)
    """Numbers M of pretraining tasks, the smallest first."""
    first_seed: int = 0
    """The first seed of trainings; the others follow."""

    def __check_init__(self):
        for name in ("num_validation", "num_blocks", "dim_token", "dim_hidden", "num_heads"):
            check_count(name, getattr(self, name))
        check_positive("noise_std", self.noise_std)
        if self.dim_token % self.num_heads:
            raise ValueError(f"`dim_token` must be a multiple of `num_heads`, {self.num_heads}; got {self.dim_token}.")
        if len(self.sizes) < 2 or list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"`sizes` must be two numbers of tasks or more, the smallest first; got {self.sizes}.")
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        return tuple(cell for size in self.sizes for cell in self._of_pool(size))

    def summarise(self, results: list[Arrays]) -> Summary:
        found = [PoolDistances(**result) for result in results[1::2]]
        return Summary(self.sizes, PoolDistances(*map(np.stack, zip(*found, strict=True))))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"diversity": three_panels(summary)}

    def _of_pool(self, size: int) -> tuple[Cell, ...]:
        """The training on a pool, and what is measured of it."""
        fresh = GaussianRegression(self.num_examples, self.dim_x, noise_std=self.noise_std)
        shape = {name: getattr(self, name) for name in ("num_blocks", "dim_token", "dim_hidden", "num_heads")}
        training = Training(
            partial(softmax_transformer, self.dim_x, **shape),
            TeacherPool(fresh, size),
            FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.99, clip_norm=1.0),
            self.seeds,
            self.first_seed,
        )
        measured = DiversityCell(training, fresh, self.noise_std, self.noise_std**2, self.num_validation, 200)
        return Cell(f"{size} tasks: {training.label}", training), Cell(f"{size} tasks", measured)
