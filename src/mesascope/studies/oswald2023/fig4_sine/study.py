"""Figure 4 of von Oswald et al. 2023: sine waves, by attention on what a perceptron makes of the tokens."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig4_sine.cells import SineCell, SineMeasures, Waves, WavesCell
from mesascope.studies.oswald2023.fig4_sine.network import DescentStep, TrainedAttention
from mesascope.studies.oswald2023.fig4_sine.panels import functions, over_training
from mesascope.studies.oswald2023.fig4_sine.readings import Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.sinusoid import Sinusoid
from mesascope.tasks.tied_sinusoid import TiedSinusoid
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GAP = "(attention's loss - gradient step's loss) / zero predictor's loss"
SLOPES = "sum s t / sqrt(sum s^2 sum t^2) over prompts, s and t the slopes dy/dx of attention and the gradient step"
DISTANCE = "mean |attention's - gradient step's {}| / mean |target|"
FIT = "the larger of attention's and the gradient step's losses / zero predictor's loss"
INDEPENDENT = "; amplitude and phase independent"
PAPER: dict[str, Any] = {"decided_by": "paper", "kind": "paper"}
FOUND: dict[str, Any] = {"decided_by": "paper", "over": "every seed"}  # four seeds


class Figure4(AbstractStudy):
    """Attention behind a perceptron is held against a gradient step on a perceptron's features.

    **Question.** Does linear attention behind a trained perceptron make a gradient step on deep features?

    **Setting.** y = a sin(x + p), p uniform on [0, π], a = 0.1 + 0.4 p/π, x uniform on [-5, 5], N = 10 examples. Tokens
    (x, y), the query's (x, 0), are embedded in 40 channels. A residual perceptron of 160 hidden units acts on each
    token, then one linear attention layer. The rival has a gradient step from W = 0 in place of attention:
    ŷ = -c_q + η/N Σ c_i f_iᵀ f_q, f the first 39 channels, c the last. Each network is trained as a whole.

    **What the paper says.** Figure 4: attention and rival have similar losses, and agree before the step and after it.

    **What we measure.** Losses; distances of the functions before the step, -c_q, and after it, ŷ; the cosine of the
    slopes dŷ/dx, pooled over prompts. The paper averages cosines of single slopes, each 1 or -1.

    **Found here.** Losses and slopes agree, too, where amplitude and phase are drawn independently.

    **Differences.** The text has a in [0.1, 5]. The code draws a and p from one random key, so a follows from p, as
    here. The code fixes η = 0.1 and draws the rival's weights anew; here η is trained, and the perceptrons start equal.

    **Limits.** The paper gives curves, no numbers: the bounds are ours.
    """

    title: ClassVar = "On sine waves attention makes a gradient step on deep features"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 4"
    claims: ClassVar = (
        Claim(
            "loss",
            "Attention's loss exceeds the gradient step's by at most 5% of the zero predictor's.",
            GAP,
            "at most",
            0.05,
            restates="figure 4 (centre)",
            **PAPER,
        ),
        Claim(
            "cosine",
            "The slopes of attention and gradient step agree.",
            SLOPES,
            "at least",
            0.95,
            restates="figure 4 (right)",
            **PAPER,
        ),
        Claim(
            "prediction",
            "Attention's predictions are within a quarter of a mean target of the gradient step's.",
            DISTANCE.format("prediction"),
            "at most",
            0.25,
            restates="figure 4 (right): model difference",
            **PAPER,
        ),
        Claim(
            "initial",
            "Before the gradient step attention and rival differ by at most a quarter target.",
            DISTANCE.format("function before the step"),
            "at most",
            0.25,
            restates="figure 4 (left) and its caption: similar initial functions",
            **PAPER,
        ),
        Claim(
            "fit",
            "Attention and gradient step have at most 40% of the zero predictor's loss.",
            FIT,
            "at most",
            0.4,
            over="every seed",
            kind="paper",
            restates="figure 4 (centre): the axis ends at 0.01",
        ),
        Claim(
            "independent-loss",
            "With independent amplitude and phase attention nearly reaches the gradient step's loss.",
            GAP + INDEPENDENT,
            "at most",
            0.05,
            **FOUND,
        ),
        Claim(
            "independent-cosine",
            "With independent amplitude and phase the slopes of attention and gradient step agree.",
            SLOPES + INDEPENDENT,
            "at least",
            0.95,
            **FOUND,
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 40, "batch_size": 16, "num_validation": 50, "dim_token": 4, "dim_hidden": 8},
        "quick": {},
        "paper": {
            "seeds": 10,
            "independent_seeds": 4,
            "num_steps": 20_000,
            "batch_size": 2048,
            "num_validation": 2048,
            "dim_token": 40,
            "dim_hidden": 160,
            "learning_rate": 1e-3,
            "descent_learning_rate": 3e-4,
        },
    }

    seeds: int = 2
    """Trainings on waves whose amplitude follows from their phase, each from a key of its own."""
    independent_seeds: int | None = None
    """Trainings on waves of independent amplitude and phase; None for none."""
    num_steps: int = 2000
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
    """Amplitudes are on [0.1, max_amplitude]."""
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
        for name in ("num_steps", "num_validation", "dim_token", "dim_hidden", "num_snapshots"):
            check_count(name, getattr(self, name))
        self.cells()  # checks everything else

    @property
    def task(self) -> TiedSinusoid:
        """Sine waves whose amplitude follows from their phase; its `task` has both independent."""
        return TiedSinusoid(Sinusoid(self.num_examples, max_amplitude=self.max_amplitude))

    def trainings(self, task: TiedSinusoid | Sinusoid, seeds: int) -> tuple[Training, Training]:
        """The network with attention and the one with a gradient step; the same seeds, hence the same features."""
        chunk_size = max(self.num_steps // self.num_snapshots, 1)
        common = {"clip_norm": 100.0, "chunk_size": chunk_size}
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, **common)
        descent_config = FitConfig(self.num_steps, self.batch_size, self.descent_learning_rate, b2=0.999, **common)
        attention = partial(TrainedAttention.initialise, self.dim_token, self.dim_hidden)
        sizes = self.dim_token, self.dim_hidden, self.num_examples
        descent = partial(DescentStep.initialise, *sizes, learning_rate=self.initial_rate)
        return (
            Training(attention, task, config, seeds, self.first_seed),
            Training(descent, task, descent_config, seeds, self.first_seed),
        )

    def cells(self) -> tuple[Cell, ...]:
        tied = self.task
        drawn = Cell("waves", WavesCell(tied, *self.trainings(tied, self.seeds)))
        cells = *self.compared(tied, self.seeds, ""), drawn
        if self.independent_seeds is None:
            return cells
        return *cells, *self.compared(tied.task, self.independent_seeds, ", a and p independent")

    def compared(self, task: TiedSinusoid | Sinusoid, seeds: int, waves: str) -> tuple[Cell, ...]:
        """Both trainings on some waves, and their comparison."""
        trained, descent = self.trainings(task, seeds)
        return (
            Cell(f"attention{waves}: {trained.label}", trained),
            Cell(f"gradient step{waves}: {descent.label}", descent),
            Cell(f"comparison{waves}", SineCell(task, trained, descent, self.num_validation)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        _, _, tied, drawn, *rest = results
        independent = SineMeasures(**rest[-1]) if rest else None
        return Summary(SineMeasures(**tied), independent, Waves(**drawn))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary.tied, summary.independent)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure4-functions": functions(summary.waves), "figure4-training": over_training(summary.tied)}
