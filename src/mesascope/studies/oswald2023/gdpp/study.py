"""GD++ of von Oswald et al. 2023 (appendix A.10): what it is, and how good it can be."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.oswald2023._shared.proposition import shape_label
from mesascope.studies.oswald2023.gdpp.degree import Degree, Degrees
from mesascope.studies.oswald2023.gdpp.layers import LayerErrors, UpdateCell
from mesascope.studies.oswald2023.gdpp.panels import three_panels
from mesascope.studies.oswald2023.gdpp.rates import Fitted, FittedRates, Tuned, TunedRates
from mesascope.studies.oswald2023.gdpp.readings import GD, SHARED, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp_optimum import FAMILIES
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHAPES = ((3, 4, 7), (10, 1, 10), (20, 3, 40))  # dim_x, dim_y, number of examples
DEPTHS = (1, 2, 3, 5, 10)  # at the paper's size

ERROR = "largest error of a prediction or a context token in float64"
FILTER_ERROR = "largest error of a prediction in float64"
HESSIAN_ERROR = "largest error of an eigenvalue in float64"
DEGREE = "largest difference of the degree, in exact arithmetic"
DEVIATION = "largest |mean error over prompts - formula|, in standard errors"
EXCESS = "largest |loss at the tuned rates / at the fitted rates - 1|, on the tasks of both"
GAIN = "largest ratio of the best loss of GD++ to that of GD"
STEPS_GAIN = "largest ratio of the best loss to that with shared rates"


def families_of(depths: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    """Families and numbers of steps; a single step is the same in all families."""
    return tuple((family, depth) for depth in depths for family in FAMILIES if depth > 1 or family == GD)


class GDPlusPlusStudy(AbstractStudy):
    """GD++ is a layer of linear attention that also transforms the inputs, and a filter of high degree.

    A layer with W_V = [[I, 0], [W_0, -I]] and P = diag(-gamma I, (eta / N) I) makes the step (x_j, y_j) <- (x_j -
    gamma X X^T x_j, y_j - dW x_j) on every token. For random prompts the stack, with shared rates or its own in every
    layer, is held against that update; from W_0 = 0 also against a polynomial filter of the eigenvalues of S = X X^T.
    The degree of the filter is found by running the update in rational numbers and interpolating the answers exactly.

    The best rates are found twice: by a closed form of the loss, given the spectra of tasks, and by tuning the
    algorithm on prompts of the same tasks. Both descend on one half of the tasks, and of the points on their way
    return the one that is best on all. Gradient descent and GD++ have rates that all steps share, or rates for each.

    What we found. The exact claims hold to rounding. Shared rates have one minimum, which both ways find within a few
    parts in a thousand as long as K <= 3. Deeper algorithms have losses with heavy tails: a single task with a large
    eigenvalue can double the mean of thousands, and where the two ways disagree (K = 10, and rates for each step) they
    disagree about such tasks. Losses of K = 10 belong to the sampled tasks more than to the distribution.

    Rates for each step have many local minima. Good ones are near a closed form that is ours: with eta_k / N = gamma_k
    = 4 9^k / (3 M) every step triples the angle t of s = M sin(t)^2, the filter is sin(3^K t) / (3^K sin(t)), and the
    loss falls by up to 9 with every step, until an eigenvalue exceeds M. Since none exceeds N dim_x a^2, there are
    rates that never explode; their losses are among the numbers.
    """

    title: ClassVar = "GD++, which transforms its data, is a stack of attention layers and a filter of high degree"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), section 2 and appendix A.10"
    claims: ClassVar = (
        Claim(
            "stack",
            "The explicit layers make GD++ steps on every token, whatever W_0.",
            ERROR,
            "at most",
            1e-12,
            "one number",
        ),
        Claim("filter", "From W_0 = 0 GD++ is a filter of X X^T.", FILTER_ERROR, "at most", 1e-12, "one number"),
        Claim("hessian", "The map makes l (1 - gamma l)^2 of l.", HESSIAN_ERROR, "at most", 1e-12, "one number"),
        Claim(
            "degree", "K = 1, 2, 3 steps are a filter of degree (3^K - 1) / 2.", DEGREE, "at most", 0.0, "one number"
        ),
        Claim("loss", "The filter gives the population loss.", DEVIATION, "at most", 5.0, "every seed"),
        Claim(
            "best",
            "Tuning with shared rates finds the theory's minimum.",
            EXCESS,
            "at most",
            0.02,
            "every seed",
            decided_by="paper",
        ),
        Claim(
            "best-per-step",
            "Tuning rates for each step does, too.",
            EXCESS,
            "at most",
            0.02,
            "every seed",
            decided_by="paper",
        ),
        Claim("gain", "From two steps on, GD++ is much better than GD.", GAIN, "at most", 0.75, "every seed"),
        Claim(
            "gain-per-step", "Rates for each step make GD++ better still.", STEPS_GAIN, "at most", 0.95, "every seed"
        ),
    )
    presets: ClassVar = {
        "smoke": {"num_prompts": 500, "num_examples": 5, "dim_x": 4, "depths": (2,), "tuned": ((GD, 2),)},
        "quick": {},
        "paper": {"seeds": 3, "depths": DEPTHS, "tuned": families_of(DEPTHS), "num_prompts": 4000, "shapes": SHAPES},
    }

    seeds: int = 1
    """Draws of tasks, each from a key of its own."""
    depths: tuple[int, ...] = (1, 2, 3)
    """Numbers of steps whose best rates are found."""
    tuned: tuple[tuple[str, int], ...] = ((SHARED, 2),)
    """Families of algorithms, and numbers of steps, whose rates are found by tuning on prompts, too."""
    num_prompts: int = 2000
    """Prompts that rates are made for, and as many held out."""
    shapes: tuple[tuple[int, int, int], ...] = SHAPES[:1]
    """Sizes of an input and of an output, and examples in a prompt, of what is compared exactly."""
    num_layers: int = 4
    """Layers of the stacks that are compared exactly."""
    num_compared: int = 20
    """Prompts that they are compared on."""
    num_degrees: int = 3
    """Steps up to which the degree is found in exact arithmetic."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_prompts", "num_layers", "num_compared", "num_degrees"):
            check_count(name, getattr(self, name))
        for depth in self.depths:
            check_count("depths", depth)
        if max(self.depths, default=0) < 2 or not self.shapes:
            raise ValueError("`depths` must hold a depth of at least 2, and `shapes` a shape: claims are about them.")
        if not self.tuned or not set(self.tuned) <= set(families_of(self.depths)):
            raise ValueError(f"`tuned` must hold some of {families_of(self.depths)}; got {self.tuned!r}.")
        self._task()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        sizes = self.num_layers, self.num_compared, self.seeds
        exact = (Cell(shape_label(shape), UpdateCell(*shape, *sizes)) for shape in self.shapes)
        drawn = self._task(), self.num_prompts, self.first_seed, self.seeds
        fitted = (Cell(f"{of[0]}, K = {of[1]}", FittedRates(*of, *drawn)) for of in families_of(self.depths))
        tuned = (Cell(f"{of[0]}, K = {of[1]}, tuned", TunedRates(*of, *drawn)) for of in self.tuned)
        return (*exact, Cell("degrees", Degree(self.num_degrees)), *fitted, *tuned)

    def summarise(self, results: list[Arrays]) -> Summary:
        num_shapes, families = len(self.shapes), families_of(self.depths)
        layers, (degrees, *rates) = results[:num_shapes], results[num_shapes:]
        fitted, tuned = rates[: len(families)], rates[len(families) :]
        return Summary(
            tuple(LayerErrors(**each) for each in layers),
            Degrees(**degrees),
            {of: Fitted(**each) for of, each in zip(families, fitted, strict=True)},
            {of: Tuned(**each) for of, each in zip(self.tuned, tuned, strict=True)},
        )

    def readings(self, summary: Summary) -> Readings:
        return readings(summary, self._task())

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"gdpp": three_panels(summary, self._task())}

    def _task(self) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
