"""Figure 3, right, of Sander et al. 2024: what diagonal heads learn on orthogonal dynamics."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies.sander2024._shared.exact_heads import DiagonalHeadsCell, Heads
from mesascope.studies.sander2024._shared.exact_heads_panels import heat_maps, loss_over_heads
from mesascope.studies.sander2024._shared.exact_heads_readings import arrived, family_errors, read, share_arrived
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.theory.diagonal_heads import check_pairs, orthogonal_floor
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARRIVED = 1e-3  # a loss per position that counts as zero
SHARE = f"share of seeds whose population loss per position ends at most {ARRIVED:g}"
OF_ARRIVED = f"H = 8, d = 10, seeds with a loss of at most {ARRIVED:g}"
RATIO = f"largest |P_{{T-1,T-1}} / P_{{T-1,T}} + 1/2| over T, {OF_ARRIVED}"
OTHERS = f"largest |weight of a state before s_{{T-1}}| / p_T, the mean weight of s_T, {OF_ARRIVED}"
RANK = f"|number of singular values of B^T A above 1% of the largest - d / 2|, {OF_ARRIVED}"
FAMILY = (
    "largest |entry of p_T B^T A - (1 on the diagonal, -rho / (1 + rho) within a pair, else 0)|, rho the "
    "mean of P_{T-1,T-1} / P_{T-1,T}, H = d = 10"
)
FLOOR = "|least loss per position over seeds / (d - 2H) - 1|, H = 4, d = 10"
of_paper = partial(Claim, over="every seed", kind="paper")
of_ours = partial(Claim, over="every seed")


class Figure3Orthogonal(AbstractStudy):
    """**Question.** What do fewer heads than coordinates learn when the dynamics are orthogonal?

    **Setting.** As in figure 3 (left), the layer predicts
    s_{T+1} ≈ Σ_h Σ_{t ≤ T} P_{T-1,t} ⟨s_{T-1}, A_h s_t⟩ B_h s_t
    with diagonal A_h, B_h and position weights P. But the d = 10 eigenvalues of W are five conjugate pairs exp(±iθ), θ
    uniform. H = 8 heads; gradient descent on the population loss in closed form, rate 0.001, 100 000 steps.

    **What the paper says.** Figure 3 (right) and proposition 5: d / 2 heads suffice. P holds 1 for the newest state and
    -1/2 for the one before, BᵀA has 2 × 2 blocks of equal entries, and the layer computes 2 cos θ s_T - s_{T-1}.

    **What we measure.** The loss of every seed, the ratio P_{T-1,T-1} / P_{T-1,T}, the other weights, and the rank of
    BᵀA, for 4 to 10 heads.

    **Found here.** With d heads, training ends on a family of solutions: any ratio ρ = P_{T-1,T-1} / P_{T-1,T} but -1,
    with blocks [[1, r], [r, 1]] / p_T and r = -ρ / (1 + ρ). Below d / 2 heads, the least loss is d - 2H per position.

    **Differences.** Loss, sizes, initial weights and rate are the authors', who train one seed.

    **Limits.** With d / 2 < H < d, ρ may grow without bound while the loss tends to zero as 1 / ρ². Until its loss is
    at most 0.001, a seed counts as not arrived.
    """

    title: ClassVar = "On orthogonal dynamics heads serve pairs, and positions take the ratio -1/2"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 3 (right) and proposition 5"
    claims: ClassVar = (
        of_paper(
            "zero",
            "With eight heads on ten coordinates, at least half the seeds reach zero loss.",
            "share of seeds whose population loss per position ends at most 0.001, H = 8, d = 10",
            "at least",
            0.5,
            over="one number",
            decided_by="paper",
            restates="proposition 5: fewer heads than coordinates suffice",
        ),
        of_paper(
            "ratio",
            "Eight heads that reach zero loss weigh the last two states as -1/2 to 1.",
            RATIO,
            "at most",
            0.01,
            restates="figure 3 (right), last panel",
        ),
        of_paper(
            "two",
            "Where eight heads reach zero loss, only the last two states have position weight.",
            OTHERS,
            "at most",
            1e-3,
            restates="figure 3 (right), last panel",
        ),
        of_paper(
            "rank",
            "Where eight heads reach zero loss, BᵀA has rank 5, half the coordinates.",
            RANK,
            "at most",
            0.0,
            restates="figure 3 (right), third panel, and proposition 5",
        ),
        of_ours(
            "family",
            "With ten heads the ratio of the last two weights determines the trained BᵀA.",
            FAMILY,
            "at most",
            1e-3,
        ),
        of_ours(
            "floor",
            "With four heads on ten coordinates, the best seed's loss is 2 within 1%.",
            FLOOR,
            "at most",
            0.01,
            over="one number",
            decided_by="paper",
        ),
        of_ours(
            "half",
            "With five heads on ten coordinates, at most a quarter of seeds reach zero loss.",
            "share of seeds whose population loss per position ends at most 0.001, H = d / 2 = 5",
            "at most",
            0.25,
            over="one number",
            decided_by="paper",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "dim": 4, "num_heads": 3, "few_heads": 1, "num_states": 6, "num_steps": 300},
        "quick": {},
        "paper": {"seeds": 8, "scan_heads": (6, 7, 9), "num_steps": 100_000},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    dim: int = 10
    """Size of a state, even: two entries a pair."""
    num_heads: int = 8
    """Heads of the model that is looked at, between dim / 2 and dim; dim / 2 and dim are trained, too."""
    few_heads: int = 4
    """Heads of a model that has too few, below dim / 2."""
    scan_heads: tuple[int, ...] = ()
    """Further numbers of heads, for the figure."""
    num_states: int = 20
    """States in a sequence."""
    num_steps: int = 20_000
    """Training steps."""
    learning_rate: float = 1e-3
    """Rate of gradient descent."""
    init_std: float = 0.1
    """Standard deviation of the entries of A, B and P at the start."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "num_heads", "few_heads", "num_states", "num_steps"):
            check_count(name, getattr(self, name))
        check_pairs("dim", self.dim)
        check_count("num_states", self.num_states, minimum=3)
        check_non_negative("init_std", self.init_std)
        for num_heads in self.scan_heads:
            check_count("scan_heads", num_heads)
        if not self.dim / 2 < self.num_heads < self.dim or not 0 < self.few_heads < self.dim / 2:
            raise ValueError(
                f"`num_heads` must be between dim / 2 and dim, and `few_heads` below dim / 2; got {self.num_heads} and "
                f"{self.few_heads} for dim {self.dim}."
            )
        Descent(self.learning_rate)

    def training(self) -> DiagonalHeadsCell:
        """Every number of heads, trained at once."""
        all_heads = tuple(sorted({self.few_heads, self.dim // 2, self.num_heads, self.dim, *self.scan_heads}))
        sizes = (self.dim, all_heads, self.num_states, self.init_std)
        descent = Descent(self.learning_rate)
        return DiagonalHeadsCell("orthogonal", *sizes, descent, self.num_steps, self.seeds, self.first_seed)

    def cells(self) -> tuple[Cell, ...]:
        return (Cell("all numbers of heads", self.training()),)

    def summarise(self, results: list[Arrays]) -> dict[int, Heads]:
        return self.training().by_heads(results[0])

    def readings(self, summary: dict[int, Heads]) -> Readings:
        found = {num_heads: read(heads) for num_heads, heads in summary.items()}
        few, half, main, many = (found[each] for each in (self.few_heads, self.dim // 2, self.num_heads, self.dim))
        return {
            "zero": share_arrived(main, ARRIVED),
            "ratio": arrived(np.abs(main.ratios + 0.5).max(axis=1), main, ARRIVED),
            "two": arrived(main.elsewhere, main, ARRIVED),
            "rank": arrived(np.abs(main.rank - self.dim // 2), main, ARRIVED),
            "family": arrived(family_errors(many), many, ARRIVED),
            "floor": abs(few.loss.min() / orthogonal_floor(self.dim, self.few_heads) - 1),
            "half": share_arrived(half, ARRIVED),
            **{f"loss per position, {each} heads": of.loss for each, of in found.items()},
            **{f"mean p_{{T-1}} / p_T, {each} heads": of.mean_ratio for each, of in found.items()},
        }

    def figures(self, summary: dict[int, Heads]) -> "dict[str, Figure]":
        losses = {num_heads: read(heads).loss for num_heads, heads in summary.items()}
        floor, label = partial(orthogonal_floor, self.dim), "max(d - 2H, 0), the least there is"
        return {
            "figure3": heat_maps(summary[self.num_heads]),
            "heads": loss_over_heads(losses, floor, self.dim, label),
        }
