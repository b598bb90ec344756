"""Figure 10 of von Oswald et al. 2023: one trained layer applied fifty times, at four dampenings."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig10_rollout import panels as panels
from mesascope.studies.oswald2023.fig10_rollout.descent import DescentCell, measure_descent
from mesascope.studies.oswald2023.fig10_rollout.readings import (
    CHANGE,
    EXPLODES,
    GAP,
    LOSSES,
    MISMATCHES,
    SHARE,
    exact,
    per_seed,
    remarks,
)
from mesascope.studies.oswald2023.fig10_rollout.trained import TrainedCell, measure_trained
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Summary(NamedTuple):
    """What was measured of gradient descent, and of the trained layers."""

    descent: Arrays
    trained: Arrays


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
        Claim("diverging-prompts", "GD diverges exactly where predicted.", MISMATCHES, "at most", 0.0),
        Claim("diverging-share", "It diverges on the population's share of prompts.", SHARE, "at most", 4.0),
        Claim("losses", "Where stable, its losses are the population's.", LOSSES, "at most", 4.0),
        Claim("explodes", "At dampenings 1 and 0.9 its mean loss explodes.", EXPLODES, "at least", 100.0),
        Claim("falls", "At dampenings 0.75 and 0.5 it falls at every step.", CHANGE, "at most", 0.0),
        Claim("trained", "The trained layer follows it, for every seed.", GAP, "at most", 0.1),
        Claim("silenced", "Writing to y only, the trained layer follows it, every seed.", GAP, "at most", 0.1),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 3000, "batch_size": 256, "num_prompts": 2000, "num_spectra": 2000},
        "quick": {"seeds": 3, "num_steps": 3000, "num_prompts": 10_000, "num_spectra": 10_000},
        "paper": {"seeds": 5, "num_steps": 5000, "num_prompts": 10_000, "num_spectra": 50_000},
    }

    seeds: int = 3
    num_steps: int = 3000
    batch_size: int = 2048
    num_prompts: int = 10_000
    num_spectra: int = 10_000
    num_rollout: int = 50
    num_examples: int = 10
    dim_x: int = 10
    input_scale: float = 0.5
    first_seed: int = 0

    def __check_init__(self):
        for name in ("num_prompts", "num_spectra", "num_rollout"):
            check_count(name, getattr(self, name))
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        settings = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        training = stack_training(**settings, task=task, first_seed=self.first_seed)
        return (
            Cell("gradient descent", DescentCell(task, self.num_rollout, self.num_prompts, self.num_spectra)),
            Cell(training.label, training),
            Cell("trained layer", TrainedCell(training, task, self.num_rollout, self.num_prompts)),
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        if isinstance(cell.config, DescentCell):
            return measure_descent(cell.config, workspace)
        return measure_trained(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        return Summary(results[0], results[2])

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        numbers = exact(summary.descent, self.num_prompts, self.num_spectra)
        gaps = per_seed(*summary)
        return tuple(
            claim.judge_every(gaps[claim.id]) if claim.id in gaps else claim.judge_exact(numbers[claim.id])
            for claim in self.claims
        )

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return remarks(*summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"rollout": panels.four_panels(*summary)}
