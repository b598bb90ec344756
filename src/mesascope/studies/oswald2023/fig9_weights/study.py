"""Figure 9 of von Oswald et al. 2023: the weights of trained layers, beside the constructions."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig9_weights.cells import Weights, WeightsCell
from mesascope.studies.oswald2023.fig9_weights.panels import heat_maps
from mesascope.studies.oswald2023.fig9_weights.readings import readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression

if TYPE_CHECKING:
    from matplotlib.figure import Figure


READ = "relative distance of W_KQ from a multiple of diag(I, 0)"
BESIDE = "largest entry of W_KQ beside the diagonal / mean of the diagonal"
DIAGONAL = "largest |diagonal entry of W_KQ on x / their mean - 1|"
CURVATURE = "|curvature, minus the mean diagonal entry of P W_V on x, / GD++'s best - 1|"
RATE = "|learning rate, -N times the last entry of P W_V, / the best - 1|"


class Figure9(AbstractStudy):
    """The weights of one trained layer are the construction's; tied layers add a curvature correction.

    Of every trained model the products W_KQ = W_K^T W_Q and P W_V, all that its map depends on, are held against the
    construction of gradient descent (one layer), W_KQ = diag(I_x, 0) and P W_V = diag(0, -eta/N), and of GD++ (one
    layer applied two or three times), P W_V = diag(-gamma I_x, -eta/N) (appendix A.10). The scale gauge
    (W_KQ / s, s P W_V) is fixed by a mean of one on the diagonal of W_KQ on x, which the paper calls a scalar
    correction. Distances are relative, in the Frobenius norm, from the nearest multiple of the construction's blocks:
    the rates are free there, and claims of their own hold them against the best: for one layer the closed form (see
    `theory`), for GD++ the two rates that minimise the expected loss over sampled spectra of X^T X.

    Not all entries of one layer matter to its prediction, the y-entry of the query's token, whose y starts at zero:
    neither do the rows of P W_V that write to x nor the columns of W_KQ that ask for y. They get no gradient of their
    own and keep what their random initial values make of them. They are shown in the heat-maps as they are, and left
    out of the numbers about one layer. In tied layers every entry matters.

    The heat-maps are of the first seed: an average would hide what differs from seed to seed. In this gauge both the
    diagonal of P W_V on x and its last entry are negative, in the construction of GD++ as in trained layers.

    What we found. Of tied layers the two rates arrive last: they are still some percent below the best ones when
    everything else is there (see the notes).
    """

    title: ClassVar = "The trained weights are those of the construction, and of GD++ in tied layers"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 9"
    claims: ClassVar = (
        Claim("one-read", "One layer: W_KQ is the identity on inputs.", READ, "at most", 0.1),
        Claim(
            "one-diagonal",
            "One layer: the diagonal of W_KQ is constant.",
            DIAGONAL,
            "at most",
            0.03,
            decided_by="paper",
        ),
        Claim("one-beside", "One layer: beside the diagonal W_KQ is zero.", BESIDE, "at most", 0.1),
        Claim(
            "one-write",
            "One layer: P W_V writes to y a multiple of y.",
            "relative distance of the rows of P W_V that write to y from a multiple of (0, I)",
            "at most",
            0.1,
        ),
        Claim("one-rate", "One layer: that multiple is the best learning rate.", RATE, "at most", 0.03),
        Claim("tied-read", "Tied layers: W_KQ is the identity on inputs.", READ, "at most", 0.1),
        Claim("tied-beside", "Tied layers: beside the diagonal W_KQ is zero.", BESIDE, "at most", 0.1),
        Claim(
            "tied-write",
            "Tied layers: P W_V is that of GD++.",
            "relative distance of P W_V from a diag(b I, c I)",
            "at most",
            0.1,
        ),
        Claim(
            "tied-not-descent",
            "Tied layers: P W_V is not that of gradient descent.",
            "relative distance of P W_V from a multiple of diag(0, I)",
            "at least",
            0.2,
        ),
        Claim(
            "tied-equal",
            "Tied layers: the entries of P W_V on the diagonal of x are equal.",
            "largest |diagonal entry of P W_V on x / their mean - 1|",
            "at most",
            0.05,
        ),
        Claim(
            "tied-curvature",
            "Tied layers: those entries are the best curvature.",
            CURVATURE,
            "at most",
            0.1,
            decided_by="paper",
        ),
        Claim(
            "tied-rate",
            "Tied layers: the last entry is the best learning rate.",
            RATE,
            "at most",
            0.1,
            decided_by="paper",
        ),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 200, "batch_size": 64, "num_examples": 3, "dim_x": 3},
        "quick": {},
        "paper": {"seeds": 5, "num_steps": 5000, "batch_size": 2048, "tied_depths": (2, 3)},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    num_steps: int = 3000
    """Training steps."""
    batch_size: int = 512
    """Prompts a training step."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    tied_depths: tuple[int, ...] = (3,)
    """How often the tied layers are applied."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        if not self.tied_depths or min(self.tied_depths) < 2:
            raise ValueError(f"`tied_depths` must hold a depth, each at least 2; got {self.tied_depths!r}.")
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        task = LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
        cells = []
        for depth in (1, *self.tied_depths):
            training = stack_training(
                num_repeats=depth,
                num_steps=self.num_steps,
                seeds=self.seeds,
                batch_size=self.batch_size,
                task=task,
                first_seed=self.first_seed,
            )
            cells += [
                Cell(f"depth {depth}: {training.label}", training),
                Cell(f"depth {depth}: weights", WeightsCell(training, task, depth)),
            ]
        return tuple(cells)

    def summarise(self, results: list[Arrays]) -> dict[int, Weights]:
        return {depth: Weights(**of) for depth, of in zip((1, *self.tied_depths), results[1::2], strict=True)}

    def readings(self, summary: dict[int, Weights]) -> Readings:
        return readings(summary)

    def figures(self, summary: dict[int, Weights]) -> "dict[str, Figure]":
        return {"weights": heat_maps({depth: summary[depth] for depth in (1, max(self.tied_depths))})}
