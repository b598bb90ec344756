"""An open question of Sander et al. 2024: which position encodings can hold the solution, and which find it?"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.studies._claim import Claim, Verdict
from mesascope.studies._position_schemes import SCHEMES, SchemesCell, train_schemes
from mesascope.studies._position_schemes_panels import in_words, two_rows
from mesascope.theory.diagonal_heads import check_pairs
from mesascope.training.exact import Adam
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = "least loss a coordinate over seeds"
JUDGED = ("learned", "Toeplitz", "softmax", "linear bias", "none")  # the schemes that claims are about
LAWS = ("unitary", "orthogonal, d heads", "orthogonal, few heads", "concentrated")


class PositionSchemes(AbstractStudy):
    """A free matrix and one weight a lag hold every solution; shapes with fewer parameters hold some of them.

    Diagonal heads and the weights of positions are trained together by Adam on exact losses: unitary dynamics with d
    heads, whose solution is one weight on the newest state; orthogonal ones with d heads, and with fewer, whose exact
    solution has the weights 1 and -1/2. On concentrated phases heads only give all
    positions one scale. Every scheme is a file's
    class: a free matrix, one weight a lag, the softmax of free scores, a bilinear form of sinusoidal encodings, an
    exponential in the lag with a learned slope, a mean of cosines of learned frequencies, and no positions.

    What each can hold. Weights of a softmax are positive and sum to one: they come as close as one likes to the newest
    state alone, and never near -1/2. An exponential exp(-slope lag) comes as close, too, as the slope grows. Equal
    weights cannot tell the newest state from the oldest. Bilinear sinusoidal encodings and cosines are smooth in the
    position, with as many degrees of freedom as they have frequencies: whether they get there is for the run to say.

    What we found. A softmax gets near with few heads as well, without -1/2. The solutions of figure 3 are a family,
    C made of blocks [[1, r], [r, 1]] / p_T with r = -rho / (1 + rho), rho = p_{T-1} / p_T. Both ends of it have rank
    d / 2: rho = -1/2, and rho without bounds, where r tends to -1. The second is open to positive weights, and the
    softmax goes there: the notes give its rho.
    """

    title: ClassVar = "Which position encodings hold the solution, and which find it"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = (
        Claim("learned", "A free matrix finds every solution.", f"largest {LEAST}", "at most", 1e-3),
        Claim("toeplitz", "So does one weight a lag.", f"largest {LEAST}", "at most", 1e-3),
        Claim("softmax-holds", "A softmax holds one weight on the newest state.", LEAST, "at most", 1e-2),
        Claim("softmax-lacks", "With few heads, which need -1/2, it cannot.", LEAST, "at least", 0.05),
        Claim("bias-holds", "An exponential holds the newest state.", LEAST, "at most", 1e-2),
        Claim("none", "Without positions nothing is found.", f"smallest {LEAST}", "at least", 0.1),
        Claim("concentrated", "On smooth phases even those find something.", f"no positions, {LEAST}", "at most", 0.5),
    )
    presets: ClassVar = {
        "smoke": {"schemes": JUDGED, "seeds": 1, "dim": 4, "few_heads": 3, "num_states": 6, "num_steps": 3000},
        "quick": {},
        "paper": {"seeds": 8, "num_steps": 50_000},
    }

    seeds: int = 3
    schemes: tuple[str, ...] = tuple(SCHEMES)
    dim: int = 6
    few_heads: int = 4
    num_states: int = 12
    mu: float = 50.0
    learning_rate: float = 5e-3
    num_steps: int = 5000
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "dim", "few_heads", "num_states", "num_steps"):
            check_count(name, getattr(self, name))
        check_pairs("dim", self.dim)
        if not set(JUDGED) <= set(self.schemes) <= set(SCHEMES):
            raise ValueError(
                f"`schemes` must hold {', '.join(JUDGED)}, and of all {', '.join(SCHEMES)}; got {self.schemes}."
            )
        check_count("num_states", self.num_states, minimum=3)
        check_count("first_seed", self.first_seed, minimum=0)
        check_positive("mu", self.mu)
        if not self.dim / 2 <= self.few_heads < self.dim:
            raise ValueError(f"`few_heads` must be from dim / 2 to below dim; got {self.few_heads} for {self.dim}.")
        Adam(self.learning_rate)

    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(law, self._cell(law)) for law in LAWS)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return train_schemes(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> dict[str, Arrays]:
        return dict(zip(LAWS, results, strict=True))

    def verdicts(self, summary: dict[str, Arrays]) -> tuple[Verdict, ...]:
        least = {
            law: dict(zip(self.schemes, of["losses"][:, -1].min(axis=0), strict=True)) for law, of in summary.items()
        }
        heads = [least[law] for law in LAWS[:3]]
        numbers = {
            "learned": np.max([each["learned"] for each in heads]),
            "toeplitz": np.max([each["Toeplitz"] for each in heads]),
            "softmax-holds": least["unitary"]["softmax"],
            "softmax-lacks": least["orthogonal, few heads"]["softmax"],
            "bias-holds": least["unitary"]["linear bias"],
            "none": np.min([each["none"] for each in heads]),
            "concentrated": least["concentrated"]["none"],
        }
        return tuple(claim.judge_exact(float(numbers[claim.id])) for claim in self.claims)

    def notes(self, summary: dict[str, Arrays]) -> tuple[str, ...]:
        return tuple(in_words(law, self.schemes, of) for law, of in summary.items())

    def figures(self, summary: dict[str, Arrays]) -> "dict[str, Figure]":
        return {"schemes": two_rows(self.schemes, summary)}

    def _cell(self, law: str) -> SchemesCell:
        kind, heads = law.split(",")[0], self.few_heads if "few" in law else self.dim
        sizes = (self.dim, heads, self.num_states, Adam(self.learning_rate), self.num_steps)
        return SchemesCell(self.schemes, kind, self.mu, *sizes, self.seeds, self.first_seed)
