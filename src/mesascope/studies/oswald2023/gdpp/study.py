"""GD++ of von Oswald et al. 2023 (appendix A.10): what it is, and how good it can be."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.oswald2023._shared.proposition import shape_label
from mesascope.studies.oswald2023.gdpp import panels as panels
from mesascope.studies.oswald2023.gdpp import readings as read
from mesascope.studies.oswald2023.gdpp.degree import Degree
from mesascope.studies.oswald2023.gdpp.layers import Shape
from mesascope.studies.oswald2023.gdpp.rates import Comparison
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import drawn_spectra
from mesascope.theory.gdpp_optimum import FAMILIES
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHAPES = ((3, 4, 7), (10, 1, 10), (20, 3, 40))  # dim_x, dim_y, number of examples
DEGREES = 3  # steps up to which the degree is found in exact arithmetic

ERROR = "largest error of a prediction or a context token in float64"
FILTER_ERROR = "largest error of a prediction in float64"
HESSIAN_ERROR = "largest error of an eigenvalue in float64"
DEGREE = "largest difference of the degree, in exact arithmetic"
DEVIATION = "largest |mean error over prompts - formula|, in standard errors"
EXCESS = "largest |loss at the tuned rates / at the fitted rates - 1|, on the tasks of both"
GAIN = "largest ratio of the best loss of GD++ to that of GD"
STEPS_GAIN = "largest ratio of the best loss to that with shared rates"


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
    rates that never explode; their losses are in the notes.
    """

    title: ClassVar = "GD++, which transforms its data, is a stack of attention layers and a filter of high degree"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), section 2 and appendix A.10"
    claims: ClassVar = (
        Claim("stack", "The explicit layers make GD++ steps on every token, whatever W_0.", ERROR, "at most", 1e-12),
        Claim("filter", "From W_0 = 0 GD++ is a filter of X X^T.", FILTER_ERROR, "at most", 1e-12),
        Claim("hessian", "The map makes l (1 - gamma l)^2 of l.", HESSIAN_ERROR, "at most", 1e-12),
        Claim("degree", "K = 1, 2, 3 steps are a filter of degree (3^K - 1) / 2.", DEGREE, "at most", 0.0),
        Claim("loss", "The filter gives the population loss.", DEVIATION, "at most", 5.0),
        Claim("best", "Tuning with shared rates finds the theory's minimum.", EXCESS, "at most", 0.02),
        Claim("best-per-step", "Tuning rates for each step does, too.", EXCESS, "at most", 0.02),
        Claim("gain", "From two steps on, GD++ is much better than GD.", GAIN, "at most", 0.75),
        Claim("gain-per-step", "Rates for each step make GD++ better still.", STEPS_GAIN, "at most", 0.95),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 1, "depths": (2,), "num_prompts": 500, "num_examples": 5, "dim_x": 4, "shapes": SHAPES[:1]},
        "quick": {"seeds": 1, "depths": (1, 2, 3), "num_prompts": 2000, "shapes": SHAPES[:2]},
        "paper": {"seeds": 3, "depths": (1, 2, 3, 5, 10), "num_prompts": 4000, "shapes": SHAPES},
    }

    seeds: int = 1
    depths: tuple[int, ...] = (1, 2, 3)
    num_prompts: int = 2000
    shapes: tuple[tuple[int, int, int], ...] = SHAPES[:2]
    num_examples: int = 10
    dim_x: int = 10
    input_scale: float = 0.5
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "num_prompts"):
            check_count(name, getattr(self, name))
        for depth in self.depths:
            check_count("depths", depth)
        if max(self.depths, default=0) < 2 or not self.shapes:
            raise ValueError("`depths` must hold a depth of at least 2, and `shapes` a shape: claims are about them.")
        check_count("first_seed", self.first_seed, minimum=0)
        self._task()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        exact = (Cell(shape_label(shape), Shape(*shape, 4, 20, self.seeds)) for shape in self.shapes)
        comparisons = (
            Cell(
                f"{family}, K = {depth}",
                Comparison(family, depth, self._task(), self.num_prompts, self.first_seed, self.seeds),
            )
            for family, depth in self._compared()
        )
        return (*exact, Cell("degrees", Degree(DEGREES)), *comparisons)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        arrays = cell.config.measure()
        workspace.report(1, 1, cell.label)
        return arrays

    def summarise(self, results: list[Arrays]) -> list[Arrays]:
        return results

    def verdicts(self, summary: list[Arrays]) -> tuple[Verdict, ...]:
        num_shapes = len(self.shapes)
        errors = read.largest_errors(summary[:num_shapes], summary[num_shapes]["degree"])
        per_seed = read.per_seed(self._comparisons(summary))
        return tuple(
            claim.judge_exact(errors[claim.id]) if claim.id in errors else claim.judge_every(per_seed[claim.id])
            for claim in self.claims
        )

    def notes(self, summary: list[Arrays]) -> tuple[str, ...]:
        return read.remarks(self._comparisons(summary), self._task())

    def figures(self, summary: list[Arrays]) -> "dict[str, Figure]":
        spectra = drawn_spectra(self.num_examples, self.dim_x, self.input_scale, 2000, 0)
        return {"gdpp": panels.gdpp(self._comparisons(summary), spectra)}

    def _comparisons(self, summary: list[Arrays]) -> read.Comparisons:
        return dict(zip(self._compared(), summary[len(self.shapes) + 1 :], strict=True))

    def _compared(self) -> list[tuple[str, int]]:
        """Families and depths; a single step is the same in all families."""
        return [(family, depth) for depth in self.depths for family in FAMILIES if depth > 1 or family == read.GD]

    def _task(self) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
