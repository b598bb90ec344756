"""An open question of Sander et al. 2024: which position weights can hold the solution, and which find it?"""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.sander2024.position_schemes.cells import SchemesCell, TrainedSchemes
from mesascope.studies.sander2024.position_schemes.panels import rows_of_weights, table_of_losses
from mesascope.studies.sander2024.position_schemes.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.theory.diagonal_heads import check_pairs
from mesascope.training.exact import Adam
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSS = "population loss per coordinate (predicting zero: 1)"
SOLVED = f"largest {LOSS} over unitary W with d = 6 heads, orthogonal W with 6 and 4 heads"
SHAPES = f"largest {LOSS} of softmax, exponential and cosine weights, unitary W, H = d = 6"
FEW = f"{LOSS}, softmax weights, orthogonal W, d = 6, H = 4"
HALF = "orthogonal W, H = d / 2 = 3"
UNITARY = f"{LOSS}, sinusoidal weights, unitary W, H = d = 6"
SMOOTH = f"{LOSS}, sinusoidal weights, phases θ / 50"
NONE = (
    "least population loss per coordinate (predicting zero: 1), constant weights, over unitary W, "
    "orthogonal W with d heads, and phases θ / 50"
)
asked = partial(Claim, over="every seed", kind="open question")


class PositionSchemes(AbstractStudy):
    """**Question.** With which kinds of position weights does training find the layer's solution?

    **Setting.** The layer of figure 3, s_{T+1} ≈ Σ_h Σ_{t ≤ T} P_{T-1,t} ⟨s_{T-1}, A_h s_t⟩ B_h s_t, d = 6, T = 2, ...,
    12. P is a free matrix, one weight per lag (Toeplitz), a row-wise softmax, a bilinear form of sinusoidal encodings,
    an exponential exp(-slope · lag), a mean of cosines with learned frequencies (rotary), or constant. Heads and P are
    trained by Adam on the population loss in closed form. W is unitary (d heads), orthogonal (d, 4 or d / 2 heads), or
    has phases θ / 50, θ uniform (BᵀA a multiple of I).

    **What the paper says.** P is free in its theory. Other encodings are left open.

    **What we measure.** The loss of every seed after training. At most 0.001 counts as zero.

    **Found here.** A free matrix and one weight per lag find zero loss with 6 heads, or 4 on orthogonal W. A softmax
    has no negative weights: with d / 2 heads it fails. With more, BᵀA may have blocks [[1, -1], [-1, 1]] / p_T, p_T the
    weight of s_T; these and one more head of size 1 / ρ lose about 1 / ρ², ρ = P_{T-1,T-1} / P_{T-1,T}. Sinusoidal
    encodings fail on unitary W, not on concentrated phases.

    **Differences.** Not in the paper.

    **Limits.** In exact arithmetic sinusoidal encodings hold any P here; whether training or precision stops them is
    not told apart.
    """

    title: ClassVar = "With which position encodings training finds the layer's solution"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = (
        asked(
            "learned",
            "With six heads, or four on orthogonal dynamics, a free matrix finds zero loss.",
            f"{SOLVED}, free matrix",
            "at most",
            1e-3,
            decided_by="paper",
        ),
        asked(
            "toeplitz",
            "With six heads, or four on orthogonal dynamics, one weight per lag finds zero loss.",
            f"{SOLVED}, one weight per lag",
            "at most",
            1e-3,
            decided_by="paper",
        ),
        asked(
            "shapes",
            "On unitary dynamics, a softmax, an exponential and cosines find zero loss.",
            SHAPES,
            "at most",
            1e-3,
        ),
        asked(
            "softmax-few",
            "Four heads with softmax position weights bring the loss near zero in dimension 6.",
            FEW,
            "at most",
            1e-3,
            decided_by="paper",
        ),
        asked(
            "half",
            "With d / 2 heads, the best seed of a free matrix finds zero loss.",
            f"least {LOSS} over seeds, free matrix, {HALF}",
            "at most",
            1e-3,
            over="one number",
        ),
        asked(
            "half-lacks",
            "With d / 2 heads, a softmax stays far from zero loss.",
            f"{LOSS}, softmax weights, {HALF}",
            "at least",
            0.05,
        ),
        asked(
            "sinusoidal", "On unitary dynamics, sinusoidal encodings do not find zero loss.", UNITARY, "at least", 0.01
        ),
        asked(
            "smooth",
            "On concentrated phases, sinusoidal encodings find zero loss.",
            SMOOTH,
            "at most",
            1e-3,
            decided_by="paper",
        ),
        asked(
            "none", "With constant position weights training solves none of the dynamics tried.", NONE, "at least", 0.1
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 1, "dim": 4, "few_heads": 3, "num_states": 6, "num_steps": 100},
        "quick": {},
        "paper": {"seeds": 8, "num_steps": 50_000},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    dim: int = 6
    """Size of a state."""
    few_heads: int = 4
    """More heads than d / 2, and fewer than d."""
    num_states: int = 12
    """States in a sequence."""
    mu: float = 50.0
    """How concentrated phases are, exp(i theta / mu)."""
    learning_rate: float = 5e-3
    """Adam's rate."""
    num_steps: int = 2500
    """Training steps."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "few_heads", "num_states", "num_steps"):
            check_count(name, getattr(self, name))
        check_pairs("dim", self.dim)
        check_count("num_states", self.num_states, minimum=3)
        check_positive("mu", self.mu)
        if not self.dim / 2 < self.few_heads < self.dim:
            raise ValueError(f"`few_heads` must be between dim / 2 and dim; got {self.few_heads} for {self.dim}.")
        Adam(self.learning_rate)

    @property
    def laws(self) -> dict[str, tuple[str, int]]:
        """What is trained on, by name: the law of W, and the number of heads."""
        return {
            "unitary": ("unitary", self.dim),
            f"orthogonal, {self.dim} heads": ("orthogonal", self.dim),
            f"orthogonal, {self.few_heads} heads": ("orthogonal", self.few_heads),
            f"orthogonal, {self.dim // 2} heads": ("orthogonal", self.dim // 2),
            "concentrated phases": ("concentrated", self.dim),
        }

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.num_states, Adam(self.learning_rate), self.num_steps, self.seeds, self.first_seed)
        return (Cell("trained", SchemesCell(tuple(self.laws.values()), self.mu, self.dim, *sizes)),)

    def summarise(self, results: list[Arrays]) -> TrainedSchemes:
        return TrainedSchemes(**results[0])

    def readings(self, summary: TrainedSchemes) -> Readings:
        return readings(summary, tuple(self.laws))

    def figures(self, summary: TrainedSchemes) -> "dict[str, Figure]":
        laws = tuple(self.laws)
        fewer = {law: k for k, law in enumerate(laws) if 2 <= k <= 3}
        return {"schemes": table_of_losses(laws, summary), "weights": rows_of_weights(fewer, summary)}
