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


AHEAD = "E the mean squared error of ridge AR(1) one step ahead in the second half of windows of 64 words"
STATISTIC = "roll-out errors above 1e-12 in windows of five words (GloVe, King James), text / shuffled text"
CLAIMS = (
    Claim(
        "text",
        "An autoregressive fit predicts text better than words shuffled throughout the text.",
        f"least over d of 1 - E of text / E of words shuffled throughout, {AHEAD}",
        "at least",
        0.0,
        over="bootstrap",
        kind="paper",
        restates="figure 4, in windows longer than d",
    ),
    Claim(
        "paper",
        "Five words of text have smaller errors than five shuffled words, by figure 4's statistic.",
        f"geometric mean of {STATISTIC}",
        "at most",
        1.0,
        over="every seed",
        kind="paper",
        restates="figure 4, by its own statistic",
    ),
    Claim(
        "repeats",
        "Fewer windows of text than of shuffled text have errors above 1e-12.",
        "share of windows of five words with a roll-out error above 1e-12, text / shuffled text",
        "at most",
        1.0,
        over="every seed",
    ),
    Claim(
        "alike",
        "If the same places repeat a word, text and shuffled errors agree within 10%.",
        "|geometric mean of roll-out errors above 1e-12, text / shuffled text - 1|, compared among windows of"
        " five words with the same places of equal words, weighted as in text",
        "at most",
        0.1,
        over="every seed",
    ),
    Claim(
        "order",
        "The order of words within a window lowers the error of ridge AR(1).",
        f"least over d of 1 - E of text / E of words shuffled in their window, {AHEAD}",
        "at least",
        0.0,
        over="bootstrap",
    ),
    Claim(
        "small",
        "The order of words lowers the error of ridge AR(1) by at most 10%.",
        f"largest over d and both shuffles of 1 - E of text / E of shuffled text, {AHEAD}",
        "at most",
        0.1,
        over="bootstrap",
    ),
    Claim(
        "mean",
        "Ridge AR(1) predicts text better than the mean of the window's first half.",
        f"largest over d of E of text / error of the mean of the first half, {AHEAD}",
        "at most",
        1.0,
        over="bootstrap",
    ),
)


class Summary(NamedTuple):
    """What figures and readings are made from: forecasts by the size of states, and windows of few tokens."""

    forecasts: tuple[ForecastErrors, ...]
    repeats: Repeats


class Figure4(AbstractStudy):
    """**Question.** Is text nearer to an autoregressive process s_{t+1} = W s_t than the same words shuffled?

    **Setting.** The words and marks of the King James Bible, each as its GloVe vector (50 entries). Figure 4's
    statistic: windows of five words, vectors of norm one; W is the least-squares fit to the four pairs; the error is
    that of the roll-out W^t s_1 on the same five words, and only windows with errors above 1e-12 are kept.

    **What the paper says.** Figure 4: the errors are smaller for text than for shuffled text, which supports the
    autoregressive model of tokens.

    **What we measure.** The same statistic. With more entries than pairs the fit is exact unless a word comes twice
    with different successors, whatever the vectors are. The statistic counts repeated words; the share of windows with
    such a word is measured, too. A test of the process itself: windows of 64 words, the first d = 8, 16 or 32 principal
    components, W by ridge regression on a window's first half (ridge AR(1)), errors one step ahead in the second half,
    penalties from other windows. The rivals are words shuffled in their window, words shuffled throughout, the first
    half's mean, and one W for all windows.

    **Found here.** The statistic keeps fewer windows of text than of shuffled text.

    **Differences.** Vectors, words and corpus differ from the authors' (GPT-2 large, its tokens, Moby Dick).

    **Limits.** One text and one set of vectors. Ridge AR(1) sees 32 words only.
    """

    title: ClassVar = "Text is a little nearer to an autoregressive process than shuffled text"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 4; other text and vectors"
    claims: ClassVar = CLAIMS
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
    """Windows of five words a seed."""
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
