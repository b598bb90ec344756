"""Figure 13 of von Oswald et al. 2023: the curvature that trained layers choose, and what it does to the spectrum."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig13_curvature import readings as read
from mesascope.studies.oswald2023.fig13_curvature.cells import Curvature, CurvatureCell
from mesascope.studies.oswald2023.fig13_curvature.panels import four_panels, learned_gammas
from mesascope.studies.oswald2023.fig13_curvature.readings import BySize
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Figure13(AbstractStudy):
    """A layer applied twice learns the curvature γ of GD++ that is best for the loss, not for the condition number.

    **Question.** A layer applied twice learns GD++: gradient descent that also maps its inputs. Which γ does it learn?

    **Setting.** Linear regression, d = 10, N = 10, 25, 50, 100 examples X, x uniform on [-1/2, 1/2]. Beside each
    gradient step GD++ maps x ← (I - γ XXᵀ) x, an eigenvalue λ of XXᵀ to λ(1 - γλ)². The condition number is the largest
    over the smallest eigenvalue. One linear attention layer is applied twice.

    **What the paper says.** Figure 13 and appendix A.10: trained layers have γ = .179, .099, .056, .029. The map
    improves the conditioning of the tasks. The γ of least condition number is larger than the learned one. The figure
    also gives the extreme eigenvalues of 10,000 tasks.

    **What we measure.** γ in the weights: minus the mean diagonal of P W_V on x times that of W_KQ. Rivals are the
    paper's γ, the γ of least expected loss of two steps, and the γ of least (largest / smallest eigenvalue over 10,000
    tasks). An extreme is one draw from a wide law: the paper's is compared with the spread of our draws.

    **Found here.** Learned γ is the γ of least loss.

    **Differences.** The text has x in [-1, 1], where every γ would be four times smaller. The numbers belong to the
    code's [-1/2, 1/2].

    **Limits.** d = 10 only.
    """

    title: ClassVar = "Two trained layers transform their data as the best two steps of GD++ do"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 13 and appendix A.10"
    claims: ClassVar = (
        Claim(
            "published",
            "The learned curvature γ of GD++ is within 5% of the paper's at every N.",
            read.PAPERS,
            "at most",
            0.05,
            "every seed",
            decided_by="paper",
            kind="paper",
            restates="figure 13, γ of trained layers",
        ),
        Claim(
            "conditioning",
            "The learned map lowers the median condition number of tasks by at least 30%.",
            read.MEDIAN,
            "at most",
            0.7,
            "every seed",
            kind="paper",
            restates="figure 13, right",
        ),
        Claim(
            "heuristic",
            "The γ of least condition number is larger than the learned γ.",
            read.HEURISTIC,
            "at least",
            1.0,
            "every seed",
            kind="paper",
            restates="appendix A.10",
        ),
        Claim(
            "extremes",
            "The extreme eigenvalues of 10,000 tasks are within four deviations of the paper's.",
            read.EXTREME,
            "at most",
            4.0,
            "one number",
            kind="paper",
            restates="figure 13, extreme eigenvalues",
        ),
        Claim(
            "gamma",
            "With N = 10 learned γ is within 5% of the γ of least loss.",
            read.BEST,
            "at most",
            0.05,
            "every seed",
        ),
        Claim(
            "gamma-more",
            "With more examples learned γ stays within 5% of the γ of least loss.",
            read.MORE,
            "at most",
            0.05,
            "every seed",
            decided_by="paper",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 1, "num_steps": 100, "batch_size": 64, "num_replicates": 3, "dim_x": 4, "num_examples": 4},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 5000, "learning_rate": 1e-3, "num_replicates": 50, "sizes": (25, 50, 100)},
    }

    seeds: int = 3
    """Trainings for each number of examples, each from a key of its own."""
    num_steps: int = 1500
    """Training steps."""
    batch_size: int = 2048
    """Prompts a training step."""
    learning_rate: float = 1.5e-3
    """Adam's rate; the authors' is 0.001."""
    num_replicates: int = 20
    """Draws of the extremes that the published ones are compared with."""
    num_examples: int = 10
    """Examples in a prompt."""
    sizes: tuple[int, ...] = ()
    """Other numbers of examples."""
    dim_x: int = 10
    """Size of an input; the published numbers are for 10."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_steps", "batch_size", "num_replicates"):
            check_count(name, getattr(self, name))
        for size in self.sizes:
            check_count("sizes", size)
        self._training(self.num_examples)  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        trainings = {size: self._training(size) for size in (self.num_examples, *self.sizes)}
        trained = (Cell(f"training, N = {size}", training) for size, training in trainings.items())
        measured = (
            Cell(f"curvature, N = {size}", CurvatureCell(training, self.num_replicates))
            for size, training in trainings.items()
        )
        return (*trained, *measured)

    def summarise(self, results: list[Arrays]) -> BySize:
        sizes = (self.num_examples, *self.sizes)
        return {size: Curvature(**each) for size, each in zip(sizes, results[len(sizes) :], strict=True)}

    def readings(self, summary: BySize) -> Readings:
        return read.readings(summary)

    def figures(self, summary: BySize) -> "dict[str, Figure]":
        shown = 25 if 25 in summary else self.num_examples
        return {"gammas": learned_gammas(summary), "figure13": four_panels(summary, shown)}

    def _training(self, num_examples: int) -> Training:
        task = LinearRegression(num_examples, self.dim_x, input_scale=self.input_scale)
        settings = {"num_steps": self.num_steps, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        return stack_training(num_repeats=2, seeds=self.seeds, task=task, first_seed=self.first_seed, **settings)
