"""Figure 6 of Sander et al. 2024: position weights learned on concentrated phases are smooth."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.studies._claim import Claim, Verdict
from mesascope.studies._position_rows import LawCell, descend, three_rows
from mesascope.theory.position_only import smoothest
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STOPS = {50.0: 886, 100.0: 766, 200.0: 661, 300.0: 473}  # steps of the authors' saved results
LAST = {50.0: 0.456, 100.0: 0.288, 200.0: 0.206, 300.0: 0.141}  # p_T of the last row, cut from their files


class Figure6(AbstractStudy):
    """The more phases are concentrated, the smoother the position weights that gradient descent finds.

    A layer without mixing (B^T A = I, all coordinates alike) has one row p of weights for each length T, and its loss
    is a quadratic form (see `theory/position_only.py`): descent from zero is computed exactly, by eigenvectors.
    The unit vector of the newest state is a minimum whatever the law, but where phases are concentrated the Hessian has
    few eigenvalues that are not negligible, and descent sees nothing else. As the authors do, it is stopped when the
    mean loss over rows is below 0.001; and also run to the end of their 10^5 steps.

    What their figure hides. It draws, and they saved, P times a lower triangle: the entry of the newest state,
    P_{T-1,T}, the largest of its row, is cut off, so that rows look smoother than they are and do not sum to one. Here
    it is drawn. Nor is what they show the end of training: after 10^5 steps the rows are sharper (the notes compare).

    In the limit of large mu, descent that has learned k moments has the p of least norm that predicts polynomials of
    degree below k: 1 / T everywhere for k = 1, a line for k = 2. The last panel shows it on the way.
    """

    title: ClassVar = "Concentrated phases make positions smooth, since descent sees few directions"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 6 and section 4.3"
    claims: ClassVar = (
        Claim("stops", "Descent stops where the authors' did.", "largest |steps - theirs|", "at most", 1.0),
        Claim("saved", "It ends at their weights.", "largest |p_T - theirs|", "at most", 2e-3),
        Claim(
            "smoother", "Larger mu, smoother weights.", "largest rise of p_T from one mu to the next", "at most", 0.0
        ),
        Claim(
            "early", "Training on makes them sharper.", "least ratio of p_T at the end / at the stop", "at least", 1.1
        ),
        Claim("condition", "The Hessian is singular to any float.", "least log10 of its condition", "at least", 16.0),
        Claim("least-norm", "At mu = 10^4 two moments are learned.", "distance to the least norm", "at most", 0.01),
    )
    presets: ClassVar = {"smoke": {}, "quick": {}, "paper": {}}

    seeds: int = 1
    mus: tuple[float, ...] = tuple(STOPS)
    num_states: int = 30
    learning_rate: float = 0.5
    num_steps: int = 100_000
    tolerance: float = 1e-3

    def __check_init__(self):
        check_count("num_states", self.num_states, minimum=3)
        check_count("num_steps", self.num_steps)
        for name in ("learning_rate", "tolerance"):
            check_positive(name, getattr(self, name))
        unknown = [mu for mu in self.mus if mu not in STOPS]
        if unknown or list(self.mus) != sorted(self.mus) or len(self.mus) < 2:
            raise ValueError(
                f"`mus` must be some of {', '.join(map(str, STOPS))}, two or more, rising; got {self.mus}."
            )
        if self.seeds != 1:
            raise ValueError(f"`seeds` must be 1, since nothing here is random; got {self.seeds}.")

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.num_states, self.learning_rate, self.num_steps, self.tolerance)
        return tuple(Cell(f"mu = {mu:g}", LawCell(mu, *sizes)) for mu in (*self.mus, 1e4))

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        arrays = descend(cell.config)
        workspace.report(1, 1, f"stopped after {arrays['stop']} steps")
        return arrays

    def summarise(self, results: list[Arrays]) -> list[Arrays]:
        return results

    def verdicts(self, summary: list[Arrays]) -> tuple[Verdict, ...]:
        *laws, limit = summary
        last = np.array([arrays["stopped"][-1, -1] for arrays in laws])
        end = np.array([arrays["ended"][-1, -1] for arrays in laws])
        slope = smoothest(self.num_states, 2)
        numbers = {
            "stops": max(abs(int(arrays["stop"]) - STOPS[mu]) for mu, arrays in zip(self.mus, laws, strict=True)),
            "saved": np.abs(last - [LAST[mu] for mu in self.mus]).max(),
            "smoother": np.diff(last).max(),
            "early": (end / last).min(),
            "condition": min(arrays["spectrum"][0] - arrays["spectrum"][-1] for arrays in laws),
            "least-norm": np.linalg.norm(limit["ended"][-1] - slope),
        }
        return tuple(claim.judge_exact(float(numbers[claim.id])) for claim in self.claims)

    def notes(self, summary: list[Arrays]) -> tuple[str, ...]:
        return tuple(
            f"mu = {mu:g}: stopped after {int(arrays['stop'])} steps, the last row then ends on "
            f"{arrays['stopped'][-1, -1]:.4f} and sums to {arrays['stopped'][-1].sum():.4f}, to "
            f"{arrays['stopped'][-1, :-1].sum():.4f} without that entry; after {self.num_steps} steps it ends on "
            f"{arrays['ended'][-1, -1]:.4f}; condition of the Hessian 10^{np.ptp(arrays['spectrum']):.1f}."
            for mu, arrays in zip((*self.mus, 1e4), summary, strict=True)
        )

    def figures(self, summary: list[Arrays]) -> "dict[str, Figure]":
        return {"figure6": three_rows(self.mus, summary, self.num_steps)}
