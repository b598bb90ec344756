"""Figure 4 of von Oswald et al. 2023: sine waves, by attention on what a perceptron makes of the tokens."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig4_sine.cells import SineCell, SineMeasures, Waves, WavesCell
from mesascope.studies.oswald2023.fig4_sine.network import DescentStep, TrainedAttention
from mesascope.studies.oswald2023.fig4_sine.panels import three_panels
from mesascope.studies.oswald2023.fig4_sine.readings import Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.sinusoid import Sinusoid
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


RATIO = "trained loss / gradient step's loss"
COSINE = "mean cosine between the sensitivities"
DISTANCE = "mean distance of the predictions / mean size of a target"
FIT = "larger of both losses / zero predictor's loss"


class Figure4(AbstractStudy):
    """A perceptron and linear attention, trained on sine waves, do a gradient step on the perceptron's features.

    Tokens (x, y), the query's being (x, 0), are embedded linearly without bias; a residual perceptron with one hidden
    layer acts on each, then one linear attention layer, all trained together. Its rival has the same embedding and
    perceptron to begin with, but for the attention layer the weights of proposition 1: one step of gradient descent
    from W = 0, from all channels but the last to the last. It is trained through that step, with the step's rate.
    Figure: the functions before and after the step for three waves and the first seed; losses; alignment with the rival
    at the end of its training, as in the authors' code.

    With one input a sensitivity is a slope, and the cosine between two slopes is 1 or -1. Their mean, the paper's
    measure here too, is 1 - 2 p with p the share of prompts whose slopes differ in sign.

    Which source is followed. Amplitudes are in [0.1, 0.5] as in the authors' code, not [0.1, 5] as in the text
    (`--max-amplitude 5`), and independent of the phase, which the code draws from the same key. The optimisers are the
    code's: AdamW with rates 0.001 and 0.0003 and b2 = 0.98 and 0.999, clipping at 100, batches of 2048. In the code the
    rival's step has a fixed rate of 0.1, which the scale of the features can make up for; here 0.1 is where it starts.
    The code draws the rival's features anew and with other variances; here both begin with the same. The criteria are
    ours: the axis of the paper's loss panel ends at 0.01, which is 0.4 of the zero predictor's loss.

    The preset paper trains as the code does, four seeds; quick has half the width, batches of 256, and fewer steps at
    about three times those rates.

    What we found. At the paper's size both fit, attention somewhat worse than the gradient step for every seed; with
    four seeds the other claims stay undecided. The preset quick decides the fit alone. Slopes differ in sign on a few
    prompts of a hundred, mostly where they are small: the cosine between all slopes of one and all of the other is
    nearer to 1. The functions before the step differ more than those after: the step makes up for it.
    """

    title: ClassVar = "On sine waves attention does a gradient step on deep features"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 4"
    claims: ClassVar = (
        Claim(
            "loss", "Attention is as good as the gradient step, or better.", RATIO, "at most", 1.2, decided_by="paper"
        ),
        Claim(
            "cosine",
            "Its sensitivities point where the gradient step's do.",
            COSINE,
            "at least",
            0.9,
            decided_by="paper",
        ),
        Claim("prediction", "Its predictions are the gradient step's.", DISTANCE, "at most", 0.25, decided_by="paper"),
        Claim("fit", "Both fit sine waves.", FIT, "at most", 0.4),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 40, "batch_size": 16, "num_validation": 50, "dim_token": 4, "dim_hidden": 8},
        "quick": {},
        "paper": {
            "seeds": 4,
            "num_steps": 20_000,
            "batch_size": 2048,
            "num_validation": 2048,
            "dim_token": 40,
            "dim_hidden": 160,
            "learning_rate": 1e-3,
            "descent_learning_rate": 3e-4,
        },
    }

    seeds: int = 4
    """Trainings, each from a key of its own."""
    num_steps: int = 3000
    """Training steps."""
    batch_size: int = 256
    """Prompts a training step."""
    num_validation: int = 1000
    """Prompts that losses are measured on."""
    dim_token: int = 20
    """Size of an embedded token."""
    dim_hidden: int = 80
    """Hidden units of the perceptron."""
    num_examples: int = 10
    """Examples in a prompt."""
    max_amplitude: float = 0.5
    """Amplitudes are uniform on [0.1, max_amplitude]."""
    learning_rate: float = 3e-3
    """Adam's rate."""
    descent_learning_rate: float = 1e-3
    """Adam's rate where the attention layer is a gradient step."""
    initial_rate: float = 0.1
    """The gradient step's rate before training."""
    num_snapshots: int = 20
    """Chunks of training after which the networks are measured."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_steps", "num_validation", "dim_token", "dim_hidden", "num_snapshots"):
            check_count(name, getattr(self, name))
        self.trainings()  # checks everything else

    @property
    def task(self) -> Sinusoid:
        """The sine waves."""
        return Sinusoid(self.num_examples, max_amplitude=self.max_amplitude)

    def trainings(self) -> tuple[Training, Training]:
        """The network with attention and the one with a gradient step; the same seeds, hence the same features."""
        chunk_size = max(self.num_steps // self.num_snapshots, 1)
        common = {"clip_norm": 100.0, "chunk_size": chunk_size}
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, **common)
        descent_config = FitConfig(self.num_steps, self.batch_size, self.descent_learning_rate, b2=0.999, **common)
        attention = partial(TrainedAttention.initialise, self.dim_token, self.dim_hidden)
        sizes = self.dim_token, self.dim_hidden, self.num_examples
        descent = partial(DescentStep.initialise, *sizes, learning_rate=self.initial_rate)
        return (
            Training(attention, self.task, config, self.seeds, self.first_seed),
            Training(descent, self.task, descent_config, self.seeds, self.first_seed),
        )

    def cells(self) -> tuple[Cell, ...]:
        trained, descent = self.trainings()
        return (
            Cell(f"attention: {trained.label}", trained),
            Cell(f"gradient step: {descent.label}", descent),
            Cell("comparison", SineCell(self.task, trained, descent, self.num_validation)),
            Cell("waves", WavesCell(self.task, trained, descent)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        _, _, measures, waves = results
        return Summary(SineMeasures(**measures), Waves(**waves))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary.measures)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure4": three_panels(summary)}
