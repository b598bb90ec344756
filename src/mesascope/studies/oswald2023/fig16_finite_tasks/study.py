"""Figure 16 of von Oswald et al. 2023: trained on finitely many tasks."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolMeasures, PoolsCell
from mesascope.studies.oswald2023.fig16_finite_tasks.panels import three_panels
from mesascope.studies.oswald2023.fig16_finite_tasks.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    examples, lose p / (B - p - 1) of its loss: 6% at 2048 and 1.5% at 8192, close to what is measured.
    With 512 tasks the layer loses half as much again, and 128, about as many as p, it learns by heart.
    """

    title: ClassVar = "Enough training tasks make gradient descent; too few are learned by heart"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 16"
    claims: ClassVar = (
        Claim("loss-8192", "With 8192 tasks it is as good as GD on fresh ones.", f"|{GAP}|", "at most", 0.05),
        Claim("cosine-8192", "With 8192 tasks it is aligned with GD.", COSINE, "at least", 0.99, decided_by="paper"),
        Claim("cosine-2048", "With 2048 tasks it nearly is.", COSINE, "at least", 0.95, decided_by="paper"),
        Claim("loss-128", "With 128 tasks it is far from GD on fresh ones.", GAP, "at least", 0.5),
        Claim(
            "rises", "More tasks, more alignment.", f"least rise of the {COSINE}", "at least", 0.0, decided_by="paper"
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "num_steps": 50,
            "batch_size": 32,
            "num_validation": 50,
            "num_snapshots": 2,
            "num_examples": 3,
            "dim_x": 2,
            "sizes": (128, 8192),
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "num_steps": 5000,
            "batch_size": 2048,
            "learning_rate": 1e-3,
            "init_scale": 0.002,
            "num_validation": 10_000,
            "num_snapshots": 26,
            "sizes": (128, 512, 2048, 8192),
        },
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    num_steps: int = 800
    """Training steps."""
    batch_size: int = 512
    """Prompts a training step."""
    learning_rate: float = 2e-3
    """Adam's rate."""
    init_scale: float = 0.02
    """Variance of the weights before training, times the size of a token."""
    num_validation: int = 2000
    """Prompts that losses are measured on."""
    num_snapshots: int = 6
    """Models on the way of each training that are measured."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    sizes: tuple[int, ...] = (128, 2048, 8192)
    """Numbers of training tasks, the smallest first."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_validation", "num_snapshots"):
            check_count(name, getattr(self, name))
        if len(self.sizes) < 2 or list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"`sizes` must be two numbers of tasks or more, the smallest first; got {self.sizes}.")
        self.trainings()  # checks everything else

    def trainings(self) -> tuple[Training, ...]:
        """One for each number of tasks."""
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        sizes = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        setting = {**sizes, "learning_rate": self.learning_rate, "init_scale": self.init_scale}
        pools = (FinitePool(task, size) for size in self.sizes)
        return tuple(stack_training(task=pool, first_seed=self.first_seed, **setting) for pool in pools)

    def cells(self) -> tuple[Cell, ...]:
        trainings = self.trainings()
        measured = Cell("measured", PoolsCell(trainings, self.num_validation, self.num_snapshots))
        return *(Cell(f"{size} tasks", each) for size, each in zip(self.sizes, trainings, strict=True)), measured

    def summarise(self, results: list[Arrays]) -> PoolMeasures:
        return PoolMeasures(**results[-1])

    def readings(self, summary: PoolMeasures) -> Readings:
        return readings(self.sizes, self.dim_x, summary)

    def figures(self, summary: PoolMeasures) -> "dict[str, Figure]":
        return {"figure16": three_panels(self.sizes, summary)}
