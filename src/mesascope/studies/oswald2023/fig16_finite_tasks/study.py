"""Figure 16 of von Oswald et al. 2023: trained on finitely many tasks."""

from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolMeasures, PoolsCell
from mesascope.studies.oswald2023.fig16_finite_tasks.panels import four_panels
from mesascope.studies.oswald2023.fig16_finite_tasks.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GAP = "loss on fresh tasks / loss of the best gradient step - 1, B = {}"
COSINE = "mean cosine between the sensitivities of the layer and of the best gradient step on fresh tasks, B = {}"
RISE = "least rise from one B to the next of the mean cosine between the sensitivities of layer and gradient step"
FACTOR = "largest factor, B = 2048 and 8192, between (loss on fresh tasks / gradient step's - 1) and 120 / (B - 121)"
OWN = "loss on the B = 128 training tasks / loss of the best gradient step on fresh tasks"
FOUND: dict[str, Any] = {"over": "every seed"}
PAPER: dict[str, Any] = {**FOUND, "kind": "paper", "restates": "figure 16"}


class Figure16(AbstractStudy):
    """A linear layer trained on a fixed set of tasks finds gradient descent when the set is large enough.

    **Question.** How many training tasks does a layer need to find gradient descent?

    **Setting.** Linear regression, y = wᵀx, N = d = 10; one linear attention layer, trained as in figure 2. A task is a
    whole prompt: teacher, examples, query and target. B tasks are drawn once: 128, 512, 2048 or 8192. Each training
    step draws its batch from them.

    **What the paper says.** Figure 16: with B = 2048 and more the layer aligns almost perfectly with gradient descent;
    with fewer tasks it does not.

    **What we measure.** On fresh tasks: the loss, and the cosine between the sensitivities dŷ/dx of the layer and of
    the best gradient step. On training tasks: the loss.

    **Found here.** This is ordinary overfitting. Near gradient descent the prediction changes in p = (d + 1)² - 1 = 120
    directions. Least squares with p normal features has p / (B - p - 1) more loss, relatively, and so, within a factor
    of two, has the layer. It learns 128 tasks by heart.

    **Differences.** The authors' code cycles through the tasks; here each step draws uniformly.

    **Limits.** All seeds of a size share one set of tasks, and a larger set contains the smaller ones: seeds differ in
    their first weights and in the order of draws. The count p holds near gradient descent only.
    """

    title: ClassVar = "Enough training tasks make gradient descent; too few are learned by heart"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 16"
    claims: ClassVar = (
        Claim(
            "loss-8192",
            "Trained on 8192 tasks, a layer has the loss of one gradient step within 5%.",
            "|loss on fresh tasks / loss of the best gradient step - 1|, B = 8192",
            "at most",
            0.05,
            **PAPER,
        ),
        Claim(
            "cosine-8192",
            "Trained on 8192 tasks, a layer's sensitivities are nearly parallel to gradient descent's.",
            COSINE.format(8192),
            "at least",
            0.99,
            decided_by="paper",
            **PAPER,
        ),
        Claim(
            "cosine-2048",
            "Trained on 2048 tasks, a layer's sensitivities are roughly parallel to gradient descent's.",
            COSINE.format(2048),
            "at least",
            0.95,
            decided_by="paper",
            **PAPER,
        ),
        Claim(
            "loss-128",
            "A layer trained on 128 tasks has 50% more fresh-task loss than gradient descent.",
            GAP.format(128),
            "at least",
            0.5,
            **PAPER,
        ),
        Claim(
            "rises",
            "More training tasks bring a layer's sensitivities nearer to gradient descent's.",
            RISE,
            "at least",
            0.0,
            decided_by="paper",
            **PAPER,
        ),
        Claim(
            "least-squares",
            "A layer overfits as least squares with 120 features, within a factor of two.",
            FACTOR,
            "at most",
            2.0,
            decided_by="paper",
            **FOUND,
        ),
        Claim(
            "by-heart",
            "A layer memorises 128 tasks: its loss there is under a tenth of gradient descent's.",
            OWN,
            "at most",
            0.1,
            decided_by="paper",
            **FOUND,
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
        return {"figure16": four_panels(self.sizes, self.dim_x, summary)}
