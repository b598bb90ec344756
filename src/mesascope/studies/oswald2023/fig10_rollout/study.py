"""Figure 10 of von Oswald et al. 2023: one trained layer applied fifty times, at four dampenings."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig10_rollout.descent import DampenedCell, Descent, Population, PopulationCell
from mesascope.studies.oswald2023.fig10_rollout.panels import a_panel_each
from mesascope.studies.oswald2023.fig10_rollout.readings import (
    CHANGE,
    EXPLODES,
    GAP,
    LOSSES,
    MISMATCHES,
    SHARE,
    Summary,
    readings,
)
from mesascope.studies.oswald2023.fig10_rollout.trained import Repeated, RepeatedCell
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Figure10(AbstractStudy):
    """One trained layer applied again and again, against as many dampened gradient steps.

    Each update is multiplied by a dampening lambda. Gradient descent takes the best single step's learning rate eta
    in closed form (see `theory`), times lambda; it leaves an eigendirection of S = X^T X with eigenvalue s the factor
    1 - lambda eta s / N a step, and so diverges on the prompts with lambda eta s_max / N > 2 and on no others. Whether
    a prompt diverges is decided without eigenvalues: 2^24 steps, composed by squaring, leave a larger error on the
    examples than they found, which steps that expand no direction cannot. Shares of diverging prompts and mean losses
    are held against the population's, sampled from spectra of their own; z is the distance in standard errors of both.

    What we found. At dampenings 1 and 0.9 the mean loss is that of the worst few prompts, and differs by orders of
    magnitude between samples. At 0.75 about one prompt in ten thousand diverges too, the mean loss of enough prompts
    with it. As trained, the layer explodes earlier and on more prompts than gradient descent does, for some seeds at
    0.75: the loss of one layer does not depend on the rows of P that write to x, so these get no gradient and stay as
    they were drawn, and let x drift when the layer is repeated. With these rows set to zero it follows gradient
    descent, until that diverges.
    """

    title: ClassVar = "A trained layer applied many times is dampened gradient descent, while that converges"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 10"
    claims: ClassVar = (
        Claim("diverging-prompts", "GD diverges exactly where predicted.", MISMATCHES, "at most", 0.0, "one number"),
        Claim(
            "diverging-share", "It diverges on the population's share of prompts.", SHARE, "at most", 4.0, "one number"
        ),
        Claim("losses", "Where stable, its losses are the population's.", LOSSES, "at most", 4.0, "one number"),
        Claim("explodes", "At dampenings 1 and 0.9 its mean loss explodes.", EXPLODES, "at least", 100.0, "one number"),
        Claim("falls", "At dampenings 0.75 and 0.5 it falls at every step.", CHANGE, "at most", 0.0, "one number"),
        Claim(
            "trained",
            "The trained layer follows it, for every seed.",
            GAP,
            "at most",
            0.1,
            "every seed",
            decided_by="paper",
        ),
        Claim(
            "silenced",
            "Writing to y only, the trained layer follows it, every seed.",
            GAP,
            "at most",
            0.1,
            "every seed",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 100, "batch_size": 64, "num_prompts": 500, "num_spectra": 500},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 5000, "batch_size": 2048, "num_prompts": 10_000, "num_spectra": 50_000},
    }

    seeds: int = 2
    """Trainings, each from a key of its own."""
    num_steps: int = 1500
    """Training steps."""
    batch_size: int = 1024
    """Prompts a training step."""
    num_prompts: int = 4000
    """Prompts that losses are measured on."""
    num_spectra: int = 10_000
    """Spectra that stand for the population, and as many others for the share that diverges."""
    num_rollout: int = 50
    """Applications of the layer, and steps of gradient descent."""
    dampenings: tuple[float, ...] = (1.0, 0.9, 0.75, 0.5)
    """Factors of every update."""
    steps_judged: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    """Numbers of steps after which losses are held against the population's."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_prompts", "num_spectra", "num_rollout"):
            check_count(name, getattr(self, name))
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        settings = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        training = stack_training(**settings, task=task, first_seed=self.first_seed)
        sizes = self.num_rollout, self.num_prompts, self.dampenings
        judged = tuple(step for step in self.steps_judged if step <= self.num_rollout)
        return (
            Cell("gradient descent", DampenedCell(task, *sizes)),
            Cell("population", PopulationCell(task, judged, self.num_spectra, self.dampenings)),
            Cell(training.label, training),
            Cell("trained layer", RepeatedCell(training, *sizes)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        descent, population, _, repeated = results
        return Summary(self.dampenings, Descent(**descent), Population(**population), Repeated(**repeated))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary, self.num_prompts, self.num_spectra)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"rollout": a_panel_each(summary)}
