"""Figure 5 of von Oswald et al. 2023: on standard tokens the first layer learns to copy, then the second descends."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.models.attention import LinearSelfAttention, SoftmaxSelfAttention
from mesascope.models.positions import SinusoidalPositions, UnitPositions
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig5_copy import readings as read
from mesascope.studies.oswald2023.fig5_copy.cells import (
    Copying,
    CopyingCell,
    Descents,
    DescentsCell,
    Losses,
    LossesCell,
    draw_two_layers,
)
from mesascope.studies.oswald2023.fig5_copy.panels import two_panels
from mesascope.studies.oswald2023.fig5_copy.readings import Summary
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MEASURED = ("num_validation", "num_probed", "num_snapshots")
TINY = {"num_examples": 3, "dim_x": 3, "num_probed": 4, "num_snapshots": 3}
PAPER = {
    "batch_size": 2048,
    "learning_rate": 1e-3,
    "init_scale": 0.02,
    "num_examples": 10,
    "dim_x": 10,
    "num_snapshots": 201,
}


class Figure5(AbstractStudy):
    """Two layers given x and y in tokens of their own pair them first, and then make one gradient step.

    The stream is x_1, (0, y_1), x_2, (0, y_2), ..., the query. The first layer is softmax attention, the second linear.
    Left, the loss; right, norms of a token's derivative, after the first layer, by its own, the next, other tokens.

    Which source is followed. The paper preset is the authors' notebook's: sinusoids of size 10 behind each token (the
    text says 20), weights of scale 0.02 / 2, clipping at 10, 10,000 steps. There the prediction is read from the last
    entry of the positions, which starts at 0.99992; here from entries that start at zero (see `InterleavedTokens`).
    There "others" include the next token, and gradients are averaged over prompts before their norm is taken. The quick
    preset is smaller, N = dim_x = 7, with weights of scale 0.2 and a rate of 0.003, so that every seed learns in time.

    What we found. The loss stays at the zero predictor's, then falls to that of a gradient step on the pairs that
    copying leaves, those of a label with the next input among them: a head that copies cannot clear them as well (see
    oswald2023-prop3). They cost some percent of the loss, the more the fewer examples there are.

    What ends the plateau is above all less noise in the gradient: at the quick sizes it is several times shorter with
    `--batch-size 2048`, and outlasts the run with `--batch-size 128`. Smaller weights lengthen it (`--init-scale 0.02
    --num-steps 5000`), a smaller rate does less (`--learning-rate 1e-3 --num-steps 5000`).

    A linear first layer fails because of its positions. To single out one of 2N keys by scalar products takes 2N
    linearly independent vectors. Sinusoids of 10 entries do up to N = 5, where it learns in part (`--num-examples 5
    --dim-x 5`); at N = 7 it learns later, if at all. Given unit vectors, as in proposition 3, linear attention learns
    sooner than softmax attention from sinusoids, and goes beyond one step: it is not the softmax that copying takes.
    """

    title: ClassVar = "A Transformer on standard tokens learns to copy before it learns gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 5"
    claims: ClassVar = (
        Claim("learns", "Every seed leaves the plateau.", read.WAY, "at least", 0.5, over="every seed"),
        Claim(
            "one-step",
            "Two layers reach the loss of one gradient step.",
            read.ONE_STEP,
            "at most",
            0.05,
            decided_by="paper",
        ),
        Claim("not-two", "They do not reach that of two.", read.NOT_TWO, "at least", 0.5),
        Claim(
            "junk",
            "They make one step with labels' tokens as examples, too.",
            read.JUNK,
            "at most",
            0.03,
            decided_by="paper",
        ),
        Claim("copies", "The first layer writes the next token, not others.", read.COPIES, "at least", 3.0),
        Claim(
            "before", "In seeds that learn, copying precedes the fall.", read.BEFORE, "at least", 1.0, over="every seed"
        ),
        Claim(
            "longer",
            "It takes about ten times as long as from pairs.",
            read.LONGER,
            "at least",
            5.0,
            decided_by="paper",
        ),
        Claim("all-linear", "With a linear first layer no seed learns.", read.WAY, "at most", 0.5, over="every seed"),
        Claim("unit", "Given a unit vector a position, it learns, too.", read.WAY, "at least", 0.5, over="every seed"),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 100, "batch_size": 16, "num_validation": 50, **TINY},
        "quick": {},
        "paper": {"seeds": 4, "num_steps": 10_000, "num_validation": 10_000, **PAPER},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    linear_seeds: int = 1
    """Trainings with a linear first layer."""
    num_steps: int = 2500
    """Training steps."""
    batch_size: int = 512
    """Prompts a training step."""
    learning_rate: float = 3e-3
    """Adam's rate."""
    init_scale: float = 0.2
    """Variance of initial weights times the size of what they read."""
    num_examples: int = 7
    """Examples in a prompt."""
    dim_x: int = 7
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    dim_positions: int = 10
    """Entries of a position."""
    num_validation: int = 2000
    """Prompts that losses are measured on."""
    num_probed: int = 20
    """Prompts that the first layer is probed on."""
    chunk_size: int = 50
    """Training steps between two snapshots."""
    num_snapshots: int = 51
    """Points of a training at which losses are measured."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_steps", "linear_seeds", "dim_positions", *MEASURED):
            check_count(name, getattr(self, name))
        check_non_negative("init_scale", self.init_scale)
        self.trainings()  # checks everything else

    def trainings(self) -> dict[str, Training]:
        """Two layers, and one that is given pairs; those that learn sooner for a half and a fifth as long."""
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        sinusoids, units = SinusoidalPositions(self.dim_positions), UnitPositions(2 * self.num_examples + 1)
        models = {
            "softmax": partial(draw_two_layers, SoftmaxSelfAttention, sinusoids),
            "linear": partial(draw_two_layers, LinearSelfAttention, sinusoids),
            "unit": partial(draw_two_layers, LinearSelfAttention, units),
            "paired": Transformer.initialise,
        }
        seeds = {"softmax": self.seeds, "paired": self.seeds}
        shorter = {"unit": 2, "paired": 5}
        return {
            name: Training(
                partial(make_model, dim_x=self.dim_x, init_scale=self.init_scale),
                task,
                self._config(max(1, self.num_steps // shorter.get(name, 1))),
                seeds.get(name, self.linear_seeds),
                self.first_seed,
            )
            for name, make_model in models.items()
        }

    def cells(self) -> tuple[Cell, ...]:
        trainings = self.trainings()
        sizes = {"num_validation": self.num_validation, "num_snapshots": self.num_snapshots}
        measured = (
            Cell("softmax, measured", CopyingCell(trainings["softmax"], num_probed=self.num_probed, **sizes)),
            Cell("linear, measured", LossesCell(trainings["linear"], **sizes)),
            Cell("unit, measured", LossesCell(trainings["unit"], **sizes)),
            Cell("paired, trained", trainings["paired"]),
            Cell("gradient steps", DescentsCell(trainings["softmax"].task, self.num_validation)),
        )
        return *(Cell(f"{name}, trained", trainings[name]) for name in ("softmax", "linear", "unit")), *measured

    def summarise(self, results: list[Arrays]) -> Summary:
        softmax, linear, unit, paired, descents = results[-5:]
        return Summary(Copying(**softmax), Losses(**linear), Losses(**unit), paired["losses"], Descents(**descents))

    def readings(self, summary: Summary) -> Readings:
        return read.readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure5": two_panels(summary)}

    def _config(self, num_steps: int) -> FitConfig:
        return FitConfig(num_steps, self.batch_size, self.learning_rate, clip_norm=10.0, chunk_size=self.chunk_size)
