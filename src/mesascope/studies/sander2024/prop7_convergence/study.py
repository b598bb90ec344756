"""An open question of Sander et al. 2024: how fast position weights are learned, by the law of W."""

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


RATE = "largest |loss of descent / (1 - 2 rate)^(2k) - 1|, for losses over 1e-9"
SOONER = "largest ratio of steps from one mu to the next"
LATER = "steps at the largest mu / at mu = 1"
DIRECTIONS = "most directions learned at 1e-3 / (4 T / mu + 3)"
DEVIATION = "largest |loss / law - 1| on the way, for losses over 1e-9"


class Proposition7(AbstractStudy):
    """Concentrated phases are learned roughly sooner, and exactly later than free ones; the spectrum of H says when.

    One row of position weights, T of them, is trained by gradient descent from zero on the loss p^T H p - 2 h^T p + 1
    (no mixing, see `theory/position_only.py`). In the eigenbasis of H its loss after k steps is
    sum_j (1 - 2 rate l_j)^(2k) h_j^2 / l_j: each direction is learned after about 1 / (2 rate l_j) steps. For mu = 1, 2
    and 4, H is the identity and one rate rules, (1 - 2 rate)^(2k). The larger mu, the fewer directions matter at first:
    averaging already predicts slow phases. But the next direction is orders of magnitude slower: a loss of 1e-6 takes
    hundreds of times as many steps as at mu = 1, and more, though not ever more with mu (see the notes). H has
    about 4 T / mu eigenvalues that are not negligible, and each after them is smaller by a growing factor: "few
    directions" allows for three of those. The law is held against descent run step by step in float64,
    from zero and from random starts, one a seed; all else here is without chance.
    """

    title: ClassVar = "Smooth phases are soon predicted roughly, and exactly only late"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), proposition 7 and open question"
    claims: ClassVar = (
        Claim("exact", "The law is descent's, from zero and any start.", DEVIATION, "at most", 1e-6, "every seed"),
        Claim("identity", "At mu = 1, 2, 4 one rate rules.", RATE, "at most", 1e-6, "one number"),
        Claim("sooner", "Larger mu reaches 0.1 no later.", SOONER, "at most", 1.0, "one number"),
        Claim("later", "And 1e-6 later than mu = 1.", LATER, "at least", 100.0, "one number"),
        Claim("directions", "Few directions are learned.", DIRECTIONS, "at most", 1.0, "one number"),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "mus": (10.0, 100.0, 1000.0), "num_positions": 12, "num_steps": 300, "num_early": 50},
        "quick": {},
        "paper": {"seeds": 10, "num_steps": 1_000_000},
    }

    seeds: int = 3
    """Random starts, each from a key of its own."""
    uniform_mus: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Laws for which H is the identity."""
    mus: tuple[float, ...] = (10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 1000.0)
    """Laws of concentrated phases, exp(i theta / mu), the least concentrated first."""
    num_positions: int = 30
    """Position weights in the row that is trained."""
    learning_rate: float = 0.5 / 29
    """Gradient descent's rate."""
    num_steps: int = 20_000
    """Steps of gradient descent that are run."""
    num_early: int = 400
    """The first steps, whose losses are all kept."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_positions", "num_steps", "num_early"):
            check_count(name, getattr(self, name))
        check_count("num_positions", self.num_positions, minimum=2)
        check_positive("learning_rate", self.learning_rate)
        above = max(self.uniform_mus, default=0.0)
        if list(self.mus) != sorted(self.mus) or len(self.mus) < 2 or min(self.mus) <= above:
            raise ValueError(f"`mus` must be two or more above {above:g}, rising; got {self.mus}.")
        if not self.uniform_mus or any(mu not in (1.0, 2.0, 4.0) for mu in self.uniform_mus):
            raise ValueError(f"`uniform_mus` must be some of 1, 2 and 4; got {self.uniform_mus}.")

    def descents(self) -> RowDescentCell:
        """Descent on all laws."""
        sizes = (self.num_positions, self.learning_rate, self.num_steps, self.num_early, self.seeds, self.first_seed)
        return RowDescentCell((*self.uniform_mus, *self.mus), *sizes)

    def cells(self) -> tuple[Cell, ...]:
        return (Cell("all laws", self.descents()),)

    def summarise(self, results: list[Arrays]) -> Descents:
        return Descents(**results[0])

    def readings(self, summary: Descents) -> Readings:
        return readings(summary, self.descents(), len(self.uniform_mus))

    def figures(self, summary: Descents) -> "dict[str, Figure]":
        return {"convergence": three_panels(summary, self.descents(), len(self.uniform_mus))}
