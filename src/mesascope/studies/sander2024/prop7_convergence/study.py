"""An open question of Sander et al. 2024: how fast position weights are learned, by the law of W."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.sander2024.prop7_convergence.cells import Descents, RowDescentCell
from mesascope.studies.sander2024.prop7_convergence.panels import three_panels
from mesascope.studies.sander2024.prop7_convergence.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SOONER = "most steps to a loss of 0.1 at a mu of 10 or more / steps at mu = 1, from zero and from random starts"
LATER = "steps to a loss of 1e-6 at mu = 1000 / at mu = 1, from zero and from random starts"
DIRECTIONS = (
    "largest (number of eigenvalues e of H with 2 rate e k > 1) / (4T / mu + 3), k the steps to a loss of"
    " 0.001, over every mu and start"
)
asked = partial(Claim, over="every seed", kind="open question")


class Proposition7(AbstractStudy):
    """**Question.** How does the concentration of phases change the speed at which position weights are learned?

    **Setting.** A layer with BᵀA = I predicts s_{T+1} ≈ Σ_{t ≤ T} p_t s_t² / s_{T-1}, entry by entry, with
    states exp(i t θ / μ), θ uniform on [0, 2π]. Its population loss is
    l(p) = pᵀHp - 2hᵀp + 1, H_{tt'} = sin(4π(t - t') / μ) / (4π(t - t') / μ), h the last row of H.
    μ = 1 are free phases (H = I); large μ are concentrated ones. Gradient descent, rate 0.5 / 29, T = 30, from zero and
    from random starts.

    **What the paper says.** Proposition 7 bounds the eigenvalues of H: most are tiny for large μ. The rate of
    convergence is left open.

    **What we measure.** The steps to losses from 0.1 to 1e-6, and for how many eigenvectors of H these suffice. An
    eigenvalue e takes about 1 / (2 rate e) steps.

    **Found here.** Concentrated phases are predicted roughly sooner than free ones, and exactly far later. A loss of
    0.001 takes few eigenvectors: at most 4T / μ + 3.

    **Differences.** The paper starts at zero only.

    **Limits.** One T and one rate. Steps to an exact prediction need not grow steadily with μ: a larger μ may need one
    eigenvector fewer.
    """

    title: ClassVar = "Concentrated phases are learned sooner roughly, and far later exactly"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), proposition 7 and open question"
    claims: ClassVar = (
        asked("sooner", "Concentrated phases reach a loss of 0.1 sooner than free phases.", SOONER, "at most", 1.0),
        asked(
            "later",
            "The most concentrated phases need 100 times free phases' steps to a loss of 1e-6.",
            LATER,
            "at least",
            100.0,
        ),
        asked(
            "directions",
            "Before a loss of 0.001, descent has time for at most 4T/μ + 3 eigenvectors.",
            DIRECTIONS,
            "at most",
            1.0,
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "mus": (10.0, 100.0, 1000.0), "num_positions": 12, "num_steps": 300},
        "quick": {},
        "paper": {"seeds": 10, "num_steps": 2_000_000},
    }

    seeds: int = 3
    """Random starts, each from a key of its own."""
    mus: tuple[float, ...] = (10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 1000.0)
    """Laws of concentrated phases, exp(i theta / mu), the least concentrated first; mu = 1 is run beside them."""
    num_positions: int = 30
    """Position weights in the row that is trained."""
    learning_rate: float = 0.5 / 29
    """Gradient descent's rate."""
    num_steps: int = 25_000
    """Steps of gradient descent; a loss that they do not reach counts as reached by the last."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_positions", "num_steps"):
            check_count(name, getattr(self, name))
        check_count("num_positions", self.num_positions, minimum=2)
        check_positive("learning_rate", self.learning_rate)
        if list(self.mus) != sorted(self.mus) or len(self.mus) < 2 or min(self.mus) <= 4:
            raise ValueError(f"`mus` must be two or more above 4, rising; got {self.mus}.")

    def descents(self) -> RowDescentCell:
        """Descent on free phases and on all others."""
        sizes = (self.num_positions, self.learning_rate, self.num_steps, self.seeds, self.first_seed)
        return RowDescentCell((1.0, *self.mus), *sizes)

    def cells(self) -> tuple[Cell, ...]:
        return (Cell("all laws", self.descents()),)

    def summarise(self, results: list[Arrays]) -> Descents:
        return Descents(**results[0])

    def readings(self, summary: Descents) -> Readings:
        return readings(summary, self.descents())

    def figures(self, summary: Descents) -> "dict[str, Figure]":
        return {"convergence": three_panels(summary, self.descents())}
