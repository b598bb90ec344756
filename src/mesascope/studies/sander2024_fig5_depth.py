"""Figure 5 of Sander et al. 2024: models of one to six layers on dynamics that do not commute."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.studies._claim import Claim, Verdict
from mesascope.studies._depth import DepthsCell, measure_depths, model_training
from mesascope.studies._depth_panels import Summary, remarks, three_panels
from mesascope.studies._depth_rivals import RivalsCell, measure_rivals
from mesascope.studies._training import Training
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINEAR = "|loss of one layer that is not normalised / best step's - 1|"
STEPS = "largest loss of L layers / of L gradient steps"
EACH = "largest loss of L layers / of L steps with a coefficient each"
DEEPER = "largest loss of a depth / of the depth before"
READOUT = "largest loss read after a layer / after the layer before"
LENGTH = "deepest model's loss after all states / after d + 1"


class Figure5(AbstractStudy):
    """On W of Haar's law every layer on augmented tokens is worth a gradient step on the inner loss, or more.

    Tokens are (0, s_t, s_{t-1}), layers have one head with biases, a normalisation of what they found, and a residual
    stream, as in the authors' code, from whose first entries the next state is read. L layers are held against L steps
    of gradient descent on 1/2 sum_j |s_{j+1} - W s_j|^2 from W = 0. A step's coefficient is the same after any number
    of states, as a layer's weights are, one for all of L steps, or one for each; tuned for each L. One layer without
    normalisation is the model of proposition 2, but for its biases and dense blocks. With a first state that is always
    the same these know more than a step: so it is held against one on sequences of any first state, too. Losses are
    |error|^2 / |s|^2, averaged over the states; as nothing is known from the first, none is zero.

    Which source is followed. Settings are the authors' code's: d = 5, T = 50, s_1 always the same, Adam with rate 0.01,
    batches of 1024. Their 200 passes over 2^14 sequences are as many steps here, drawn anew; their error is ours / d.
    """

    title: ClassVar = "On dynamics that do not commute a layer is worth a gradient step or more"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 5"
    claims: ClassVar = (
        Claim("linear", "Without normalisation one layer is as good as a step.", LINEAR, "at most", 0.05),
        Claim("linear-any", "So it is where the first state is any.", LINEAR, "at most", 0.05),
        Claim("steps", "L layers are at least as good as L steps.", STEPS, "at most", 1.0),
        Claim("steps-each", "Even if every step has its own.", EACH, "at most", 1.0),
        Claim("deeper", "Deeper models are better.", DEEPER, "at most", 1.0),
        Claim("readout", "What is read after a layer improves with each.", READOUT, "at most", 1.0),
        Claim("length", "More states make the prediction better.", LENGTH, "at most", 0.5),
    )
    presets: ClassVar = {
        "smoke": {
            "depths": (1, 2),
            "num_steps": 60,
            "batch_size": 32,
            "num_validation": 100,
            "num_states": 12,
            "dim": 3,
        },
        "quick": {},
        "paper": {
            "seeds": 3,
            "depths": (1, 2, 3, 4, 5, 6),
            "num_steps": 3200,
            "batch_size": 1024,
            "num_validation": 4096,
            "num_states": 50,
            "dim": 5,
        },
    }

    seeds: int = 2
    depths: tuple[int, ...] = (1, 2, 3)
    dim: int = 4
    num_states: int = 25
    num_steps: int = 1000
    batch_size: int = 256
    num_validation: int = 2000
    learning_rate: float = 1e-2
    first_seed: int = 0

    def __check_init__(self):
        for name in ("num_validation", "dim", "num_states"):
            check_count(name, getattr(self, name))
        for depth in self.depths:
            check_count("depths", depth)
        if not self.depths or list(self.depths) != sorted(set(self.depths)):
            raise ValueError(f"`depths` must be numbers of layers, the smallest first; got {self.depths}.")
        if self.num_states < self.dim + 2:
            raise ValueError(f"`num_states` must be at least dim + 2 = {self.dim + 2}; got {self.num_states}.")
        self.trainings()  # checks everything else

    def processes(self) -> tuple[HaarProcess, HaarProcess]:
        """The sequences, their first state always the same; and those of any first state."""
        sizes = self.num_states, self.dim
        return HaarProcess(*sizes, Ones(unit=True)), HaarProcess(*sizes, Sphere())

    def trainings(self) -> tuple[Training, ...]:
        """Every depth, and last the layer without normalisation, on either process."""
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        common, (process, other) = (config, self.seeds, self.first_seed), self.processes()
        normalised = (model_training(process, depth, True, *common) for depth in self.depths)
        return *normalised, *(model_training(each, 1, False, *common) for each in (process, other))

    def cells(self) -> tuple[Cell, ...]:
        *trainings, elsewhere = self.trainings()
        process, other = self.processes()
        names = (*(f"depth {depth}" for depth in self.depths), "not normalised", "not normalised, any start")
        trained = (Cell(f"{name}, trained", each) for name, each in zip(names, self.trainings(), strict=True))
        return (
            *trained,
            Cell("gradient descent", RivalsCell(process, max(self.depths), self.num_validation)),
            Cell("one step, any start", RivalsCell(other, 1, self.num_validation)),
            Cell("any start, measured", DepthsCell((elsewhere,), other, self.num_validation)),
            Cell("all, measured", DepthsCell(tuple(trainings), process, self.num_validation)),
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        if isinstance(cell.config, DepthsCell):
            return measure_depths(cell.config, workspace)
        return measure_rivals(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        rivals, step, elsewhere, measured = results[-4:]
        *models, linear = (measured[f"loss_{i}"] for i in range(len(self.depths) + 1))
        return Summary(np.array(self.depths), tuple(models), linear, rivals, elsewhere["loss_0"], step)

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        ends, steps, deepest = summary.by_depth(), summary.by_steps(), summary.models[-1]
        read = deepest.mean(axis=-1)
        per_seed = {
            "linear": np.abs(summary.linear[:, -1].mean(axis=-1) / steps[0] - 1),
            "linear-any": np.abs(summary.elsewhere[:, -1].mean(axis=-1) / summary.step_elsewhere["loss"].mean() - 1),
            "steps": (ends / steps[np.array(self.depths) - 1]).max(axis=1),
            "steps-each": (ends / summary.by_steps("each_loss")[np.array(self.depths) - 1]).max(axis=1),
            "deeper": (ends[:, 1:] / ends[:, :-1]).max(axis=1, initial=0.0),
            "readout": (read[:, 1:] / read[:, :-1]).max(axis=1, initial=0.0),
            "length": deepest[:, -1, -1] / deepest[:, -1, self.dim],
        }
        return tuple(claim.judge(per_seed[claim.id]) for claim in self.claims)

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return remarks(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure5": three_panels(summary)}
