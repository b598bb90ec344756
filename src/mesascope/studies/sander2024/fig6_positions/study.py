"""Figure 6 of Sander et al. 2024: position weights learned on concentrated phases are smooth."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.sander2024.fig6_positions.cells import Rows, RowsCell, SampledRows, SampledRowsCell
from mesascope.studies.sander2024.fig6_positions.panels import three_rows
from mesascope.studies.sander2024.fig6_positions.readings import STOPS, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.theory.position_only import LARGEST_SPECTRUM
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


STEPS = "largest |steps - those before|"
SAVED = "largest |p_T - that before|"
SUM = "largest |sum without p_T - theirs|"
RISE = "largest rise of p_T from one mu to the next"
SHARPER = "least ratio of p_T at the end / at the stop"
NEAR = "largest distance to the nearest / its norm, over mu"
FEWER = "largest rise of its moments from one mu to the next"
SAMPLES = "largest |steps on samples / exact - 1| over mu"
CONDITION = "least log10 of its condition"
LEAST_NORM = "distance to the least norm"


class Figure6(AbstractStudy):
    """The more phases are concentrated, the smoother the position weights that gradient descent finds.

    A layer without mixing (B^T A = I, all coordinates alike) has one row p of weights for each length T, and its loss
    is a quadratic form (see `theory/position_only.py`): descent from zero is computed exactly, by eigenvectors.
    The unit vector of the newest state is a minimum whatever the law, but where phases are concentrated the Hessian has
    few eigenvalues that are not negligible, and descent sees nothing else. As the authors do, it is stopped when the
    mean loss over rows is below 0.001; and also run to the end of their 10^5 steps. A seed is a run as theirs: on fresh
    phases, 1000 a step, stopped at the first batch whose loss is small.

    What their figure hides. It draws, and they saved, P times a lower triangle: the entry of the newest state,
    P_{T-1,T}, the largest of its row, is cut off, so that rows look smoother than they are and do not sum to one. Here
    it is drawn. Nor is what they show the end of training: after 10^5 steps rows are sharper (see p_T
    by mu), and still not unit vectors. Where descent stops is held against an earlier run, sums of rows against the
    authors' files.

    In the limit of large mu, descent that has learned k moments has the p of least norm that predicts polynomials of
    degree below k: 1 / T everywhere for k = 1, a line for k = 2. Rows of the figure are held against the nearest.
    """

    title: ClassVar = "Concentrated phases make positions smooth, since descent sees few directions"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 6 and section 4.3"
    claims: ClassVar = (
        Claim("stops", "Descent stops where it did before.", STEPS, "at most", 1.0, over="one number"),
        Claim("saved", "It ends at the same weights.", SAVED, "at most", 2e-3, over="one number"),
        Claim("sums", "Their rows sum to as much.", SUM, "at most", 0.01, over="one number"),
        Claim("samples", "On samples it stops there, too.", SAMPLES, "at most", 0.1),
        Claim("smoother", "Larger mu, smoother weights.", RISE, "at most", 0.0, over="one number"),
        Claim("early", "Training on makes them sharper.", SHARPER, "at least", 1.1, over="one number"),
        Claim("condition", "The Hessian is singular to any float.", CONDITION, "at least", 16.0, over="one number"),
        Claim("near", "Stopped rows are near rows of least norm.", NEAR, "at most", 0.5, over="one number"),
        Claim("fewer", "These have fewer moments where mu is larger.", FEWER, "at most", 0.0, over="one number"),
        Claim("least-norm", "At mu = 10^4 two moments are learned.", LEAST_NORM, "at most", 0.01, over="one number"),
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
    mus: tuple[float, ...] = tuple(STOPS)
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
        unknown = [mu for mu in self.mus if mu not in STOPS]
        if unknown or list(self.mus) != sorted(self.mus) or len(self.mus) < 2:
            raise ValueError(
                f"`mus` must be some of {', '.join(map(str, STOPS))}, two or more, rising; got {self.mus}."
            )

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
        return {"figure6": three_rows(summary, self.num_steps)}
