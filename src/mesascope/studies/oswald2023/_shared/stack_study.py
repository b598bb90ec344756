"""What figures 3a and 3b of von Oswald et al. 2023 share: a stack of layers, trained and measured."""

from abc import abstractmethod

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stack_measure import StackCell, StackMeasured
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count, check_positive


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
        self.cells()  # checks everything else

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

    def gdpp(self) -> Training[LinearRegression] | None:
        """The training of the GD++ that stacks are held against; None for GD++ with the best rates."""
        return None

    def cells(self) -> tuple[Cell, ...]:
        training, gdpp = self.training(), self.gdpp()
        measured = StackCell(training, gdpp, self.num_validation, self.num_snapshots, self.input_scales)
        trained = () if gdpp is None else (Cell("GD++, trained", gdpp),)
        return (Cell("layers, trained", training), *trained, Cell("layers, measured", measured))

    def summarise(self, results: list[Arrays]) -> StackMeasured:
        return StackMeasured(**results[-1])


def readings_of(stack: StackMeasured) -> Readings:
    """What both figures claim of a stack, seed by seed, and numbers that no claim is about."""
    to_gd, to_gdpp = np.moveaxis(stack.sensitivity_cosine, -1, 0)
    gd_tied, gd, gdpp_tied, gdpp = stack.rivals
    return {
        "beats-gd": stack.trained / min(gd_tied, gd),
        "gdpp-last": to_gdpp[:, -1] - to_gd[:, -1],
        "loss of the trained layers": stack.trained,
        "loss halfway to GD++": stack.halfway,
        "loss of GD++ with the rates read from the weights": stack.read,
        "loss of gradient descent, one best rate": gd_tied,
        "loss of gradient descent, a best rate for each step": gd,
        "loss of GD++, one best pair of rates": gdpp_tied,
        "loss of GD++, a best pair of rates for each step": gdpp,
        "eta of GD++, by step": stack.gdpp_learning_rate,
        "gamma of GD++, by step": stack.gdpp_curvature,
        "eta read from the weights of the first seed, by step": stack.learning_rate[0],
        "gamma read from the weights of the first seed, by step": stack.curvature[0],
        "cosine to gradient descent at the end": to_gd[:, -1],
        "cosine to GD++ at the end": to_gdpp[:, -1],
        "step at which the cosine to gradient descent peaks": stack.steps[np.argmax(to_gd, axis=1)],
        "step from which on the cosine to GD++ is the larger": crossing(stack.steps, to_gdpp - to_gd),
    }


def crossing(steps: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """The first step [seeds] from which on a lead [seeds snapshots] stays positive; nan where it ends without."""
    num_after = np.argmin(lead[:, ::-1] > 0, axis=1) + len(steps) * (lead > 0).all(axis=1)
    return np.where(num_after > 0, steps[len(steps) - np.maximum(num_after, 1)], np.nan)
