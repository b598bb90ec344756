"""Figure 15 of von Oswald et al. 2023: the loss stays on a plateau, then falls; one head and two."""

import itertools
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
from mesascope.studies.oswald2023.fig15_plateau.panels import blocks, plateaus
from mesascope.studies.oswald2023.fig15_plateau.readings import (
    NEAR,
    RISE,
    Summary,
    Tried,
    also_measured,
    judged,
    readings,
)
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FISHER = (
    "one-sided Fisher exact p of how many of 64 seeds have a plateau over 1.5 times the median for their "
    "number of heads, one head against two"
)
RATIO = "|(median plateau of two heads / of one head) / 2^(-1/4) - 1|"
SCALE = (
    "|median plateau of the smaller half of initial variances / of the larger half - 1|, variances over three decades"
)
SWAPPED = "smallest share of the swapped path (value reads x, key reads y) on a long plateau - largest on others"
RISES = (
    "largest loss on fresh tasks during training / at the start; setting chosen by the first seed, judged on the others"
)
ENDS = (
    "|final loss on fresh tasks / gradient descent's loss - 1|; setting chosen by the first seed, judged on the others"
)
ONE: dict[str, Any] = {"over": "one number"}
PAPER: dict[str, Any] = {"decided_by": "paper", "kind": "paper"}
BLOCK: dict[str, Any] = {**PAPER, "over": "every seed", "restates": "figure 15 (right)"}

TINY = {
    "seeds": 2,
    "sweep_seeds": 2,
    "num_steps": 100,
    "batch_size": 32,
    "num_examples": 4,
    "dim_x": 3,
    "block_tasks": 64,
    "block_steps": 40,
    "num_validation": 64,
    "scan_batches": (32, 64),
}
LARGE = {
    "seeds": 64,
    "sweep_seeds": 24,
    "num_steps": 3000,
    "batch_size": 2048,
    "learning_rate": 1e-3,
    "block_seeds": 5,
    "block_tasks": 8192,
    "block_steps": 20_000,
    "num_validation": 8192,
    "scan_rates": (1e-3, 3e-3, 1e-2),
    "scan_batches": (128, 512, 2048),
}


