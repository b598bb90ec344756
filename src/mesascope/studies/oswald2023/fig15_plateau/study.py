"""Figure 15 of von Oswald et al. 2023: the loss stays on a plateau, then falls; one head and two."""

from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig15_plateau.cells import (
    BlockCell,
    BlockLosses,
    LayerPlateaus,
    PlateauCell,
    block_training,
    sweep,
)
from mesascope.studies.oswald2023.fig15_plateau.panels import four_panels
from mesascope.studies.oswald2023.fig15_plateau.readings import Summary, also_measured, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# What is read, in the words of a criterion.
EARLIER = "plateau, two heads / median of one head's"
SPREAD = "|plateau - median|, two heads / mean of one head's"
EARLIER_ANY = "plateau, two heads / one head, same start"
SMALLER = "plateau of the smaller half of starts / mean of the larger half's"
LATER = "step half way down, fresh tasks / its own"
LINE = "|plateau - line in the logarithm| / mean |plateau - mean|"
PAPER: dict[str, Any] = {"decided_by": "paper"}  # long plateaus are rare, and the block's tasks many

TINY = {
    "seeds": 2,
    "sweep_seeds": 2,
    "num_steps": 100,
    "batch_size": 32,
    "num_examples": 4,
    "dim_x": 3,
    "block_seeds": 1,
    "block_tasks": 64,
    "num_validation": 64,
}
LARGE = {"num_steps": 3000, "batch_size": 2048, "block_seeds": 5, "block_tasks": 8192, "num_validation": 8192}


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
    fast and in step, the product of four matrices would get half of the way at the step that the numbers call Adam's
    speed limit, 2^(-1/4) times as soon with two heads as with one: about the ratio of the measured medians. Hence no
    logarithm, and no "much".

    But some seeds with one head, which the numbers count, stay long, and none of as many with two. Those have found
    another way to a product of y_i and x_i: the value takes x_i and the key y_i, where gradient descent's value takes
    y_i and its key x_i. That way has rank one. It makes the step in one direction of dim_x, whose best loss is a closed
    form, a level that the figure shows, and it is left only as the other way slowly grows (see the share of the
    swapped path and the last panel). With two heads one of them has so far always taken the straight way. These are
    the paper's long plateaus.

    The block learns both at once: nothing about it is late. From then on it learns its own tasks by heart, slowly, and
    does worse on fresh ones, as a layer with few tasks does in figure 16. Longer or regularised training was not tried.
    """

    title: ClassVar = "The loss has a plateau, shorter with two heads"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 15"
    claims: ClassVar = (
        Claim("earlier", "Two heads leave it much earlier.", EARLIER, "at most", 0.5),
        Claim("spread", "Two heads' plateaus differ less.", SPREAD, "at most", 1.0, **PAPER),
        Claim("earlier-any", "So they do whatever they start from.", EARLIER_ANY, "at most", 0.5),
        Claim("smaller-longer", "A smaller start makes it longer.", SMALLER, "at least", 1.25, **PAPER),
        Claim("logarithm", "It grows as the logarithm of 1 / initial scale.", LINE, "at most", 0.3),
        Claim("block-later", "A block learns its own tasks first, fresh ones later.", LATER, "at least", 1.1, **PAPER),
    )
    presets: ClassVar = {
        "smoke": TINY,
        "quick": {},
        "paper": {"seeds": 40, "sweep_seeds": 24, **LARGE},
    }

    seeds: int = 6
    """Trainings, each from a key of its own."""
    sweep_seeds: int = 6
    """Trainings from any initial scale, each from a key of its own."""
    num_steps: int = 400
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    init_scale: float = 0.002
    """Weights are drawn with variance init_scale / size of a token."""
    smallest: float = 2e-5
    """The smallest init_scale of the sweep."""
    largest: float = 2e-2
    """The largest init_scale of the sweep."""
    first_seed: int = 0
    """The first seed; the others follow."""
    block_seeds: int = 1
    """Trainings of the block with a perceptron."""
    block_tasks: int = 8192
    """Tasks that the block is trained on."""
    num_validation: int = 1000
    """Prompts that losses of the block are measured on."""

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
        one, two = (
            stack_training(seeds=self.seeds, task=self.task, num_heads=num_heads, init_scale=self.init_scale, **sizes)
            for num_heads in (1, 2)
        )
        return one, two, *(sweep(each, self.smallest, self.largest, self.sweep_seeds) for each in (one, two))

    def block(self) -> BlockCell:
        """A block with a perceptron on finitely many tasks."""
        pool, config = FinitePool(self.task, self.block_tasks), self.trainings()[0].config
        training = block_training(pool, config, seeds=self.block_seeds, first_seed=self.first_seed)
        return BlockCell(training, self.num_validation)

    def cells(self) -> tuple[Cell, ...]:
        labels = ("one head", "two heads", "one head, any scale", "two heads, any scale")
        layers = (Cell(label, PlateauCell(each)) for label, each in zip(labels, self.trainings(), strict=True))
        return *layers, Cell("block with a perceptron", self.block())

    def summarise(self, results: list[Arrays]) -> Summary:
        one, two, sweep_one, sweep_two = (LayerPlateaus(**layer) for layer in results[:4])
        return Summary(one, two, sweep_one, sweep_two, BlockLosses(**results[4]))

    def readings(self, summary: Summary) -> Readings:
        learning_rate = float(self.trainings()[0].config.learning_rate)
        return {**readings(summary, self.task), **also_measured(summary, self.task, learning_rate)}

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure15": four_panels(summary, self.task, self.block_tasks)}
