"""Figure 2 of von Oswald et al. 2023: one trained attention layer is one step of gradient descent."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.oswald2023.fig2 import away as away
from mesascope.studies.oswald2023.fig2 import cells as layer
from mesascope.studies.oswald2023.fig2 import panels as panels
from mesascope.studies.oswald2023.fig2 import readings as read
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import OneStepOptimum, initial_loss, one_step_optimum
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SMALL = {"num_examples": 5, "dim_x": 5, "other_sizes": (3,)}


class Figure2(AbstractStudy):
    """A linear self-attention layer trained on linear regression becomes one step of gradient descent.

    Panels: loss over training; alignment with gradient descent over training; loss of gradient descent, the trained
    layer and the model halfway between their weights, for N = dim_x; loss for inputs of another scale. The fifth is
    figure 1's: the trained layer applied many times, dampened, against as many dampened gradient steps.

    Which source is followed. Inputs are uniform on [-1/2, 1/2] as in the authors' code, not [-1, 1] as in the text;
    a scale alpha means U(-alpha/2, alpha/2). Losses carry the factor 1/2 of the code, which equation 5 lacks. AdamW
    with b2 = 0.98 and clipping at 0.001 are the code's; the text says Adam's default and 10. The initial standard
    deviation is that of a variance-scaling initialiser, sqrt(0.002 / 11), not 0.002. Out-of-distribution inputs are
    divided by the norm of the example matrix, as in the code; the text does not say so.

    The reference step is tuned on the validation prompts themselves, as in the authors' code (the text says training
    prompts): by the exact minimiser, where the code searches a grid. That favours gradient descent. The closed-form
    optimum is ours (see `theory`). Weights are averaged after fixing the scale gauge (s P W_V, W_KQ / s), which the
    paper calls a scaling correction. The paper mixes its three other input laws; we take each alone, the third being
    Laplace as in the code. Which k of N targets are replaced by standard normals is drawn at random.

    What we found. The plateau ends near step 230 for every seed, where the paper's are longer and differ from seed
    to seed: a few seeds in many find another way first and stay long, which the figure on plateaus is about. The
    roll-out follows gradient descent until, for some seeds, the loss rises or explodes on rare prompts with large
    inputs. One layer's loss does not depend on the rows of P that write to x: they get no gradient, and what their
    random initial values write into x grows when the layer is repeated. With these rows set to zero every seed's
    loss falls with gradient descent's to the end (see the notes).
    """

    title: ClassVar = "One trained linear self-attention layer is one step of gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figures 2 and 1 (centre)"
    claims: ClassVar = (
        Claim("loss", "The trained layer is as good as the best gradient step.", read.GAP, "at most", 0.02),
        Claim("cosine", "Its sensitivities point where gradient descent's do.", read.COSINE, "at least", 0.995),
        Claim("prediction", "Its predictions are gradient descent's.", read.PREDICTION, "at most", 0.05),
        Claim("sensitivity", "Its sensitivities are gradient descent's.", read.SENSITIVITY, "at most", 0.15),
        Claim("step-size", "It has learned the optimal step size.", read.STEP_SIZE, "at most", 0.03),
        Claim("interpolation", "Halfway between both weights the loss is the same.", read.HALFWAY, "at most", 0.02),
        Claim("input-scale", "Both are equal on inputs scaled by 0.5, 1, 1.25.", read.WORST_GAP, "at most", 0.05),
        Claim("input-scale-far", "Both are equal on inputs scaled by 1.5 and 2.", read.WORST_GAP, "at most", 0.1),
        Claim("weight-scale", "Both are equal for teachers scaled by 1, 2, 3.", read.WORST_GAP, "at most", 0.05),
        Claim("input-law", "Both are equal on three other input laws.", read.WORST_GAP, "at most", 0.05),
        Claim("corrupted", "Both are equal with k of N targets made noise.", read.WORST_GAP, "at most", 0.05),
        Claim("rollout", "Repeated with dampening, it follows gradient descent.", read.WORST_GAP, "at most", 0.1),
        Claim("rollout-falls", "Repeated with dampening, its loss always falls.", read.CHANGE, "at most", 0.0),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 3, "num_steps": 3000, "batch_size": 256, "num_validation": 500, **SMALL},
        "quick": {"seeds": 5, "num_steps": 3000, "num_validation": 10_000, "other_sizes": (5,)},
        "paper": {"seeds": 5, "num_steps": 5000, "num_validation": 10_000, "other_sizes": (2, 5, 15)},
    }

    seeds: int = 5
    num_steps: int = 3000
    batch_size: int = 2048
    learning_rate: float = 1e-3
    num_validation: int = 10_000
    num_examples: int = 10
    dim_x: int = 10
    input_scale: float = 0.5
    other_sizes: tuple[int, ...] = (5,)
    num_rollout: int = 50
    dampening: float = 0.75
    init_scale: float = 0.002
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "num_validation", "num_rollout"):
            check_count(name, getattr(self, name))
        for size in self.other_sizes:
            check_count("other_sizes", size)
        check_count("first_seed", self.first_seed, minimum=0)
        check_positive("dampening", self.dampening)
        check_positive("init_scale", self.init_scale)
        self._cell(self.num_examples, self.dim_x)  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        main = self._cell(self.num_examples, self.dim_x)._replace(
            input_scales=read.INPUT_SCALES,
            weight_scales=read.WEIGHT_SCALES,
            num_corrupted=tuple(range(self.num_examples + 1)),
            num_rollout=self.num_rollout,
            dampening=self.dampening,
        )
        others = (Cell(f"N = dim_x = {size}", self._cell(size, size)) for size in self.other_sizes)
        return (Cell(f"N = {self.num_examples}, dim_x = {self.dim_x}", main), *others)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        config: layer.OneLayerCell = cell.config
        trained = layer.train(config, workspace)
        losses = layer.measure_loss(config, trained)
        if not config.num_rollout:
            return losses
        rate = losses["learning_rate"]
        return (
            losses | layer.measure_training(config, trained, rate) | away.measure_generalisation(config, trained, rate)
        )

    def summarise(self, results: list[Arrays]) -> list[Arrays]:
        return results

    def verdicts(self, summary: list[Arrays]) -> tuple[Verdict, ...]:
        per_seed = read.per_seed(summary[0], self.optimum().learning_rate)
        of_every_seed = ("rollout", "rollout-falls")  # "at every step" is said of every seed
        return tuple(
            claim.judge_every(per_seed[claim.id]) if claim.id in of_every_seed else claim.judge(per_seed[claim.id])
            for claim in self.claims
        )

    def notes(self, summary: list[Arrays]) -> tuple[str, ...]:
        remarks = read.remarks(summary[0], self.optimum(), initial_loss(self.dim_x, self.input_scale))
        return (*remarks, *map(read.stragglers, self.other_sizes, summary[1:]))

    def figures(self, summary: list[Arrays]) -> "dict[str, Figure]":
        sizes = (self.num_examples, *self.other_sizes)
        return {
            "figure2": panels.four_panels(summary, sizes, np.array(read.INPUT_SCALES)),
            "rollout": panels.rollout(summary[0], self.dampening),
        }

    def optimum(self) -> OneStepOptimum:
        """The closed-form best step."""
        return one_step_optimum(self.num_examples, self.dim_x, self.input_scale)

    def _cell(self, num_examples: int, dim_x: int) -> layer.OneLayerCell:
        task = LinearRegression(num_examples, dim_x, input_scale=self.input_scale)
        training = FitConfig(self.num_steps, self.batch_size, self.learning_rate)
        return layer.OneLayerCell(task, training, self.init_scale, self.first_seed, self.seeds, self.num_validation)