class Figure15(AbstractStudy):
    """A linear layer's loss first stays where it began, then falls.

    **Question.** Do two heads shorten the plateau, and does a block with a perceptron learn fresh tasks late?

    **Setting.** Linear regression, y = wᵀx, N = d = 10; figure 2's layer with one head or two. A plateau ends where the
    training loss is half of the way from the zero predictor's to gradient descent's. A sweep draws the variance of one
    head's weights log-uniformly over three decades. A block (attention, then a perceptron) is trained on 8192 fixed
    tasks; fresh loss is on others.

    **What the paper says.** Figure 15: with one head the plateau's length depends on the seed; two heads mitigate this.
    With tuned rate and batch the block's fresh loss first rises, then drops almost to gradient descent's.

    **What we measure.** Plateaus over 1.5 times their median; blocks at nine settings of rate and batch. The first seed
    chooses the block: of settings where its fresh loss rises by 10% and ends within 10% of gradient descent's, that of
    the highest rise. Other seeds are judged, if there is such a setting.

    **Found here.** Typical plateaus are Adam's: weights grow by the learning rate a step, whatever their start, and two
    heads shorten them by 2^(-1/4). On long plateaus value and key are swapped: the value takes x, the key y.

    **Differences.** The paper shows ten seeds and names no rate and batch.

    **Limits.** Weight decay is not tried.
    """

    title: ClassVar = "Long plateaus are rarer with two heads"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 15"
    claims: ClassVar = (
        Claim(
            "long",
            "With one head more trainings have a long plateau than with two.",
            FISHER,
            "at most",
            0.01,
            restates="figure 15 (left, centre): two heads mitigate instabilities that depend on the seed",
            **ONE,
            **PAPER,
        ),
        Claim(
            "block-rises",
            "During training a perceptron block's loss on fresh tasks rises 10% above its start.",
            RISES,
            "at least",
            RISE,
            **BLOCK,
        ),
        Claim(
            "block-ends",
            "A block with a perceptron ends within 10% of gradient descent's loss on fresh tasks.",
            ENDS,
            "at most",
            NEAR,
            **BLOCK,
        ),
        Claim(
            "ratio",
            "The median plateau of two heads is 2^(-1/4) times one head's within 5%.",
            RATIO,
            "at most",
            0.05,
            **ONE,
        ),
        Claim(
            "scale",
            "The median plateau differs by at most 10% between small and large initial variances.",
            SCALE,
            "at most",
            0.1,
            **ONE,
        ),
        Claim(
            "swapped",
            "Layers on long plateaus use inputs as values and labels as keys.",
            SWAPPED,
            "at least",
            0.5,
            decided_by="paper",
            **ONE,
        ),
    )
    presets: ClassVar = {"smoke": TINY, "quick": {}, "paper": LARGE}

    seeds: int = 12
    """Trainings, each from a key of its own."""
    sweep_seeds: int = 12
    """Trainings of one head from any initial scale, each from a key of its own."""
    num_steps: int = 400
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    learning_rate: float = 2e-3
    """Adam's rate."""
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
    block_seeds: int = 2
    """Trainings of each block with a perceptron; the first chooses a setting, the others are judged."""
    block_tasks: int = 1024
    """Tasks that blocks are trained on."""
    block_steps: int = 200
    """Training steps of a block."""
    block_snapshots: int = 200
    """Chunks of a block's training after which its losses are measured."""
    scan_rates: tuple[float, ...] = (1e-3,)
    """Adam's rates that blocks are trained with."""
    scan_batches: tuple[int, ...] = (256,)
    """Prompts a training step of blocks, at each rate."""
    num_validation: int = 1000
    """Prompts that losses of blocks are measured on."""

    def __check_init__(self):
        for name in ("sweep_seeds", "num_validation", "block_tasks", "block_snapshots"):
            check_count(name, getattr(self, name))
        check_count("block_seeds", self.block_seeds, 2)
        for name in ("init_scale", "smallest", "largest"):
            check_positive(name, getattr(self, name))
        if not (self.scan_rates and self.scan_batches):
            raise ValueError("`scan_rates` and `scan_batches` must hold a number each; got none.")
        self.cells()  # checks everything else

    @property
    def task(self) -> LinearRegression:
        """What is learned."""
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)

    def trainings(self) -> tuple[Training, ...]:
        """One head and two, from the code's initial scale; then one head from any."""
        config = {"num_steps": self.num_steps, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        common = {**config, "seeds": self.seeds, "task": self.task, "first_seed": self.first_seed}
        one, two = (stack_training(num_heads=heads, init_scale=self.init_scale, **common) for heads in (1, 2))
        return one, two, sweep(one, self.smallest, self.largest, self.sweep_seeds)

    def blocks(self) -> dict[Tried, BlockCell]:
        """A block with a perceptron on finitely many tasks, at each setting of the scan; clipped as one layer is."""
        pool, clip_norm = FinitePool(self.task, self.block_tasks), self.trainings()[0].config.clip_norm
        chunk_size = max(self.block_steps // self.block_snapshots, 1)

        def block(tried: Tried) -> BlockCell:
            config = FitConfig(self.block_steps, tried.batch, tried.rate, clip_norm=clip_norm, chunk_size=chunk_size)
            training = block_training(pool, config, seeds=self.block_seeds, first_seed=self.first_seed)
            return BlockCell(training, self.num_validation)

        return {
            tried: block(tried)
            for tried in itertools.starmap(Tried, itertools.product(self.scan_rates, self.scan_batches))
        }

    def cells(self) -> tuple[Cell, ...]:
        labels = ("one head", "two heads", "one head, any scale")
        layers = (Cell(label, PlateauCell(each)) for label, each in zip(labels, self.trainings(), strict=True))
        blocks = (
            Cell(f"block, rate {tried.rate:g}, batches of {tried.batch}", cell) for tried, cell in self.blocks().items()
        )
        return *layers, *blocks

    def summarise(self, results: list[Arrays]) -> Summary:
        one, two, any_scale = (LayerPlateaus(**layer) for layer in results[:3])
        scan = zip(self.blocks(), (BlockLosses(**block) for block in results[3:]), strict=True)
        return Summary(one, two, any_scale, dict(scan))

    def readings(self, summary: Summary) -> Readings:
        return {**readings(summary, self.task), **also_measured(summary, self.task, self.learning_rate)}

    def notes(self, summary: Summary) -> tuple[str, ...]:
        tried = judged(summary.scan, self.task)
        if tried is not None:
            return (f"The first seed chose the block of rate {tried.rate:g} and batches of {tried.batch}.",)
        rates, batches = (", ".join(f"{each:g}" for each in tried) for tried in (self.scan_rates, self.scan_batches))
        return (
            f"The block is not tested: at rates {rates} and batches of {batches}, {self.block_steps} steps, no first "
            "seed's fresh loss rose by 10% and ended within 10% of gradient descent's.",
        )

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure15-plateaus": plateaus(summary, self.task), "figure15-block": blocks(summary.scan, self.task)}
