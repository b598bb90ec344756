"""Figure 6 of Sander et al. 2024: position weights learned on concentrated phases are smooth."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.sander2024.fig6_positions.cells import Rows, RowsCell, SampledRows, SampledRowsCell
from mesascope.studies.sander2024.fig6_positions.panels import maps, rows
from mesascope.studies.sander2024.fig6_positions.readings import SUMS, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.theory.position_only import LARGEST_SPECTRUM
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DIAGONALS = (
    "least over μ of the share of P's variance that the lag T - t explains, rows of at least 15 states, "
    "15 newest states of each"
)
SUM = "largest |sum of the last row of P without P_{T-1,T} - the same sum in the authors' file| over μ"
RISE = "largest over μ of p_T less p_T at the next smaller μ, p_T = P_{T-1,T} at the stop"
CONDITION = "least log10 of the Hessian's condition over μ"
SAMPLES = "largest |steps on samples / steps of exact descent - 1| over μ"
SHARPER = "least p_T after all steps / p_T at the stop over μ"
NEAR = "largest over μ of |last row - r| / |r| at the stop, r the nearest least-norm row over k"
LEAST_NORM = "|last row - shortest row that predicts straight lines exactly| after all steps, μ = 10⁴"
exact = partial(Claim, over="one number")
of_paper = partial(exact, kind="paper")


class Figure6(AbstractStudy):
    """**Question.** What position weights does gradient descent find when all W are near the identity?

    **Setting.** One coordinate: s_{t+1} = λ s_t, λ = exp(iθ/μ), θ uniform on [0, 2π], T up to 30. A layer with BᵀA = I
    and position weights P predicts Σ_t P_{T-1,t} λ^{2t-T}, and its loss is quadratic in P. Gradient descent with rate
    0.5 starts from P = 0 and stops when the mean loss is below 0.001.

    **What the paper says.** The larger μ, the worse the Hessian's condition (proposition 7). Gradient descent then
    prefers small norms, and the positions are smooth and nearly the same along diagonals (figure 6).

    **What we measure.** P at the stop and after 10⁵ steps, from the exact loss; and runs on fresh phases, 1000 a step,
    as the authors'. How much of P's variance the lag T - t explains. Sums of the last rows of the authors' files. The
    distance of rows p to the shortest rows (least-norm rows) with Σ_t p_t q(t) = q(T) for all polynomials q of degree
    below k.

    **Found here.** The figure shows descent that stopped early: longer training makes the newest weights larger. In the
    limit of large μ the last row is the shortest one that predicts straight lines (k = 2).

    **Differences.** The authors draw and save P without P_{T-1,T}, the largest entry of each row; here the entry is
    drawn and counted.

    **Limits.** Descent in double precision moves along few of the Hessian's directions.
    """

    title: ClassVar = "Concentrated phases make learned positions nearly the same along diagonals"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 6 and proposition 7"
    claims: ClassVar = (
        Claim(
            "diagonals",
            "The lag alone explains at least 85% of the variance of learned positions.",
            DIAGONALS,
            "at least",
            0.85,
            over="every seed",
            kind="paper",
            restates="figure 6: positions are invariant along diagonals",
        ),
        of_paper(
            "sums",
            "Without its newest weight, the last row sums to the authors' within 0.01.",
            SUM,
            "at most",
            0.01,
            restates="the position weights saved for figure 6",
        ),
        of_paper(
            "smoother",
            "The larger μ, the smaller the newest state's weight at the stop.",
            RISE,
            "at most",
            0.0,
            restates="figure 6: positions are smoother at larger μ",
        ),
        of_paper(
            "condition",
            "At every μ tried, the Hessian's condition number exceeds 10^16.",
            CONDITION,
            "at least",
            16.0,
            restates="proposition 7: the Hessian is poorly conditioned",
        ),
        Claim(
            "samples",
            "Descent on samples needs as many steps as exact descent, within 10%.",
            SAMPLES,
            "at most",
            0.1,
            over="every seed",
        ),
        exact(
            "early",
            "Training that continues after the stop raises the newest state's weight by 10%.",
            SHARPER,
            "at least",
            1.1,
        ),
        exact(
            "near",
            "At the stop, some least-norm row lies within half its length of the last row.",
            NEAR,
            "at most",
            0.5,
        ),
        exact(
            "least-norm",
            "At μ = 10⁴ the last row is the shortest that predicts straight lines.",
            LEAST_NORM,
            "at most",
            0.01,
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "batch_size": 100,
            "mus": (200.0, 300.0),
            "num_states": 10,
            "num_steps": 300,
            "tolerance": 0.01,
        },
        "quick": {},
        "paper": {"seeds": 10},
    }

    seeds: int = 3
    """Descents on samples, each from a key of its own."""
    mus: tuple[float, ...] = tuple(SUMS)
    """How concentrated phases are: uniform on [0, 2 pi / mu]."""
    large_mu: float = 1e4
    """A mu in its limit."""
    num_states: int = 30
    """States in a sequence."""
    learning_rate: float = 0.5
    """Rate of gradient descent."""
    num_steps: int = 100_000
    """Training steps."""
    tolerance: float = 1e-3
    """The mean loss over rows below which descent is stopped."""
    batch_size: int = 1000
    """Phases a step of descent on samples."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_states", "num_steps", "batch_size"):
            check_count(name, getattr(self, name))
        check_count("num_states", self.num_states, minimum=3)
        if self.num_states > LARGEST_SPECTRUM:
            raise ValueError(f"`num_states` must be at most {LARGEST_SPECTRUM}; got {self.num_states}.")
        for name in ("learning_rate", "tolerance", "large_mu"):
            check_positive(name, getattr(self, name))
        unknown = [mu for mu in self.mus if mu not in SUMS]
        if unknown or list(self.mus) != sorted(self.mus) or len(self.mus) < 2:
            raise ValueError(f"`mus` must be some of {', '.join(map(str, SUMS))}, two or more, rising; got {self.mus}.")

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.num_states, self.learning_rate, self.num_steps, self.tolerance)
        *laws, limit = (RowsCell(mu, *sizes) for mu in (*self.mus, self.large_mu))
        samples = (SampledRowsCell(law, self.batch_size, self.seeds, self.first_seed) for law in laws)
        return (
            *(Cell(f"mu = {law.mu:g}", law) for law in (*laws, limit)),
            *(Cell(f"mu = {each.rows.mu:g}, on samples", each) for each in samples),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        num_laws = len(self.mus)
        *laws, limit = (Rows(**each) for each in results[: num_laws + 1])
        samples = (SampledRows(**each) for each in results[num_laws + 1 :])
        return Summary(self.mus, tuple(laws), tuple(samples), limit)

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure6": maps(summary), "rows": rows(summary, self.num_steps)}
