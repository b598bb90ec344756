"""An open question of Sander et al. 2024: how fast position weights are learned, by the law of W."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.studies._base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.studies._claim import Claim, Verdict
from mesascope.studies._panels import REFERENCE
from mesascope.theory.position_only import descent_losses, moment_matrix, steps_to
from mesascope.training.exact import Descent, fit_exact
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNIFORM = (1.0, 2.0, 4.0)  # laws for which H is the identity
DEVIATION = "largest |loss / law - 1| on the way, for losses over 1e-9"
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


class LawCell(NamedTuple):
    """Descent on one law: exactly, and step by step for `num_steps`."""

    mu: float
    num_positions: int
    learning_rate: float
    num_steps: int


class Proposition7(AbstractStudy):
    """Concentrated phases are learned roughly sooner and exactly later; the spectrum of H says when.

    One row of position weights, T of them, is trained by gradient descent from zero on the loss p^T H p - 2 h^T p + 1
    (no mixing, see `theory/position_only.py`). In the eigenbasis of H its loss after k steps is
    sum_j (1 - 2 rate l_j)^(2k) h_j^2 / l_j: each direction is learned after about 1 / (2 rate l_j) steps. For mu = 1, 2
    and 4, H is the identity and one rate rules, (1 - 2 rate)^(2k). The larger mu, the fewer directions matter at first:
    averaging already predicts slow phases. But the next direction is orders of magnitude slower: the last digits take
    longer than any training. The law is held against descent run step by step in float64.
    """

    title: ClassVar = "Smooth phases are soon predicted roughly, and never exactly"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), proposition 7 and open question"
    claims: ClassVar = (
        Claim(
            "exact",
            "The law is descent's.",
            "largest |loss / law - 1| on the way, for losses over 1e-9",
            "at most",
            1e-6,
        ),
        Claim("identity", "At mu = 1, 2, 4 one rate rules.", "largest |steps - closed form|", "at most", 1.0),
        Claim(
            "sooner", "Larger mu reaches 0.1 sooner.", "largest ratio of steps from one mu to the next", "at most", 1.0
        ),
        Claim("later", "And 1e-6 later.", "steps at the largest mu / at mu = 1", "at least", 100.0),
        Claim("slope", "Steps count directions.", "most directions learned at 1e-3 / (4 T / mu + 3)", "at most", 1.0),
    )
    presets: ClassVar = {"smoke": {"num_steps": 2000}, "quick": {}, "paper": {"num_steps": 1_000_000}}

    seeds: int = 1
    mus: tuple[float, ...] = (10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 1000.0)
    num_positions: int = 30
    learning_rate: float = 0.5 / 29
    num_steps: int = 100_000

    def __check_init__(self):
        check_count("num_positions", self.num_positions, minimum=2)
        check_count("num_steps", self.num_steps)
        check_positive("learning_rate", self.learning_rate)
        if list(self.mus) != sorted(self.mus) or len(self.mus) < 2 or min(self.mus) <= max(UNIFORM):
            raise ValueError(f"`mus` must be two or more above {max(UNIFORM):g}, rising; got {self.mus}.")
        if self.seeds != 1:
            raise ValueError(f"`seeds` must be 1, since nothing here is random; got {self.seeds}.")

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.num_positions, self.learning_rate, self.num_steps)
        return tuple(Cell(f"mu = {mu:g}", LawCell(mu, *sizes)) for mu in (*UNIFORM, *self.mus))

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        arrays = both_descents(cell.config)
        workspace.report(1, 1, cell.label)
        return arrays

    def summarise(self, results: list[Arrays]) -> dict[float, Arrays]:
        return dict(zip((*UNIFORM, *self.mus), results, strict=True))

    def verdicts(self, summary: dict[float, Arrays]) -> tuple[Verdict, ...]:
        steps = np.array([summary[mu]["steps_to"] for mu in self.mus])
        shrink = 2 * np.log1p(-2 * self.learning_rate)
        closed = np.ceil(np.log(TOLERANCES) / shrink)
        learned = [self._num_learned(summary[mu]) / (4 * self.num_positions / mu + 3) for mu in self.mus]
        numbers = {
            "exact": max(float(of["deviation"]) for of in summary.values()),
            "identity": max(np.abs(summary[mu]["steps_to"] - closed).max() for mu in UNIFORM),
            "sooner": (steps[1:, 0] / steps[:-1, 0]).max(),
            "later": steps[-1, -1] / summary[1.0]["steps_to"][-1],
            "slope": max(learned),
        }
        return tuple(claim.judge_exact(float(numbers[claim.id])) for claim in self.claims)

    def _num_learned(self, of: Arrays) -> int:
        """The directions that the loss of 1e-3 took: those with 2 rate l k > 1 at that step k."""
        return int(np.sum(2 * self.learning_rate * of["spectrum"] * of["steps_to"][TOLERANCES.index(1e-3)] > 1))

    def notes(self, summary: dict[float, Arrays]) -> tuple[str, ...]:
        told = ", ".join(f"{tolerance:g}" for tolerance in TOLERANCES)
        return tuple(
            f"mu = {mu:g}: steps to a loss of {told}: {', '.join(f'{k:.3g}' for k in of['steps_to'])}."
            for mu, of in summary.items()
        )

    def figures(self, summary: dict[float, Arrays]) -> "dict[str, Figure]":
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.5), layout="constrained")
        losses, steps = figure.subplots(1, 2)
        for mu, of in summary.items():
            if mu in (1.0, *self.mus[::2]):
                losses.loglog(of["steps"][1:], of["losses"][1:], label=f"mu = {mu:g}")
                losses.loglog(of["steps"][1:], of["law"][1:], **{**REFERENCE, "linewidth": 0.8})
        losses.set(xlabel="step", ylabel="loss (dashed: the law)", ylim=(1e-10, 2))
        losses.legend(fontsize="small")
        for i, tolerance in enumerate(TOLERANCES):
            steps.loglog(self.mus, [summary[mu]["steps_to"][i] for mu in self.mus], "o-", label=f"to {tolerance:g}")
        steps.set(xlabel="mu", ylabel="steps")
        steps.legend(fontsize="small")
        return {"convergence": figure}


def both_descents(cell: LawCell) -> Arrays:
    """The law's losses, those of descent run step by step, and the steps to each of the tolerances."""
    moments = moment_matrix(cell.num_positions, cell.mu)
    with jax.enable_x64(True):
        trained = fit_exact(
            lambda p: p @ moments @ p - 2 * p @ moments[:, -1] + 1,
            lambda key: jnp.zeros(cell.num_positions),
            Descent(cell.learning_rate),
            keys=jax.random.split(jax.random.key(0), 1),
            num_steps=cell.num_steps,
        )
        losses = np.asarray(trained.losses)[0]
    law = descent_losses(cell.num_positions, cell.mu, cell.learning_rate, trained.steps)
    seen = law > 1e-9  # below, both are differences of numbers near one
    return {
        "steps": trained.steps,
        "losses": losses,
        "law": law,
        "deviation": np.abs(losses[seen] / law[seen] - 1).max(),
        "spectrum": np.linalg.eigvalsh(moments),
        "steps_to": np.array([steps_to(t, cell.num_positions, cell.mu, cell.learning_rate) for t in TOLERANCES]),
    }
