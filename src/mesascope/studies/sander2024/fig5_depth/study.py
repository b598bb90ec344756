"""Figure 5 of Sander et al. 2024: models of one to six layers on dynamics that do not commute."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import ModelLosses, TrainedCell
from mesascope.studies.sander2024.fig5_depth.cells import (
    Rivals,
    RivalsCell,
    ScaledCell,
    ScaledStep,
    authors_model,
    layer_of_theory,
)
from mesascope.studies.sander2024.fig5_depth.panels import three_panels
from mesascope.studies.sander2024.fig5_depth.readings import Reached, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LINEAR = "|loss of one layer that is not normalised / best step's - 1|"
STEPS = "largest loss of L layers / of L gradient steps"
EACH = "largest loss of L layers / of L steps with a coefficient each"
STEPS_ANY = "largest loss of L layers / of L gradient steps, any first state"
EACH_ANY = "largest loss of L layers / of L steps with a coefficient each, any first state"
LEAST_SQUARES = "least loss of any depth / least squares' - 1"
DEEPER = "largest loss of a depth / of the depth before"
READOUT = "largest loss read after a layer / after the layer before"
READOUT_STEPS = "largest loss read after layer k / of k gradient steps"
LENGTH = "deepest model's loss after all states / after d + 1"
LARGE = {"num_steps": 3200, "batch_size": 1024, "num_validation": 4096, "num_states": 50, "dim": 5}


class Figure5(AbstractStudy):
    """On W of Haar's law up to three layers predict better than as many gradient steps, but not layer by layer.

    Tokens are (0, s_t, s_{t-1}), layers have one head with biases, a normalisation of what they found, and a residual
    stream, as in the authors' code, from whose first entries the next state is read. L layers are held against L steps
    of gradient descent on 1/2 sum_j |s_{j+1} - W s_j|^2 from W = 0. A step's coefficient is the same after any number
    of states, as a layer's weights are, one for all of L steps, or one for each; tuned for each L. One layer without
    normalisation is the model of proposition 2, but for its biases and dense blocks. Losses are |error|^2 / |s|^2,
    averaged over the states; as nothing is known from the first, none is zero.

    One layer. With a first state that is always the same it knows more than a step: without normalisation its loss is
    8% less. So it is trained on sequences of any first state, too, where that loss is within 5% of a step's. With
    normalisation, as the authors have it, it has less than half of a step's loss on either law: not by knowing s_1. One
    step whose answers are all scaled to one length has nearly as little, under a tenth more.

    Several. Up to three layers are better than as many steps even where every step has a coefficient of its own; four
    to six are not, for some seeds. Nor is a deeper model always better, and no depth reaches least squares. Where the
    first state is any, one and two layers are better than steps of either kind; more were not trained, so what they do
    there is not known.

    Layer by layer. Only what is read after the last layer is trained. After each of the first three layers of the
    deepest model the readout is worse than zero in every seed, while steps are better than zero from the first on: that
    a whole model beats as many steps does not make a layer a step.

    Which source is followed. Settings are the authors' code's: d = 5, T = 50, s_1 always the same, Adam with rate 0.01,
    batches of 1024. Their 200 passes over 2^14 sequences are as many steps here, drawn anew; their error is ours / d.
    """

    title: ClassVar = "On dynamics that do not commute three layers beat three gradient steps, but not layer by layer"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 5"
    claims: ClassVar = (
        Claim(
            "linear",
            "Without normalisation one layer is as good as a step.",
            LINEAR,
            "at most",
            0.05,
            decided_by="paper",
        ),
        Claim("linear-any", "So it is where the first state is any.", LINEAR, "at most", 0.05),
        Claim("steps", "L layers are at least as good as L steps.", STEPS, "at most", 1.0),
        Claim("steps-each", "Even if every step has its own.", EACH, "at most", 1.0, decided_by="paper"),
        Claim("steps-any", "L layers are, too, where the first state is any.", STEPS_ANY, "at most", 1.0),
        Claim("each-any", "There, too, if every step has its own.", EACH_ANY, "at most", 1.0),
        Claim("least-squares", "The best depth reaches least squares.", LEAST_SQUARES, "at most", 0.05),
        Claim("deeper", "Deeper models are better.", DEEPER, "at most", 1.0, decided_by="paper"),
        Claim("readout", "What is read after a layer improves with each.", READOUT, "at most", 1.0, decided_by="paper"),
        Claim(
            "readout-steps",
            "After layer k it is as good as k steps.",
            READOUT_STEPS,
            "at most",
            1.0,
            decided_by="paper",
        ),
        Claim("length", "More states make the prediction better.", LENGTH, "at most", 0.5, decided_by="paper"),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "dim": 2,
            "num_states": 8,
            "num_steps": 60,
            "batch_size": 16,
            "num_validation": 100,
        },
        "quick": {},
        "paper": {**LARGE, "seeds": 3, "depths": (1, 2, 3, 4, 5, 6), "depths_any": (1, 2)},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    depths: tuple[int, ...] = (2,)
    """Numbers of layers on sequences whose first state is always the same, the smallest first."""
    depths_any: tuple[int, ...] = (1,)
    """Numbers of layers on sequences of any first state, the smallest first."""
    dim: int = 3
    """Size of a state."""
    num_states: int = 20
    """States in a sequence."""
    num_steps: int = 600
    """Training steps."""
    batch_size: int = 128
    """Sequences a training step."""
    num_validation: int = 1000
    """Sequences that losses are measured on."""
    learning_rate: float = 1e-2
    """Adam's rate."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_validation", "dim", "num_states"):
            check_count(name, getattr(self, name))
        for name, depths in (("depths", self.depths), ("depths_any", self.depths_any)):
            for depth in depths:
                check_count(name, depth)
            if not depths or list(depths) != sorted(set(depths)):
                raise ValueError(f"`{name}` must be numbers of layers, the smallest first; got {depths}.")
        if self.num_states < self.dim + 2:
            raise ValueError(f"`num_states` must be at least dim + 2 = {self.dim + 2}; got {self.num_states}.")
        self.trainings()  # checks everything else

    def processes(self) -> tuple[HaarProcess, HaarProcess]:
        """The sequences, their first state always the same; and those of any first state."""
        sizes = self.num_states, self.dim
        return HaarProcess(*sizes, Ones(unit=True)), HaarProcess(*sizes, Sphere())

    def trainings(self) -> tuple[tuple[Training, ...], ...]:
        """On either process every depth, and last the layer without normalisation."""
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        models = (
            [*(authors_model(self.dim, depth) for depth in depths), layer_of_theory(self.dim)]
            for depths in (self.depths, self.depths_any)
        )
        return tuple(
            tuple(Training(make_model, process, config, self.seeds, self.first_seed) for make_model in of)
            for process, of in zip(self.processes(), models, strict=True)
        )

    def cells(self) -> tuple[Cell, ...]:
        return *self._of_law(0), *self._of_law(1)

    def _of_law(self, which: int) -> tuple[Cell, ...]:
        """Cells on one of the two processes: the rivals, and the model of each depth."""
        law, process, trainings = ("one start", "any start")[which], self.processes()[which], self.trainings()[which]
        depths = (self.depths, self.depths_any)[which]
        names = (*(f"depth {depth}" for depth in depths), "not normalised")
        return (
            Cell(f"gradient descent, {law}", RivalsCell(process, max(depths), self.num_validation)),
            Cell(f"a scaled step, {law}", ScaledCell(process, self.num_validation)),
            *(
                Cell(f"{name}, {law}", TrainedCell(each, self.num_validation))
                for name, each in zip(names, trainings, strict=True)
            ),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        num_here = len(self.depths) + 3
        return Summary(_reached(self.depths, results[:num_here]), _reached(self.depths_any, results[num_here:]))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary, self.dim)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure5": three_panels(summary)}


def _reached(depths: tuple[int, ...], results: list[Arrays]) -> Reached:
    rivals, scaled, *models, linear = results
    measured = tuple(ModelLosses(**model) for model in models)
    return Reached(depths, Rivals(**rivals), ScaledStep(**scaled), measured, ModelLosses(**linear))
