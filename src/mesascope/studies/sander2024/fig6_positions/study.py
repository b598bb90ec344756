"""Figure 6 of Sander et al. 2024: position weights learned on concentrated phases are smooth."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.studies.sander2024.fig6_positions import panels as panels
from mesascope.studies.sander2024.fig6_positions.cells import (
    RowsCell,
    SampledCell,
    descend,
    descend_on_samples,
    nearest_least_norm,
)
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.theory.position_only import smoothest
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# The sums of the last rows that the authors saved, the newest state's weight cut off; and, of an earlier run of exact
# descent that had their rows, the steps at which it stopped and that weight.
SUMS = {50.0: 0.526, 100.0: 0.705, 200.0: 0.763, 300.0: 0.825}
STOPS = {50.0: 886, 100.0: 766, 200.0: 661, 300.0: 473}
LAST = {50.0: 0.456, 100.0: 0.288, 200.0: 0.206, 300.0: 0.141}

LARGE = 1e4  # mu in its limit
RISE = "largest rise of p_T from one mu to the next"
SHARPER = "least ratio of p_T at the end / at the stop"
NEAR = "largest distance to the nearest / its norm, over mu"
FEWER = "largest rise of its moments from one mu to the next"
SAMPLES = "largest |steps on samples / exact - 1| over mu"


class Summary(NamedTuple):
    """Exact descent and descent on samples by mu, and exact descent in the limit of large mu."""

    laws: list[Arrays]
    samples: list[Arrays]
    limit: Arrays


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
    it is drawn. Nor is what they show the end of training: after 10^5 steps rows are sharper (see the notes), and still
    not unit vectors. Where descent stops is held against an earlier run, sums of rows against the authors' files.

    In the limit of large mu, descent that has learned k moments has the p of least norm that predicts polynomials of
    degree below k: 1 / T everywhere for k = 1, a line for k = 2. Rows of the figure are held against the nearest.
    """

    title: ClassVar = "Concentrated phases make positions smooth, since descent sees few directions"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 6 and section 4.3"
    claims: ClassVar = (
        Claim("stops", "Descent stops where it did before.", "largest |steps - those before|", "at most", 1.0),
        Claim("saved", "It ends at the same weights.", "largest |p_T - that before|", "at most", 2e-3),
        Claim("sums", "Their rows sum to as much.", "largest |sum without p_T - theirs|", "at most", 0.01),
        Claim("samples", "On samples it stops there, too.", SAMPLES, "at most", 0.1),
        Claim("smoother", "Larger mu, smoother weights.", RISE, "at most", 0.0),
        Claim("early", "Training on makes them sharper.", SHARPER, "at least", 1.1),
        Claim("condition", "The Hessian is singular to any float.", "least log10 of its condition", "at least", 16.0),
        Claim("near", "Stopped rows are near rows of least norm.", NEAR, "at most", 0.5),
        Claim("fewer", "These have fewer moments where mu is larger.", FEWER, "at most", 0.0),
        Claim("least-norm", "At mu = 10^4 two moments are learned.", "distance to the least norm", "at most", 0.01),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "mus": (200.0, 300.0), "batch_size": 200},
        "quick": {},
        "paper": {"seeds": 10},
    }

    seeds: int = 3
    mus: tuple[float, ...] = tuple(STOPS)
    num_states: int = 30
    learning_rate: float = 0.5
    num_steps: int = 100_000
    tolerance: float = 1e-3
    batch_size: int = 1000
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "num_states", "num_steps", "batch_size"):
            check_count(name, getattr(self, name))
        check_count("num_states", self.num_states, minimum=3)
        check_count("first_seed", self.first_seed, minimum=0)
        for name in ("learning_rate", "tolerance"):
            check_positive(name, getattr(self, name))
        unknown = [mu for mu in self.mus if mu not in STOPS]
        if unknown or list(self.mus) != sorted(self.mus) or len(self.mus) < 2:
            raise ValueError(
                f"`mus` must be some of {', '.join(map(str, STOPS))}, two or more, rising; got {self.mus}."
            )

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.num_states, self.learning_rate, self.num_steps, self.tolerance)
        laws = {f"mu = {mu:g}": RowsCell(mu, *sizes) for mu in (*self.mus, LARGE)}
        samples = (SampledCell(RowsCell(mu, *sizes), self.batch_size, self.seeds, self.first_seed) for mu in self.mus)
        return (
            *(Cell(label, law) for label, law in laws.items()),
            *(Cell(f"mu = {each.rows.mu:g}, on samples", each) for each in samples),
        )

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        of = cell.config
        arrays = descend_on_samples(of) if isinstance(of, SampledCell) else descend(of)
        workspace.report(1, 1, f"stopped after {np.mean(arrays['stop']):.0f} steps")
        return arrays

    def summarise(self, results: list[Arrays]) -> Summary:
        num_laws = len(self.mus)
        return Summary(results[:num_laws], results[num_laws + 1 :], results[num_laws])

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        stops = np.array([arrays["stop"] for arrays in summary.laws])
        rows = np.array([arrays["stopped"][-1] for arrays in summary.laws])
        end = np.array([arrays["ended"][-1, -1] for arrays in summary.laws])
        before, last, sums = (np.array([of[mu] for mu in self.mus]) for of in (STOPS, LAST, SUMS))
        moments, distances = np.transpose([nearest_least_norm(row) for row in rows])
        numbers = {
            "stops": np.abs(stops - before).max(),
            "saved": np.abs(rows[:, -1] - last).max(),
            "sums": np.abs(rows[:, :-1].sum(axis=1) - sums).max(),
            "smoother": np.diff(rows[:, -1]).max(),
            "early": (end / rows[:, -1]).min(),
            "condition": np.min([np.ptp(arrays["spectrum"]) for arrays in summary.laws]),
            "near": distances.max(),
            "fewer": np.diff(moments).max(),
            "least-norm": np.linalg.norm(summary.limit["ended"][-1] - smoothest(self.num_states, 2)),
        }
        sampled = np.array([arrays["stop"] for arrays in summary.samples])
        away = np.abs(sampled / stops[:, None] - 1).max(axis=0)
        return tuple(
            claim.judge(away) if claim.id == "samples" else claim.judge_exact(float(numbers[claim.id]))
            for claim in self.claims
        )

    def notes(self, summary: Summary) -> tuple[str, ...]:
        laws = zip((*self.mus, LARGE), (*summary.laws, summary.limit), strict=True)
        exact = (panels.exact_in_words(mu, of, self.num_steps) for mu, of in laws)
        samples = (panels.sampled_in_words(*each) for each in zip(self.mus, summary.samples, strict=True))
        return *exact, *samples

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure6": panels.three_rows(self.mus, summary.laws, summary.samples, self.num_steps)}
