"""Figure 9 of von Oswald et al. 2023: the weights of trained layers, beside the constructions."""

from typing import TYPE_CHECKING, Any, ClassVar

from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig9_weights.cells import Weights, WeightsCell
from mesascope.studies.oswald2023.fig9_weights.panels import heat_maps
from mesascope.studies.oswald2023.fig9_weights.readings import Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


RATE = "|η / best - 1|, η = -N times the last entry of P W_V"
PAPERS: dict[str, Any] = {"over": "every seed", "kind": "paper", "restates": "figure 9"}


class Figure9(AbstractStudy):
    """**Question.** Are the trained weights those of the construction?

    **Setting.** Linear regression, N = d = 10, tokens (x, y). A linear layer depends on W_KQ = W_Kᵀ W_Q and P W_V only.
    The construction of gradient descent has W_KQ = diag(I, 0), P W_V = diag(0, -η/N); GD++ has P W_V = diag(-γI, -η/N).
    The free scale s in (W_KQ / s, s P W_V) gives W_KQ's diagonal on x mean 1.

    **What the paper says.** Figure 9: the weights of one layer resemble the construction perfectly, up to a scale. One
    layer applied three times (tied layers) has these weights and a curvature correction: P W_V's diagonal on x has
    entries of the same size. The last entry is the learning rate.

    **What we measure.** The distance of both products from the nearest of the construction's form, whatever η and γ.
    Then η and γ against the best: for one step in closed form, for GD++ those of least loss over sampled spectra of
    XᵀX. Of one layer, entries that do not reach the prediction are not counted: rows of P W_V that write to x, and
    W_KQ's column for y.

    **Found here.** One layer has the best learning rate of one step, and tied layers have the best curvature of GD++.


    **Differences.** Inputs are uniform on [-1/2, 1/2], as in the code; the text says [-1, 1].

    **Limits.** The maps show the first seed. Two tied layers are in oswald2023-fig3-recurrent.
    """

    title: ClassVar = "The trained weights are those of the construction, and of GD++ in tied layers"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 9"
    claims: ClassVar = (
        Claim(
            "one-read",
            "One layer's W_KQ is a multiple of the identity on x within 10%.",
            "|M - nearest multiple of (I, 0)| / |M|, Frobenius norm, M the columns of W_KQ that ask for x",
            "at most",
            0.1,
            **PAPERS,
        ),
        Claim(
            "one-write",
            "One layer's P W_V writes only a multiple of y to y, within 10%.",
            "|M - nearest multiple of (0, I)| / |M|, Frobenius norm, M the rows of P W_V that write to y",
            "at most",
            0.1,
            **PAPERS,
        ),
        Claim(
            "one-rate",
            "One trained layer's learning rate is within 3% of the best for one gradient step.",
            RATE,
            "at most",
            0.03,
            "every seed",
        ),
        Claim(
            "tied-read",
            "Three tied layers' W_KQ is a multiple of the identity on x within 10%.",
            "|W_KQ - nearest multiple of diag(I, 0)| / |W_KQ|, Frobenius norm",
            "at most",
            0.1,
            **PAPERS,
        ),
        Claim(
            "tied-write",
            "Three tied layers' P W_V has the form of GD++ within 10%.",
            "|P W_V - nearest diag(b I, c)| / |P W_V|, Frobenius norm",
            "at most",
            0.1,
            **PAPERS,
        ),
        Claim(
            "tied-not-descent",
            "Three tied layers' P W_V has a diagonal on x that gradient descent lacks.",
            "|P W_V - nearest diag(0, c)| / |P W_V|, Frobenius norm",
            "at least",
            0.2,
            **PAPERS,
        ),
        Claim(
            "tied-equal",
            "Three tied layers' P W_V has equal diagonal entries on x within 5%.",
            "largest |diagonal entry of P W_V on x / their mean - 1|",
            "at most",
            0.05,
            **PAPERS,
        ),
        Claim(
            "tied-curvature",
            "Three tied layers' curvature correction γ is the best of GD++ within 5%.",
            "|γ / best - 1|, γ = -mean of the diagonal of P W_V on x",
            "at most",
            0.05,
            decided_by="paper",
        ),
        Claim(
            "tied-rate",
            "Three tied layers' learning rate is within 5% of the best rate of GD++.",
            RATE,
            "at most",
            0.05,
            decided_by="paper",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 200, "num_steps_tied": 200, "batch_size": 64, "num_examples": 3, "dim_x": 3},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 5000, "num_steps_tied": 5000, "batch_size": 2048},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    num_steps: int = 2500
    """Training steps of one layer."""
    num_steps_tied: int = 3000
    """Training steps of tied layers."""
    batch_size: int = 512
    """Prompts a training step."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    num_repeats: int = 3
    """How often the tied layers are applied."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        check_count("num_repeats", self.num_repeats, minimum=2)
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        sizes = {"seeds": self.seeds, "batch_size": self.batch_size}
        cells = []
        for depth, num_steps in ((1, self.num_steps), (self.num_repeats, self.num_steps_tied)):
            training = stack_training(
                num_repeats=depth, num_steps=num_steps, **sizes, task=task, first_seed=self.first_seed
            )
            cells += [
                Cell(f"depth {depth}: {training.label}", training),
                Cell(f"depth {depth}: weights", WeightsCell(training, task, depth)),
            ]
        return tuple(cells)

    def summarise(self, results: list[Arrays]) -> Summary:
        return Summary(*(Weights(**of) for of in results[1::2]))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"weights": heat_maps(summary, self.num_repeats)}
