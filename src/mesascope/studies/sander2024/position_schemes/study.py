"""An open question of Sander et al. 2024: which position encodings can hold the solution, and which find it?"""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from mesascope.studies.sander2024.position_schemes.cells import SchemesCell, TrainedSchemes
from mesascope.studies.sander2024.position_schemes.held import Held, HeldCell
from mesascope.studies.sander2024.position_schemes.panels import two_rows
from mesascope.studies.sander2024.position_schemes.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.theory.diagonal_heads import check_pairs
from mesascope.training.exact import Adam
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LEAST = "least loss a coordinate over seeds"
LARGEST = f"largest {LEAST}"
SMALLEST = f"smallest {LEAST}"
HELD = "largest loss a coordinate, weights set by hand"
FOUND = "largest |loss / least - 1|"
ONE = "one number"


class Summary(NamedTuple):
    """What figures and readings are made from: what was trained, and what was set by hand."""

    trained: TrainedSchemes
    held: Held


class PositionSchemes(AbstractStudy):
    """A free matrix and one weight a lag find every solution; shapes with fewer parameters hold some of them.

    Diagonal heads and the weights of positions are trained together by Adam on exact losses. Unitary dynamics with d
    heads have the solution of one weight, on the newest state. On orthogonal ones d heads may end anywhere on the
    family of figure 3, C made of blocks [[1, r], [r, 1]] / p_T with r = -rho / (1 + rho), rho = p_{T-1} / p_T; d / 2
    heads need rho = -1/2; "few" are more than d / 2 and fewer than d. On concentrated phases heads only give all
    positions one scale. Every scheme is a class of its own (`models/position_weights.py`).

    What each can hold. Weights of a softmax are positive and sum to one: they come as close as one likes to the newest
    state alone, and never near -1/2. An exponential exp(-slope lag) comes as close, too, as the slope grows. The mean
    of n cosines whose frequencies are spread evenly is zero at every lag from 1 to 2n - 1. All these are checked with
    weights set by hand. Sinusoidal encodings of no more positions than they have entries are independent, so that a
    bilinear form of them holds any matrix, but with entries that no float resolves (the numbers say how large). Equal
    weights cannot tell the newest state from the oldest.

    What we found. With few heads a softmax gets near, without -1/2. Let p_T = e and p_{T-1} = 1 - e: then blocks
    [[1, -1], [-1, 1]] / e and, added to every entry of C, 1 / (d (1 - e)) lose as little as one likes for small e
    (`orthogonal_approach` in `theory/diagonal_heads.py`). Positive weights go there, where rho grows without bounds. It
    takes d / 2 + 1 heads: with d / 2 that way is closed.
    """

    title: ClassVar = "Which position encodings hold the solution, and which find it"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    kind: ClassVar = "open question"
    claims: ClassVar = (
        Claim("held", "Five schemes hold the newest state alone.", HELD, "at most", 1e-12, ONE),
        Claim("learned", "A free matrix finds every solution.", LARGEST, "at most", 1e-3, ONE),
        Claim("toeplitz", "So does one weight a lag.", LARGEST, "at most", 1e-3, ONE),
        Claim("softmax-holds", "A softmax holds one weight on the newest state.", LEAST, "at most", 1e-2, ONE),
        Claim("softmax-lacks", "With few heads, which need -1/2, it cannot.", LEAST, "at least", 0.05, ONE),
        Claim("half", "With d / 2 heads a free matrix finds -1/2.", LEAST, "at most", 1e-3, ONE),
        Claim("half-lacks", "With d / 2 heads a softmax cannot.", LEAST, "at least", 0.05, ONE),
        Claim("bias-holds", "An exponential holds the newest state.", LEAST, "at most", 1e-2, ONE),
        Claim("rotary", "Cosines of learned frequencies find it.", LEAST, "at most", 1e-2, ONE),
        Claim("sinusoidal", "Sinusoidal encodings do not.", LEAST, "at least", 1e-2, ONE),
        Claim("none", "Without positions there is no solution.", SMALLEST, "at least", 0.1, ONE),
        Claim("none-least", "Training finds the least there is.", FOUND, "at most", 0.01, ONE),
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
            "orthogonal, d heads": ("orthogonal", self.dim),
            "orthogonal, few heads": ("orthogonal", self.few_heads),
            "orthogonal, d / 2 heads": ("orthogonal", self.dim // 2),
            "concentrated": ("concentrated", self.dim),
        }

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.num_states, Adam(self.learning_rate), self.num_steps, self.seeds, self.first_seed)
        trained = SchemesCell(tuple(self.laws.values()), self.mu, self.dim, *sizes)
        return Cell("trained", trained), Cell("set by hand", HeldCell(self.dim, self.num_states, self.mu))

    def summarise(self, results: list[Arrays]) -> Summary:
        trained, held = results
        return Summary(TrainedSchemes(**trained), Held(**held))

    def readings(self, summary: Summary) -> Readings:
        return readings(*summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"schemes": two_rows(tuple(self.laws), summary.trained)}
