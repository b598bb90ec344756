"""GD++ of von Oswald et al. 2023 (appendix A.10): what it is, and how good it can be."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.oswald2023.gdpp.panels import three_panels
from mesascope.studies.oswald2023.gdpp.rates import Fitted, FittedRates, Tuned, TunedRates
from mesascope.studies.oswald2023.gdpp.readings import GD, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp_optimum import FAMILIES
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DEPTHS = (1, 2, 3, 5, 10)  # at the paper's size


def families_of(depths: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    """Families and numbers of steps; a single step is the same in all families."""
    return tuple((family, depth) for depth in depths for family in FAMILIES if depth > 1 or family == GD)


class GDPlusPlusStudy(AbstractStudy):
    """**Question.** How much less can K steps of GD++ lose than K gradient steps?

    **Setting.** Linear regression, N = d = 10, x uniform on [-a, a], a = 1/2. With y = wᵀx, a step of GD++ is y ← y -
    (η/N) Σ yᵢxᵢᵀx and x ← (I - γXXᵀ)x on all tokens, the query's y from 0. A step turns an eigenvalue sₖ of XXᵀ into
    sₖ₊₁ = sₖ(1 - γsₖ)². K steps leave the error r(s₀) = Π(1 - ηsₖ/N) times w, a polynomial of degree (3ᴷ - 1)/2.

    **What the paper says.** Appendix A.10: GD++ improves the conditioning of the problem and beats gradient descent.

    **What we measure.** The expected loss, a²/6 times the mean over tasks of Σr(s)². Rates, one for all steps or one
    for each, are found by least squares on half of the tasks and judged on the others. A second search tunes the
    algorithms on prompts of the same tasks.

    **Found here.** Rates for each step gain more. Closed-form rates also beat gradient descent: η/N = γ = 4·9ᵏ/(3M) at
    step k < K, M = N d a² above all eigenvalues, give r = sin(3ᴷt)/(3ᴷ sin t) at s = M sin²t.

    **Differences.** The text says x in [-1, 1]; the code draws from [-1/2, 1/2].

    **Limits.** Losses of deep algorithms have heavy tails: one task with a large eigenvalue can double the mean of
    thousands. Rates for each step have many local minima.
    """

    title: ClassVar = "GD++, which transforms its data, beats gradient descent"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), section 2 and appendix A.10"
    claims: ClassVar = (
        Claim(
            "gain",
            "From two steps on, GD++ has a quarter less loss than as many gradient steps.",
            "loss of K steps of GD++ with the best η and γ / of K gradient steps with the best η, largest over K > 1",
            "at most",
            0.75,
            "every seed",
            kind="paper",
            restates="appendix A.10: GD++ beats gradient descent",
        ),
        Claim(
            "gain-per-step",
            "Separate rates for each step give GD++ 5% less loss than shared rates.",
            "loss of K steps of GD++ with the best rates for each step / with the best shared rates, largest over"
            " K > 1",
            "at most",
            0.95,
            "every seed",
        ),
        Claim(
            "closed-form",
            "From three steps on, closed-form GD++ has a quarter less loss than gradient descent.",
            "largest over K > 2 of loss with η/N = γ = 4·9ᵏ/(3 N d a²) / loss of gradient descent with the best η",
            "at most",
            0.75,
            "every seed",
        ),
    )
    presets: ClassVar = {
        "smoke": {"num_prompts": 500, "num_examples": 5, "dim_x": 4, "depths": (2,), "tuned": ((GD, 2),)},
        "quick": {},
        "paper": {"seeds": 3, "depths": DEPTHS, "tuned": families_of(DEPTHS), "num_prompts": 4000},
    }

    seeds: int = 1
    """Draws of tasks, each from a key of its own."""
    depths: tuple[int, ...] = (1, 2, 3)
    """Numbers of steps whose best rates are found."""
    tuned: tuple[tuple[str, int], ...] = ()
    """Families of algorithms, and numbers of steps, whose rates are found by tuning on prompts, too."""
    num_prompts: int = 2000
    """Prompts that rates are made for, and as many held out."""
    num_examples: int = 10
    """Examples in a prompt."""
    dim_x: int = 10
    """Size of an input."""
    input_scale: float = 0.5
    """Inputs are uniform on [-input_scale, input_scale]."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_prompts"):
            check_count(name, getattr(self, name))
        for depth in self.depths:
            check_count("depths", depth)
        if max(self.depths, default=0) < 2:
            raise ValueError("`depths` must hold a depth of at least 2: claims are about them.")
        if not set(self.tuned) <= set(families_of(self.depths)):
            raise ValueError(f"`tuned` must hold some of {families_of(self.depths)}; got {self.tuned!r}.")
        self._task()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        drawn = self._task(), self.num_prompts, self.first_seed, self.seeds
        fitted = (Cell(f"{of[0]}, K = {of[1]}", FittedRates(*of, *drawn)) for of in families_of(self.depths))
        tuned = (Cell(f"{of[0]}, K = {of[1]}, tuned", TunedRates(*of, *drawn)) for of in self.tuned)
        return (*fitted, *tuned)

    def summarise(self, results: list[Arrays]) -> Summary:
        families = families_of(self.depths)
        fitted, tuned = results[: len(families)], results[len(families) :]
        return Summary(
            {of: Fitted(**each) for of, each in zip(families, fitted, strict=True)},
            {of: Tuned(**each) for of, each in zip(self.tuned, tuned, strict=True)},
        )

    def readings(self, summary: Summary) -> Readings:
        return readings(summary, self._task())

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"gdpp": three_panels(summary, self._task())}

    def _task(self) -> LinearRegression:
        return LinearRegression(self.num_examples, self.dim_x, input_scale=self.input_scale)
