"""Figure 10 of von Oswald et al. 2023: one trained layer applied fifty times, at four dampenings."""

from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.studies.oswald2023._shared.repeated import Repeated, RepeatedCell
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig10_rollout.panels import a_panel_each
from mesascope.studies.oswald2023.fig10_rollout.readings import Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GAP = (
    "largest |loss / gradient descent's loss - 1| over 1 to 50 applications that write to y only, "
    "dampening 0.75 and 0.5"
)
CHANGE = (
    "largest relative change of the loss from one application to the next, writing to y only, dampening 0.75 and 0.5"
)
END = "loss after 50 applications that write to y only / loss of predicting zero, the smaller of dampening 1 and 0.9"
SHARE = (
    "share of seeds where, at dampening 0.75 or at 0.5, some prompt's loss after 50 applications is above"
    " 100 times that of predicting zero"
)
PAPERS: dict[str, Any] = {"kind": "paper", "restates": "figure 10"}


class Figure10(AbstractStudy):
    """**Question.** One trained attention layer makes one gradient step. Does the layer, applied K times, make K steps?

    **Setting.** Linear regression, N = d = 10, inputs uniform on [-1/2, 1/2]. An application adds λ times the layer's
    update to the tokens; the dampening factor λ is 1 (none), 0.9, 0.75 or 0.5. Gradient descent has the rate λη, with η
    the best rate of one step in closed form, and diverges on a prompt exactly when ληs_max/N > 2, s_max the largest
    eigenvalue of XᵀX.

    **What the paper says.** Figure 10: without dampening the loss of the repeated layer soon grows; with enough
    dampening the loss falls with gradient descent's for 50 applications.

    **What we measure.** Validation loss after 1 to 50 applications. The layer writes to y only: the rows of the output
    matrix P that write to x are set to zero. The layer as trained is measured, too. An overflow counts as the largest
    float.

    **Found here.** As trained, the repeated layer explodes (ends above 100 times the zero predictor's loss) on some
    prompts in half of the seeds or more. The loss of one application does not depend on the rows of P that write to x.
    So these rows stay random, and x drifts.

    **Differences.** The paper's text does not say that only y is updated; the authors' notebook does so. The notebook
    tunes η by a line search.

    **Limits.** At λ = 1 and 0.9 the worst prompts decide the mean loss.
    """

    title: ClassVar = "A trained layer applied again and again follows dampened gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 10"
    claims: ClassVar = (
        Claim(
            "silenced",
            "Writing only to y, the layer at dampening 0.75, 0.5 follows gradient descent within 10%.",
            GAP,
            "at most",
            0.1,
            "every seed",
            **PAPERS,
        ),
        Claim(
            "falls",
            "Writing only to y, the repeated layer's loss always falls at dampening 0.75 and 0.5.",
            CHANGE,
            "at most",
            0.0,
            "every seed",
            **PAPERS,
        ),
        Claim(
            "explodes",
            "At dampening 1 and 0.9 the repeated layer has 100 times the zero predictor's loss.",
            END,
            "at least",
            100.0,
            "every seed",
            **PAPERS,
        ),
        Claim(
            "writes-x",
            "In at least half the seeds, repeated layers writing to x explode on some prompt.",
            SHARE,
            "at least",
            0.5,
            "one number",
            decided_by="paper",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 100, "batch_size": 64, "num_prompts": 200},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 5000, "batch_size": 2048, "num_prompts": 10_000},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    num_steps: int = 2500
    """Training steps."""
    batch_size: int = 512
    """Prompts a training step."""
    num_prompts: int = 4000
    """Prompts that losses are measured on."""
    num_rollout: int = 50
    """Applications of the layer, and steps of gradient descent."""
    dampenings: tuple[float, ...] = (1.0, 0.9, 0.75, 0.5)
    """Factors of every update."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_prompts", "num_rollout"):
            check_count(name, getattr(self, name))
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        settings = {"num_steps": self.num_steps, "seeds": self.seeds, "batch_size": self.batch_size}
        training = stack_training(**settings, task=task, first_seed=self.first_seed)
        repeated = RepeatedCell(training, self.num_rollout, self.num_prompts, self.dampenings)
        return Cell(training.label, training), Cell("trained layer", repeated)

    def summarise(self, results: list[Arrays]) -> Summary:
        zero_loss = initial_loss(self.dim_x, self.input_scale)
        return Summary(self.dampenings, Repeated(**results[1]), zero_loss)

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"rollout": a_panel_each(summary)}
