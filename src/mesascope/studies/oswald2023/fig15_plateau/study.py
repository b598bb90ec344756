"""Figure 15 of von Oswald et al. 2023: the loss stays on a plateau, then falls; one head and two."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig15_plateau import block as block
from mesascope.studies.oswald2023.fig15_plateau import plateaus as plateaus
from mesascope.studies.oswald2023.fig15_plateau import readings as readings
from mesascope.studies.oswald2023.fig15_plateau.panels import figure
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SMALL = {"num_steps": 1000, "batch_size": 128, "num_examples": 5, "dim_x": 3, "block_tasks": 64, "num_validation": 64}


class Figure15(AbstractStudy):
    """A linear layer's loss stays where it began for a while, then falls at once: one head against two.

    A plateau ends at the step at which half of the way from the first loss to gradient descent's best is done: both
    closed forms, the training losses averaged over 20 steps. A seed that never gets there counts with all its steps.
    In the sweep every seed's initial scale is drawn log-uniformly; a seed has the same one with either number of heads.

    Settings are those of the authors' code for one layer. The figure has ten seeds; preset paper has forty, since long
    plateaus turned out to be rare. Its other panel is a block with a perceptron trained on 8192 fixed tasks; ours is a
    block of figure 8, trained as one layer is, and that it learns its own tasks well before fresh ones ("grokking") is
    the reading that we put to the test. That the plateau should grow as the logarithm of 1 / initial scale is what
    theory says of gradient flow with keys and queries merged (Zhang, Singh, Latham and Saxe 2025), not the paper.

    What we found. Most plateaus are the optimiser's, as long whatever the scale they start from, over three decades of
    it. Adam moves a weight by about its learning rate a step however small the gradient, and if all weights grew that
    fast and in step, the product of four matrices would get half of the way at the step that the notes call Adam's
    speed limit, 2^(-1/4) times as soon with two heads as with one: about the ratio of the measured medians. Hence no
    logarithm, and no "much".

    But some seeds with one head, which the notes count, stay long, and none of as many with two. Those have found
    another way to a product of y_i and x_i: the value takes x_i and the key y_i, where gradient descent's value takes
    y_i and its key x_i. That way has rank one. It makes the step in one direction of dim_x, whose best loss is a closed
    form, a level that the figure shows, and it is left only as the other way slowly grows (see the notes on the swapped
    path and the last panel). With two heads one of them has so far always taken the straight way. These are the paper's
    long plateaus.

    The block learns both at once: nothing about it is late. From then on it learns its own tasks by heart, slowly, and
    does worse on fresh ones, as a layer with few tasks does in figure 16. Longer or regularised training was not tried.
    """

    title: ClassVar = "The loss has a plateau, shorter with two heads"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 15"
    claims: ClassVar = (
        Claim("earlier", "Two heads leave it much earlier.", readings.EARLIER, "at most", 0.5),
        Claim("spread", "Two heads' plateaus differ less.", readings.SPREAD, "at most", 1.0),
        Claim("earlier-any", "So they do whatever they start from.", readings.EARLIER_ANY, "at most", 0.5),
        Claim("smaller-longer", "A smaller start makes it longer.", readings.SMALLER, "at least", 1.25),
        Claim("logarithm", "It grows as the logarithm of 1 / initial scale.", readings.LINE, "at most", 0.3),
        Claim("block-later", "A block learns its own tasks first, fresh ones later.", readings.LATER, "at least", 1.1),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 3, "sweep_seeds": 4, **SMALL},
        "quick": {"seeds": 4, "sweep_seeds": 8, "num_steps": 600},
        "paper": {"seeds": 40, "sweep_seeds": 24, "num_steps": 3000, "block_seeds": 5, "num_validation": 8192},
    }

    seeds: int = 4
    sweep_seeds: int = 8
    num_steps: int = 600
    batch_size: int = 2048
    num_examples: int = 10
    dim_x: int = 10
    input_scale: float = 0.5
    init_scale: float = 0.002
    smallest: float = 2e-5
    largest: float = 2e-2
    first_seed: int = 0
    block_seeds: int = 2
    block_tasks: int = 8192
    num_validation: int = 2000

    def __check_init__(self):
        for name in ("sweep_seeds", "num_validation", "block_seeds", "block_tasks"):
            check_count(name, getattr(self, name))
        for name in ("init_scale", "smallest", "largest"):
            check_positive(name, getattr(self, name))
        self.cells()  # checks everything else

    @property
    def task(self) -> LinearRegression:
        """What is learned."""
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)

    def trainings(self) -> tuple[Training, ...]:
        """One head and two, from the code's initial scale; then both from any."""
        sizes = {"num_steps": self.num_steps, "batch_size": self.batch_size, "first_seed": self.first_seed}
        plain = tuple(
            plateaus.linear_training(num_heads, self.task, self.seeds, self.init_scale, **sizes) for num_heads in (1, 2)
        )
        return *plain, *(plateaus.sweep(each, self.smallest, self.largest, self.sweep_seeds) for each in plain)

    def block(self) -> block.BlockCell:
        """A block with a perceptron on finitely many tasks."""
        pool = FinitePool(self.task, self.block_tasks)
        config = self.trainings()[0].config
        return block.BlockCell(
            block.block_training(pool, self.dim_x, config, self.block_seeds, self.first_seed), self.num_validation
        )

    def cells(self) -> tuple[Cell, ...]:
        labels = ("one head", "two heads", "one head, any scale", "two heads, any scale")
        layers = (Cell(f"{name}: {each.label}", each) for name, each in zip(labels, self.trainings(), strict=True))
        of_block = self.block()
        return *layers, Cell("block, trained", of_block.training), Cell("block, measured", of_block)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return block.measure_block(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> readings.Summary:
        median = float(np.median(plateaus.plateau_lengths(results[0]["losses"], self.task)))
        share, sweep_share = (plateaus.swapped_share(results[i], median) for i in (0, 2))
        one, two, sweep_one, sweep_two = (each["losses"] for each in results[:4])
        std = plateaus.initial_std(results[2])
        return readings.Summary(one, two, sweep_one, sweep_two, std, share, sweep_share, results[-1])

    def verdicts(self, summary: readings.Summary) -> tuple[Verdict, ...]:
        per_seed = readings.per_seed(summary, self.task)
        return tuple(claim.judge(per_seed[claim.id]) for claim in self.claims)

    def notes(self, summary: readings.Summary) -> tuple[str, ...]:
        return readings.remarks(summary, self.task, float(self.trainings()[0].config.learning_rate))

    def figures(self, summary: readings.Summary) -> "dict[str, Figure]":
        return {"figure15": figure(summary, self.task, self.block_tasks)}
