"""What figures 3a and 3b of von Oswald et al. 2023 share: a stack of layers, trained and measured."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stack_measure import StackCell, StackMeasured
from mesascope.studies.oswald2023._shared.stack_panels import three_panels
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Cell
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class AbstractStackStudy(AbstractStudy):
    """A figure about one stack of layers; the defaults are sizes of the preset quick."""

    seeds: int = 2
    """Trainings, each from a key of its own."""
    num_steps: int = 2000
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    learning_rate: float = 4e-3
    """Adam's rate."""
    num_validation: int = 1000
    """Prompts that losses are measured on."""
    num_snapshots: int = 26
    """Models along the training that are measured."""
    num_examples: int = 4
    """Examples in a prompt."""
    dim_x: int = 4
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    input_scales: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    """What inputs are multiplied by, away from the training task."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_validation", "num_snapshots"):
            check_count(name, getattr(self, name))
        for name, count in zip(("num_layers", "num_repeats"), self.depth(), strict=True):
            check_count(name, count)
        for scale in self.input_scales:
            check_positive("input_scales", scale)
        self.training()  # checks everything else

    @abstractmethod
    def depth(self) -> tuple[int, int]:
        """The number of layers with weights of their own, and how often all of them are applied."""

    def training(self) -> Training[LinearRegression]:
        """What is trained."""
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        return stack_training(
            *self.depth(),
            num_steps=self.num_steps,
            seeds=self.seeds,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            task=task,
            first_seed=self.first_seed,
        )

    def stack_cells(self) -> tuple[Cell, Cell]:
        """The training, and what is measured of it."""
        training = self.training()
        measured = StackCell(training, self.num_validation, self.num_snapshots, self.input_scales)
        return Cell("layers, trained", training), Cell("layers, measured", measured)

    def panels(self, stack: StackMeasured) -> "Figure":
        """Three panels: the training, the alignment, inputs of other scales."""
        return three_panels(stack, self.input_scales)


def also_measured(stack: StackMeasured) -> Readings:
    """Numbers of a stack that no claim is about: losses, rates, cosines at the end."""
    gd_tied, gd, gdpp_tied, gdpp = stack.rivals
    return {
        "loss of the trained layers": stack.trained,
        "loss halfway to GD++": stack.halfway,
        "loss of GD++ with the rates read from the weights": stack.read,
        "loss of gradient descent": gd_tied,
        "loss of gradient descent, a rate for each step": gd,
        "loss of GD++": gdpp_tied,
        "loss of GD++, rates for each step": gdpp,
        "eta of the best GD++, by step": stack.best_learning_rate,
        "gamma of the best GD++, by step": stack.best_curvature,
        "eta read from the weights of the first seed, by step": stack.learning_rate[0],
        "gamma read from the weights of the first seed, by step": stack.curvature[0],
        "cosine to gradient descent at the end": stack.sensitivity_cosine[:, -1, 0],
        "cosine to GD++ at the end": stack.sensitivity_cosine[:, -1, 1],
    }
