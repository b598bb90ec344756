"""A next check of Sander et al. 2024: what the two layers of the paper learn from real text."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from mesascope.studies.sander2024._shared.text import check_windows
from mesascope.studies.sander2024.text_mechanism.cells import LAYERS, TextLayers, TextLayersCell, layer_training
from mesascope.studies.sander2024.text_mechanism.fits import FitsCell, Spectra
from mesascope.studies.sander2024.text_mechanism.panels import layer_panels, spectrum_panels
from mesascope.studies.sander2024.text_mechanism.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.text import TextWindows
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GAIN = "1 - L / L' over both layers, L the loss of a layer, L' that of one trained and measured on words shuffled"
question = partial(Claim, kind="open question", over="every seed")
CLAIMS = (
    question(
        "order",
        "The augmented layer and the plain layer gain from the order of words.",
        f"least {GAIN}",
        "at least",
        0.0,
    ),
    question(
        "small",
        "The order of words lowers the loss of the layers by at most 10%.",
        f"largest {GAIN}",
        "at most",
        0.1,
    ),
    question(
        "beats",
        "The augmented layer predicts text better than the best gradient step.",
        "loss of the augmented layer / loss of the best gradient step, on held-out windows",
        "at most",
        1.0,
    ),
    question(
        "step",
        "The augmented layer trained on text makes a gradient step of some size.",
        "|f - a g|² / |f|² at the best a ≥ 0, f the augmented layer, g the best gradient step",
        "at most",
        0.05,
    ),
    question(
        "nearer",
        "The augmented layer is nearer to a gradient step than to ridge regression.",
        "|f - a r|² / |f - b g|² at the best a, b ≥ 0, f the augmented layer, r ridge regression, g the best step",
        "at least",
        1.0,
    ),
    question(
        "form",
        "The plain layer predicts text like orthogonal heads that read the last two states.",
        "|f - a g|² / |f|² at the best a ≥ 0, f the plain layer, g the best with C diagonal and P on s_{T-1}, s_T",
        "at most",
        0.05,
    ),
    question(
        "heads",
        "The heads of the plain layer become orthogonal on text.",
        "|off-diagonal C| / |C|, C = BᵀA of the plain layer",
        "at most",
        0.01,
    ),
    question(
        "positions",
        "The plain layer does not weigh the last two states as -1/2 to 1.",
        "|sum over T of P_{T-1,T-1} / sum over T of P_{T-1,T} + 1/2| of the plain layer",
        "at least",
        0.1,
    ),
    question(
        "modulus",
        "The order of words raises the spectral radius of autoregressive fits.",
        "mean over windows of the largest |eigenvalue| of the AR(1) fit, less that of the same words shuffled",
        "at least",
        0.0,
        over="bootstrap",
    ),
)


class Summary(NamedTuple):
    """What figures and readings are made from: trained layers, and AR(1) fits."""

    layers: TextLayers
    fits: Spectra


class TextMechanism(AbstractStudy):
    """**Question.** On unitary and orthogonal dynamics the paper finds mechanisms. Do they appear when the layers are
    trained on real text?

    **Setting.** States s_t are words of the King James Bible, each the first d = 8 principal components of the word's
    GloVe vector, in windows of 64. The augmented layer reads tokens (0, s_t, s_{t-1}), with diagonal blocks A1 to A4,
    B1, B2. The plain layer is f = Σ_h Σ_{t≤T} P_{T-1,t} ⟨s_{T-1}, A^h s_t⟩ B^h s_t, with d diagonal heads.

    **What the paper says.** Proposition 2: the augmented layer makes one gradient step, c Σ s_{t+1}⟨s_t, s_T⟩. Figure
    3: C = BᵀA is diagonal (orthogonal heads) with P on s_T (left), or has 2 × 2 blocks with P = -1/2, 1 on s_{T-1}, s_T
    (right). Real data are left as a next check.

    **What we measure.** Losses on held-out windows, and the same on words shuffled in windows. How much of the
    augmented layer f a gradient step g or ridge regression r explains, at the best multiples. For the plain layer,
    which asks with s_{T-1}, g is the best layer with C diagonal and P on the last two states. The eigenvalues of fits
    s_{t+1} ≈ W s_t (AR(1)) to windows.

    **Differences.** Words, vectors and corpus differ from the paper's figure 4 (GPT-2, Moby Dick).

    **Limits.** One text, one size of states. A2 and B1 of the augmented layer start with equal signs: signs that differ
    stay, and no such layer is a gradient step.
    """

    title: ClassVar = "On text the layers gain little from the order of words; which mechanisms appear"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = CLAIMS
    presets: ClassVar = {
        "smoke": {"num_steps": 10, "batch_size": 32, "num_windows": 60, "seeds": 2, "dim": 4, "num_states": 12},
        "quick": {},
        "paper": {"num_steps": 2000, "batch_size": 256, "num_windows": 4000, "seeds": 5, "num_states": 64},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    dim: int = 8
    """Size of a state."""
    num_states: int = 32
    """States in a sequence."""
    num_steps: int = 300
    """Training steps."""
    batch_size: int = 128
    """Sequences a training step."""
    num_windows: int = 1000
    """Sequences that losses are measured on."""
    learning_rate: float = 3e-3
    """Adam's rate."""
    start: float = 0.3
    """What the entries of A2 and B1 of the augmented layer start near."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "num_states", "num_steps", "batch_size", "num_windows"):
            check_count(name, getattr(self, name))
        check_positive("start", self.start)
        check_windows(self.num_states, self.dim)
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        windows = TextWindows(self.num_states, self.dim)
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        seeds = self.seeds, self.first_seed
        trainings = tuple(layer_training(name, windows, self.start, config, *seeds) for name in LAYERS)
        return (
            *(Cell(f"{name}, trained", each) for name, each in zip(LAYERS, trainings, strict=True)),
            Cell("layers, measured", TextLayersCell(trainings, windows, self.num_windows)),
            Cell("AR(1) fits", FitsCell(windows, self.num_windows)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        *_, layers, fits = results
        return Summary(TextLayers(**layers), Spectra(**fits))

    def readings(self, summary: Summary) -> Readings:
        return readings(*summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"layers": layer_panels(summary.layers), "spectra": spectrum_panels(summary.fits)}
