"""An open question of Sander et al. 2024: how fast position weights are learned, by the law of W."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.sander2024.prop7_convergence.cells import TOLERANCES, DescentCell, both_descents
from mesascope.studies.sander2024.prop7_convergence.panels import three_panels
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


NUM_EARLY = 400  # steps whose losses are all kept
UNIFORM = (1.0, 2.0, 4.0)  # laws for which H is the identity
RATE = "largest |loss of descent / (1 - 2 rate)^(2k) - 1|, for losses over 1e-9"
SOONER = "largest ratio of steps from one mu to the next"
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
        Claim("exact", "The law is descent's, from zero and any start.", DEVIATION, "at most", 1e-6),
        Claim("identity", "At mu = 1, 2, 4 one rate rules.", RATE, "at most", 1e-6),
        Claim("sooner", "Larger mu reaches 0.1 no later.", SOONER, "at most", 1.0),
        Claim("later", "And 1e-6 later than mu = 1.", "steps at the largest mu / at mu = 1", "at least", 100.0),
        Claim("directions", "Few directions are learned.", DIRECTIONS, "at most", 1.0),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "mus": (10.0, 100.0, 1000.0), "num_steps": 2000},
        "quick": {},
        "paper": {"seeds": 10, "num_steps": 1_000_000},
    }

    seeds: int = 3
    mus: tuple[float, ...] = (10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 1000.0)
    num_positions: int = 30
    learning_rate: float = 0.5 / 29
    num_steps: int = 100_000
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "num_positions", "num_steps"):
            check_count(name, getattr(self, name))
        check_count("num_positions", self.num_positions, minimum=2)
        check_count("first_seed", self.first_seed, minimum=0)
        check_positive("learning_rate", self.learning_rate)
        if list(self.mus) != sorted(self.mus) or len(self.mus) < 2 or min(self.mus) <= max(UNIFORM):
            raise ValueError(f"`mus` must be two or more above {max(UNIFORM):g}, rising; got {self.mus}.")

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.num_positions, self.learning_rate, self.num_steps, NUM_EARLY, self.seeds, self.first_seed)
        return tuple(Cell(f"mu = {mu:g}", DescentCell(mu, *sizes)) for mu in (*UNIFORM, *self.mus))

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        arrays = both_descents(cell.config)
        workspace.report(1, 1, cell.label)
        return arrays

    def summarise(self, results: list[Arrays]) -> dict[float, Arrays]:
        return dict(zip((*UNIFORM, *self.mus), results, strict=True))

    def verdicts(self, summary: dict[float, Arrays]) -> tuple[Verdict, ...]:
        steps = np.array([summary[mu]["steps_to"] for mu in self.mus])
        learned = [self._num_learned(summary[mu]) / (4 * self.num_positions / mu + 3) for mu in self.mus]
        numbers = {
            "exact": np.max([of["deviation"] for of in summary.values()], axis=0),
            "identity": np.max([self._from_one_rate(summary[mu]) for mu in UNIFORM]),
            "sooner": (steps[1:, 0] / steps[:-1, 0]).max(),
            "later": steps[-1, -1] / summary[1.0]["steps_to"][-1],
            "directions": np.max(learned),
        }
        return tuple(
            claim.judge_every(numbers["exact"]) if claim.id == "exact" else claim.judge_exact(float(numbers[claim.id]))
            for claim in self.claims
        )

    def _from_one_rate(self, of: Arrays) -> float:
        """The largest |loss / (1 - 2 rate)^(2k) - 1| of the first steps of descent, where that is above 1e-9."""
        law = (1 - 2 * self.learning_rate) ** (2.0 * np.arange(NUM_EARLY + 1))
        seen = law > 1e-9
        return float(np.abs(of["early_losses"][seen] / law[seen] - 1).max())

    def _num_learned(self, of: Arrays) -> float:
        """The directions that the loss of 1e-3 took: those with 2 rate l k > 1 at that step k."""
        learned = 2 * self.learning_rate * of["spectrum"] * of["steps_to"][TOLERANCES.index(1e-3)]
        return np.nan if np.isnan(learned).any() else float(np.sum(learned > 1))

    def notes(self, summary: dict[float, Arrays]) -> tuple[str, ...]:
        told = ", ".join(f"{tolerance:g}" for tolerance in TOLERANCES)
        return tuple(
            f"mu = {mu:g}: steps to a loss of {told}: {', '.join(f'{k:.3g}' for k in of['steps_to'])}."
            for mu, of in summary.items()
        )

    def figures(self, summary: dict[float, Arrays]) -> "dict[str, Figure]":
        return {"convergence": three_panels(summary, (1.0, *self.mus[::2]), self.mus, self.learning_rate)}
