"""Figure 3, right, of Sander et al. 2024: what diagonal heads learn on orthogonal dynamics."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.studies.sander2024._shared import exact_heads_panels as panels
from mesascope.studies.sander2024._shared import exact_heads_readings as readings
from mesascope.studies.sander2024._shared.exact_heads import HeadsCell, train_heads, with_each
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.theory.diagonal_heads import check_pairs, orthogonal_floor
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


TINY = {"seeds": 2, "num_heads": 3, "few_heads": 1, "dim": 4, "num_states": 6}
THERE = 1e-3  # a loss a position below which a seed counts as arrived
RATIO = "largest |p_{T-1} / p_T + 1/2| over T, of seeds that arrived"
FLOOR = "|least loss a position / (d - 2H) - 1|"
OTHERS = "largest weight before s_{T-1} / mean p_T, of seeds that arrived"
FAMILY = "largest |mixing of pairs + mean ratio / (1 + mean ratio)| of seeds that arrived"
ROTATION = "largest entry of 2 cos(theta) R_theta - I - R_{2 theta}"


class Summary(NamedTuple):
    """What figures and verdicts are made from."""

    trained: dict[int, Arrays]  # by the number of heads
    double_angle: np.ndarray  # errors of the identity, by seed


class Figure3Orthogonal(AbstractStudy):
    """Trained on orthogonal dynamics with fewer heads than coordinates, a layer finds 2 cos(theta) s_T - s_{T-1}.

    As in figure 3, left, but the d eigenvalues come in conjugate pairs. Then the minima of zero loss are a family of
    one parameter: P has its superdiagonal and its diagonal, of ratio rho = p_{T-1} / p_T, and C is made of 2 x 2 blocks
    [[1, r], [r, 1]] / p_T with r = -rho / (1 + rho). With d heads or more training may end anywhere on it. With fewer
    only its member of least rank is left, rho = -1/2 and r = 1: d / 2 heads suffice, since one score 2 cos(theta)
    serves both entries of a pair. (With more than d / 2 there is also a way on which rho grows without end and the loss
    is 1 / rho^2, `orthogonal_approach` in `theory/diagonal_heads.py`: seeds on it get ever nearer and never there.)
    Below d / 2 heads a position loses at least d - 2H. How often a seed gets there is another matter: the notes count
    it for every H.

    Which source is followed. The script's loss is exact, and its sizes, initialisation and learning rate are used.
    """

    title: ClassVar = "On orthogonal dynamics heads serve pairs, and positions take the ratio -1/2"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 3 (right) and proposition 5"
    claims: ClassVar = (
        Claim("zero", "With d / 2 < H < d the loss vanishes.", "median loss a position over seeds", "at most", THERE),
        Claim("ratio", "Positions take the ratio -1/2.", RATIO, "at most", 0.01),
        Claim("two", "All other weights vanish.", OTHERS, "at most", 0.01),
        Claim("rank", "C has rank d / 2.", "|rank - d / 2| of seeds that arrived", "at most", 0.0),
        Claim("family", "With d heads solutions form one family.", FAMILY, "at most", 0.01),
        Claim("floor", "Below d / 2 heads the loss is d - 2H.", FLOOR, "at most", 0.01),
        Claim("identity", "Two steps are 2 cos(theta) one - none.", ROTATION, "at most", 1e-12),
    )
    presets: ClassVar = {
        "smoke": {**TINY, "num_steps": 20_000},
        "quick": {},
        "paper": {"seeds": 8, "scan_heads": (5, 6, 7, 9)},
    }

    seeds: int = 4
    dim: int = 10
    num_heads: int = 8
    few_heads: int = 4
    scan_heads: tuple[int, ...] = (5,)
    num_states: int = 20
    num_steps: int = 100_000
    learning_rate: float = 1e-3
    init_std: float = 0.1
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "dim", "num_heads", "few_heads", "num_states", "num_steps"):
            check_count(name, getattr(self, name))
        check_pairs("dim", self.dim)
        check_count("num_states", self.num_states, minimum=3)
        check_count("first_seed", self.first_seed, minimum=0)
        check_non_negative("init_std", self.init_std)
        for num_heads in self.scan_heads:
            check_count("scan_heads", num_heads)
        if not self.dim / 2 < self.num_heads < self.dim or not 0 < self.few_heads < self.dim / 2:
            raise ValueError(
                f"`num_heads` must be between dim / 2 and dim, and `few_heads` below dim / 2; got {self.num_heads} and "
                f"{self.few_heads} for dim {self.dim}."
            )
        Descent(self.learning_rate)

    @property
    def all_heads(self) -> tuple[int, ...]:
        """Every number of heads that is trained."""
        return tuple(sorted({self.num_heads, self.few_heads, self.dim, *self.scan_heads}))

    def cells(self) -> tuple[Cell, ...]:
        return (Cell("all numbers of heads", self._training),)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return train_heads(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        errors = readings.double_angle_errors(self.dim, self.seeds, self.first_seed)
        return Summary(with_each(self._training, results[0]), errors)

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        few, main, many = (readings.read(summary.trained[each]) for each in (self.few_heads, self.num_heads, self.dim))
        numbers = {
            "zero": np.median(main.loss),
            "ratio": readings.arrived(np.abs(main.ratios + 0.5).max(axis=1), main, THERE),
            "two": readings.arrived(main.elsewhere, main, THERE),
            "rank": readings.arrived(np.abs(main.rank - self.dim // 2), main, THERE),
            "family": readings.arrived(readings.family_errors(many), many, THERE),
            "floor": abs(few.loss.min() / orthogonal_floor(self.dim, self.few_heads) - 1),
            "identity": summary.double_angle,
        }
        return tuple(
            claim.judge_exact(float(numbers[claim.id]))
            if claim.id in ("zero", "floor")
            else claim.judge_every(numbers[claim.id])
            for claim in self.claims
        )

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return tuple(
            readings.in_words(num_heads, readings.read(arrays), orthogonal_floor(self.dim, num_heads), THERE)
            for num_heads, arrays in summary.trained.items()
        )

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        losses = {num_heads: readings.read(arrays).loss for num_heads, arrays in summary.trained.items()}
        return {
            "figure3": panels.heat_maps(summary.trained[self.num_heads]),
            "heads": panels.loss_over_heads(
                losses, partial(orthogonal_floor, self.dim), "max(d - 2H, 0), the least there is"
            ),
        }

    @property
    def _training(self) -> HeadsCell:
        sizes = (self.dim, self.all_heads, self.num_states, self.init_std)
        return HeadsCell("orthogonal", *sizes, Descent(self.learning_rate), self.num_steps, self.seeds, self.first_seed)
