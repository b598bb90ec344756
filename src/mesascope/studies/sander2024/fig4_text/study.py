"""Figure 4 of Sander et al. 2024: is text nearer to an autoregressive process than shuffled text?"""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.data.sources import KingJames
from mesascope.stats import Estimate
from mesascope.studies.sander2024._shared.text import LARGEST, check_num_states
from mesascope.studies.sander2024.fig4_text import panels as panels
from mesascope.studies.sander2024.fig4_text.forecasts import ForecastCell, gains, measure_forecasts
from mesascope.studies.sander2024.fig4_text.forecasts import in_words as forecasts_in_words
from mesascope.studies.sander2024.fig4_text.readings import in_words as repeats_in_words
from mesascope.studies.sander2024.fig4_text.readings import read
from mesascope.studies.sander2024.fig4_text.repeats import RepeatsCell, measure_repeats
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ORDER = "least 1 - error of AR(1) in order / shuffled in windows, over d"
TEXT = "least 1 - error of AR(1) in order / shuffled throughout, over d"
SMALL = "largest 1 - error of AR(1) in order / shuffled, over d and shuffles"
KEPT = "geometric mean of errors kept, text / shuffled"


class Summary(NamedTuple):
    """What figures and verdicts are made from."""

    forecasts: list[Arrays]  # by the size of states
    gains: Arrays
    repeats: Arrays


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
    repeats: what follows a repeated word differs more in a sentence than among shuffled words (see the notes).
    """

    title: ClassVar = "Text is a little nearer to an autoregressive process than shuffled text"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 4; other text and vectors"
    claims: ClassVar = (
        Claim("order", "The order of words in a window helps AR(1).", ORDER, "at least", 0.0),
        Claim("text", "Text is nearer to AR(1) than shuffled text.", TEXT, "at least", 0.0),
        Claim("small", "By little.", SMALL, "at most", 0.1),
        Claim("last", "AR(1) beats the last value.", "largest error / that of the last value", "at most", 1.0),
        Claim("mean", "AR(1) beats the mean.", "largest error / that of the mean", "at most", 1.0),
        Claim(
            "exact",
            "Five tokens are fit exactly, unless one has two successors.",
            "their largest MSE",
            "at most",
            1e-12,
        ),
        Claim("kept", "The statistic keeps all others.", "share of windows where that is wrong", "at most", 0.0),
        Claim("random", "Random vectors keep the same windows.", "share of windows kept by one only", "at most", 0.0),
        Claim("paper", "Of those kept, text's have smaller errors than shuffled text's.", KEPT, "at most", 1.0),
        Claim("alike", "Where repeats are alike, so are errors.", f"|{KEPT} - 1|, repeats alike", "at most", 0.1),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "dims": (4,), "num_windows": 200, "num_short": 1000},
        "quick": {},
        "paper": {"seeds": 10, "dims": (8, 16, 32), "num_windows": 4000, "num_short": 10_000},
    }

    seeds: int = 3
    dims: tuple[int, ...] = (8, 16)
    num_states: int = 64
    num_windows: int = 2000
    num_short: int = 5000
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "num_states", "num_windows", "num_short"):
            check_count(name, getattr(self, name))
        check_num_states(self.num_states)
        check_count("first_seed", self.first_seed, minimum=0)
        for dim in self.dims:
            check_count("dims", dim)
        if not self.dims or max(self.dims) > LARGEST or len(set(self.dims)) < len(self.dims):
            raise ValueError(f"`dims` must be different numbers of at most {LARGEST}; got {self.dims}.")

    def cells(self) -> tuple[Cell, ...]:
        shared = self.seeds, self.first_seed
        sizes = self.num_states, self.num_windows
        long = [ForecastCell(KingJames(), sizes[0], dim, sizes[1], *shared) for dim in self.dims]
        short = RepeatsCell(KingJames(), self.num_short, *shared)
        return *(Cell(f"d = {each.dim}", each) for each in long), Cell("five tokens", short)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        if isinstance(cell.config, RepeatsCell):
            return measure_repeats(cell.config, workspace)
        return measure_forecasts(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        *forecasts, repeats = results
        return Summary(forecasts, gains(forecasts), repeats)

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        found = read(summary.repeats)
        every_seed = {"exact": found.largest_exact, "kept": found.misjudged, "random": found.differing}
        over_seeds = {"paper": found.ratio, "alike": np.abs(found.alike - 1)}
        verdicts = []
        for claim in self.claims:
            if claim.id in summary.gains:
                verdicts.append(claim.judge_estimate(Estimate(*summary.gains[claim.id].tolist()), "windows, bootstrap"))
            elif claim.id in every_seed:
                verdicts.append(claim.judge_every(every_seed[claim.id]))
            else:
                verdicts.append(claim.judge(over_seeds[claim.id]))
        return tuple(verdicts)

    def notes(self, summary: Summary) -> tuple[str, ...]:
        by_dim = zip(self.dims, summary.forecasts, strict=True)
        return *(forecasts_in_words(dim, of) for dim, of in by_dim), repeats_in_words(read(summary.repeats))

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure4": panels.three_panels(self.dims, summary.forecasts, summary.repeats)}
