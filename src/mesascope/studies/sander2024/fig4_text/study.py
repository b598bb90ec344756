"""Figure 4 of Sander et al. 2024: is text nearer to an autoregressive process than shuffled text?"""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from mesascope.data.sources import KingJames
from mesascope.studies.sander2024._shared.text import check_windows
from mesascope.studies.sander2024.fig4_text.forecasts import ForecastCell, ForecastErrors
from mesascope.studies.sander2024.fig4_text.panels import three_panels
from mesascope.studies.sander2024.fig4_text.readings import gains, kept_windows, mean_errors
from mesascope.studies.sander2024.fig4_text.repeats import Repeats, RepeatsCell
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ORDER = "least 1 - error of AR(1) in order / shuffled in windows, over d"
TEXT = "least 1 - error of AR(1) in order / shuffled throughout, over d"
SMALL = "largest 1 - error of AR(1) in order / shuffled, over d and shuffles"
LAST = "largest error / that of the last value"
MEAN = "largest error / that of the mean"
WRONG = "share of windows where that is wrong"
ONE = "share of windows kept by one only"
KEPT = "geometric mean of errors kept, text / shuffled"
ALIKE = f"|{KEPT} - 1|, repeats alike"
EXACT = "Five tokens are fit exactly, unless one has two successors."


class Summary(NamedTuple):
    """What figures and readings are made from: forecasts by the size of states, and windows of few tokens."""

    forecasts: tuple[ForecastErrors, ...]
    repeats: Repeats


class Figure4(AbstractStudy):
    """Real words in order, against the same words shuffled: in windows of 64 tokens, and by the paper's statistic.

    Tokens are the words and marks of the King James Bible, states their GloVe vectors. *Long windows*: states are the
    first d principal components, so that a window has many more tokens than d; W is ridge regression's on the first
    half of a window, errors are those of one step in its second half, penalties are tuned on other windows, for each
    order by itself. Shuffling a window keeps what it is about; shuffling throughout keeps only how often words occur.

    *The paper's statistic*: windows of five tokens, vectors of norm one, A fitted by least squares to the four pairs
    and judged on the same ones, rolled out from the first token; only errors above 1e-12 are shown. With more
    coordinates than pairs A is exact wherever no token has two successors. So what is kept, and shown, is the windows
    with a token that is repeated and goes on in two ways: a count of repetitions, whatever the vectors are.

    What is found. Order helps AR(1), by about a hundredth of the error; one matrix fitted to all other windows, which
    learns nothing in context, helps more. Fewer of the text's windows are kept than of shuffled ones, since a frequent
    word seldom comes twice in five tokens of a sentence. Those kept have the larger errors, and not because of other
    repeats: what follows a repeated word differs more in a sentence than among shuffled words (see the numbers).
    """

    title: ClassVar = "Text is a little nearer to an autoregressive process than shuffled text"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 4; other text and vectors"
    claims: ClassVar = (
        Claim("order", "The order of words in a window helps AR(1).", ORDER, "at least", 0.0, "bootstrap"),
        Claim("text", "Text is nearer to AR(1) than shuffled text.", TEXT, "at least", 0.0, "bootstrap"),
        Claim("small", "By little.", SMALL, "at most", 0.1, "bootstrap"),
        Claim("last", "AR(1) beats the last value.", LAST, "at most", 1.0, "bootstrap"),
        Claim("mean", "AR(1) beats the mean.", MEAN, "at most", 1.0, "bootstrap"),
        Claim("exact", EXACT, "their largest MSE", "at most", 1e-12, "every seed"),
        Claim("kept", "The statistic keeps all others.", WRONG, "at most", 0.0, "every seed"),
        Claim("random", "Random vectors keep the same windows.", ONE, "at most", 0.0, "every seed"),
        Claim("paper", "Of those kept, text's have smaller errors than shuffled text's.", KEPT, "at most", 1.0),
        Claim("alike", "Where repeats are alike, so are errors.", ALIKE, "at most", 0.1),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "dims": (4,), "num_windows": 100, "num_short": 300},
        "quick": {},
        "paper": {"seeds": 10, "dims": (8, 16, 32), "num_windows": 4000, "num_short": 10_000},
    }

    seeds: int = 3
    """Shuffles of the text, and draws of windows, each from a seed of its own."""
    dims: tuple[int, ...] = (8,)
    """Sizes of a state in long windows."""
    num_states: int = 64
    """States in a long window."""
    num_windows: int = 2000
    """Long windows that errors are measured on."""
    num_short: int = 5000
    """Windows of five tokens a seed."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "num_states", "num_windows", "num_short"):
            check_count(name, getattr(self, name))
        check_windows(self.num_states, *self.dims)
        if not self.dims or len(set(self.dims)) < len(self.dims):
            raise ValueError(f"`dims` must be different numbers, at least one; got {self.dims}.")

    def cells(self) -> tuple[Cell, ...]:
        source, seeds = KingJames(), (self.seeds, self.first_seed)
        long = (ForecastCell(source, self.num_states, dim, self.num_windows, *seeds) for dim in self.dims)
        short = RepeatsCell(source, self.num_short, *seeds)
        return *(Cell(f"d = {each.dim}", each) for each in long), Cell("five tokens", short)

    def summarise(self, results: list[Arrays]) -> Summary:
        *forecasts, repeats = results
        return Summary(tuple(ForecastErrors(**each) for each in forecasts), Repeats(**repeats))

    def readings(self, summary: Summary) -> Readings:
        forecasts, repeats = summary
        return {**gains(forecasts), **kept_windows(repeats), **mean_errors(forecasts)}

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure4": three_panels(self.dims, *summary)}
