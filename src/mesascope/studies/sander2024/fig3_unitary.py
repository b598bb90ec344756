"""Figure 3, left, of Sander et al. 2024: what diagonal heads learn on unitary dynamics."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.studies.sander2024._shared.exact_heads import DiagonalHeadsCell, Heads
from mesascope.studies.sander2024._shared.exact_heads_panels import heat_maps, loss_over_heads
from mesascope.studies.sander2024._shared.exact_heads_readings import read
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.theory.diagonal_heads import unitary_floor
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = "H = d = 10, T up to 20"
ZERO = "population loss per position (predicting zero: d) after 100 steps, H = d = 10, T up to 20"
BESIDE = "largest |off-diagonal entry of p_T B^T A|, p_T the mean weight of s_T, H = d = 10, T up to 20"
DIAGONAL = f"largest |diagonal entry of p_T B^T A - 1|, {SIZES}"
OTHERS = f"largest |weight of any other state| / p_T, the mean weight of s_T, {SIZES}"
FLOOR = "largest |loss per position / (d - H) - 1| after 2000 steps, over the numbers of heads H < d tried, d = 10"
of_paper = partial(Claim, over="every seed", kind="paper")
of_ours = partial(Claim, over="every seed")


class Summary(NamedTuple):
    """Trained layers of d heads, and those of the scan by the number of heads."""

    trained: Heads
    scan: dict[int, Heads]


class Figure3Unitary(AbstractStudy):
    """**Question.** What do the heads of a linear attention layer learn when the dynamics are unitary?

    **Setting.** s_{t+1} = W s_t, W = diag(λ), |λ_i| = 1, phases independent and uniform, s_1 = (1, ..., 1), d = 10.
    With diagonal A_h, B_h and learned position weights P the layer predicts
    s_{T+1} ≈ Σ_h Σ_{t ≤ T} P_{T-1,t} ⟨s_{T-1}, A_h s_t⟩ B_h s_t.
    The rows of A and B hold the diagonals of all heads. Gradient descent (rate 0.01, 100 steps, T = 2, ..., 20) runs on
    the population loss in closed form.

    **What the paper says.** Proposition 3 and figure 3 (left): zero loss needs at least d heads (H ≥ d). Then BᵀA is a
    multiple of the identity, which the paper calls orthogonal heads, and P looks at the newest state alone. The layer
    estimates W = diag(s_T s*_{T-1}) from the last two states and applies it to s_T.

    **What we measure.** The loss, p_T BᵀA and P / p_T, p_T the mean weight of s_T. A scan trains fewer heads for 2000
    steps.

    **Found here.** With H < d heads, training reaches the least loss there is, d - H per position.

    **Differences.** The authors' script counts a part of the loss at t = T - 1 twice. The loss here is derived, and
    tests compare it with simulated sequences. Both vanish for the same weights. Sizes, initial weights and rate are the
    script's.

    **Limits.** One size d; diagonal heads only (dense ones: sander2024-dense).
    """

    title: ClassVar = "On unitary dynamics heads become orthogonal and apply the last step again"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 3 (left) and proposition 3"
    claims: ClassVar = (
        of_paper(
            "zero",
            "With as many heads as coordinates, training reaches zero loss.",
            ZERO,
            "at most",
            1e-5,
            restates="proposition 3",
        ),
        of_paper(
            "orthogonal",
            "In the trained layer with ten heads BᵀA is diagonal.",
            BESIDE,
            "at most",
            1e-3,
            restates="figure 3 (left), third panel",
        ),
        of_paper(
            "identity",
            "Every diagonal entry of BᵀA is the inverse of the newest state's weight.",
            DIAGONAL,
            "at most",
            1e-3,
            restates="proposition 3",
        ),
        of_paper(
            "newest",
            "The position weights P look at the newest state alone.",
            OTHERS,
            "at most",
            1e-3,
            restates="figure 3 (left), last panel",
        ),
        of_ours("floor", "Fewer heads than coordinates end within 1% of the loss d - H.", FLOOR, "at most", 0.01),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 200, "scan_heads": (3, 4), "scan_steps": 300, "dim": 4, "num_states": 6},
        "quick": {},
        "paper": {"seeds": 5, "scan_heads": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    dim: int = 10
    """Size of a state, and heads of the model that is looked at."""
    num_states: int = 20
    """States in a sequence."""
    num_steps: int = 100
    """Training steps."""
    scan_heads: tuple[int, ...] = (2, 5, 8, 10)
    """Numbers of heads that losses are compared of."""
    scan_steps: int = 2000
    """Training steps of these."""
    learning_rate: float = 1e-2
    """Rate of gradient descent."""
    init_std: float = 0.1
    """Standard deviation of the entries of A, B and P at the start."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "num_states", "num_steps", "scan_steps"):
            check_count(name, getattr(self, name))
        check_count("num_states", self.num_states, minimum=3)
        check_non_negative("init_std", self.init_std)
        for num_heads in self.scan_heads:
            check_count("scan_heads", num_heads)
        if not self.scan_heads or min(self.scan_heads) >= self.dim:
            raise ValueError(f"`scan_heads` must hold a number below `dim`, {self.dim}; got {self.scan_heads}.")
        Descent(self.learning_rate)

    def training(self, all_heads: tuple[int, ...], num_steps: int) -> DiagonalHeadsCell:
        """Some numbers of heads, trained at once."""
        sizes = (self.dim, all_heads, self.num_states, self.init_std)
        return DiagonalHeadsCell("unitary", *sizes, Descent(self.learning_rate), num_steps, self.seeds, self.first_seed)

    def trainings(self) -> tuple[DiagonalHeadsCell, DiagonalHeadsCell]:
        """As many heads as coordinates, and the scan."""
        return self.training((self.dim,), self.num_steps), self.training(self.scan_heads, self.scan_steps)

    def cells(self) -> tuple[Cell, ...]:
        main, scan = self.trainings()
        return Cell("as many heads as coordinates", main), Cell("the scan over heads", scan)

    def summarise(self, results: list[Arrays]) -> Summary:
        (main, scan), (trained, scanned) = self.trainings(), results
        return Summary(main.by_heads(trained)[self.dim], scan.by_heads(scanned))

    def readings(self, summary: Summary) -> Readings:
        trained, losses = read(summary.trained), self.losses(summary)
        diagonal = np.diagonal(trained.mixing, axis1=1, axis2=2)
        beside = np.abs(trained.mixing - diagonal[:, :, None] * np.eye(self.dim))
        floors = {heads: unitary_floor(self.dim, heads) for heads in losses if heads < self.dim}
        return {
            "zero": trained.loss,
            "orthogonal": beside.max(axis=(1, 2)),
            "identity": np.abs(diagonal - 1).max(axis=1),
            "newest": np.maximum(trained.before, trained.elsewhere),
            "floor": np.max([np.abs(losses[heads] / floor - 1) for heads, floor in floors.items()], axis=0),
            **{f"loss per position, {heads} heads": loss for heads, loss in losses.items()},
        }

    def losses(self, summary: Summary) -> dict[int, np.ndarray]:
        """The loss per position of every seed by number of heads."""
        return {heads: read(trained).loss for heads, trained in summary.scan.items()}

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        floor = partial(unitary_floor, self.dim)
        scan = loss_over_heads(self.losses(summary), floor, self.dim, "d - H, the least there is")
        return {"figure3": heat_maps(summary.trained), "heads": scan}
