"""Figure 7 of Sander et al. 2024: heads on plain tokens, by their number, on dynamics that do not commute."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import ModelLosses, TrainedCell
from mesascope.studies.sander2024.fig7_heads import panels
from mesascope.studies.sander2024.fig7_heads.cells import LeastCell, LeastLosses, layer_of_heads
from mesascope.studies.sander2024.fig7_heads.readings import Reached, Summary, readings
from mesascope.studies.sander2024.fig7_heads.terms import Terms, TermsCell
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


IMPROVES = "loss with at least d + 1 heads / with one"
SATURATES = "loss with most heads / with the first number above d"
DIMENSION = "largest loss at a dimension / at the next"
LEAST = "least loss / |s|^2"
BEFORE = "loss / where the last asks"
TERMS = "largest |coefficients - (-1/2, 1)|"
UNIFORM = "loss with s_1 uniform / best of constant weights"
ASKING = {"before": TokenBeforeAsks(), "last": LastAsks()}
of_every_seed = partial(Claim, over="every seed")


class Figure7(AbstractStudy):
    """More heads predict better, up to a little above one a coordinate, whichever token asks.

    Tokens are s_t, written twice; one layer of attention with biases and softmax weights of positions, a normalisation
    of what it found, no residual. Losses are |error|^2 / |s|^2, averaged over the states.

    Which token asks. Let all entries of W change sign: s_t becomes (-1)^(t-1) s_t. Every term of a layer without biases
    is made of one query and of s_t twice, as key and as value. If the last token asks, its sign is that of s_T and
    never that of s_{T+1}: answers f to W and to -W are then as right as they are wrong, and their mean loss, |f|^2 +
    |s|^2, is at least that of zero. A normalisation is odd, but for its offset, which counts among the biases. If the
    token before the last asks, signs agree. On conjugate pairs the terms say the same: s_{t,i} s_{t,j} s*_{T,j} are
    powers of lambda_i other than T; least squares finds nothing in them, and with the query s_{T-1}, scores summed over
    a pair, the coefficients -1/2 and 1, and no loss.

    Biases add terms of lower degree, of either sign: constant weights for states, and, if s_1 is always the same,
    products of s_t and s_T. So with biases and a known s_1 heads help nearly as much where the last token asks, and end
    within a few percent. Where s_1 is uniform products are of no use, by s -> -s, and only constant weights are left.

    How many heads. Of s_t, s_t and s_{T-1}, what is the same in every basis is s_t <s_t, s_{T-1}> and s_{T-1} |s_t|^2.
    One head makes the first, with a weight of positions for each t. Softmax weights are positive and all heads' alike;
    d + 1 heads are enough to subtract s_{T-1}, too: one copies the query a coordinate. Trained losses show no kink.

    Which source is followed. The layer of the authors' code, d = 5, T = 50, s_1 always the same, Adam with rate 0.01.
    There the last token asks; the paper's theory needs the one before. Our heads share one matrix of position scores,
    where the authors' have one each. Their 200 passes over 2^14 sequences in batches of 1024 are as many steps here, in
    smaller batches drawn anew.
    """

    title: ClassVar = "Heads on plain tokens help, for different reasons if the last token asks or the one before"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 7"
    claims: ClassVar = (
        of_every_seed("improves", "Heads help where the token before the last asks.", IMPROVES, "at most", 0.9),
        of_every_seed(
            "saturates",
            "More than the first number above d gain little.",
            SATURATES,
            "at least",
            0.9,
            decided_by="paper",
        ),
        of_every_seed("dimension", "The loss grows with the dimension.", DIMENSION, "at most", 1.0, decided_by="paper"),
        of_every_seed("last-token", "Where the last token asks little is predicted.", LEAST, "at least", 0.9),
        of_every_seed("before", "Far less than if the one before asks.", BEFORE, "at most", 0.8),
        of_every_seed("uniform", "Without a known s_1 the last token learns nothing.", UNIFORM, "at least", 0.95),
        of_every_seed("no-term", "Without biases no term helps it.", "largest |least loss - 1|", "at most", 0.05),
        of_every_seed("biases", "With biases and a known s_1 some do.", "least loss", "at most", 0.9),
        of_every_seed("terms", "Before, two terms are it.", TERMS, "at most", 1e-6),
    )
    presets: ClassVar = {
        "smoke": {
            "heads": (1, 3),
            "last_heads": (3,),
            "dim": 2,
            "num_states": 6,
            "num_steps": 60,
            "batch_size": 16,
            "num_validation": 100,
            "num_samples": 500,
        },
        "quick": {},
        "paper": {
            "heads": (1, 2, 3, 4, 5, 6, 8, 16, 32, 64),
            "last_heads": (1, 2, 4, 8, 16, 64),
            "dim": 5,
            "dims": (2, 3, 4, 6),
            "num_states": 50,
            "num_steps": 3200,
            "batch_size": 128,
            "num_validation": 4096,
            "num_samples": 20_000,
        },
    }

    seeds: int = 2
    """Trainings, each from a key of its own."""
    heads: tuple[int, ...] = (1, 4)
    """Numbers of heads where the token before the last asks."""
    last_heads: tuple[int, ...] = (4,)
    """Numbers of heads where the last token asks."""
    dim: int = 3
    """Size of a state."""
    dims: tuple[int, ...] = ()
    """Other sizes of a state, for the most heads."""
    num_states: int = 20
    """States in a sequence."""
    num_steps: int = 400
    """Training steps."""
    batch_size: int = 64
    """Sequences a training step."""
    num_validation: int = 1000
    """Sequences that losses are measured on."""
    num_samples: int = 5000
    """Sequences that coefficients of terms are fitted to, and as many to measure the terms on."""
    learning_rate: float = 1e-2
    """Adam's rate."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for count in ("dim", "num_states", "num_validation", "num_samples"):
            check_count(count, getattr(self, count))
        for name, values in (("heads", self.heads), ("last_heads", self.last_heads), ("dims", self.dims)):
            for value in values:
                check_count(name, value)
            if list(values) != sorted({*values} - ({self.dim} if name == "dims" else set())):
                raise ValueError(f"`{name}` must be numbers, the smallest first, and of `dims` none dim; got {values}.")
        ends = [counts[-1:] for counts in (self.heads, self.last_heads)]
        if ends[0] != ends[1] or self.heads[:1] != (1,) or self.heads[-1] <= self.dim:
            raise ValueError(
                f"`heads` must go from 1 to more than dim = {self.dim}, and `last_heads` end as they do; "
                f"got {self.heads} and {self.last_heads}."
            )
        self.cells()  # checks everything else

    def processes(self) -> dict[str, tuple[HaarProcess, tuple[int, ...], tuple[int, ...]]]:
        """By name: a process, and numbers of heads to train where the token before the last asks, and where the last.

        Every number at `dim`; the most at the other dimensions, and where s_1 is uniform.
        """
        most = self.heads[-1:]
        return {
            f"d = {self.dim}": (HaarProcess(self.num_states, self.dim, Ones(unit=True)), self.heads, self.last_heads),
            **{f"d = {dim}": (HaarProcess(self.num_states, dim, Ones(unit=True)), most, ()) for dim in self.dims},
            "s_1 uniform": (HaarProcess(self.num_states, self.dim, Sphere()), (), most),
        }

    def cells(self) -> tuple[Cell, ...]:
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        sizes = self.dim, self.num_samples, self.seeds, self.first_seed
        cells = [Cell(f"terms, {asks}", TermsCell(asks, *sizes)) for asks in ("last", "before")]
        for name, (process, *counts) in self.processes().items():
            cells.append(Cell(f"{name}, least squares", LeastCell(process, self.num_validation)))
            for of, (asks, asking) in zip(counts, ASKING.items(), strict=True):
                for heads in of:
                    make_model = layer_of_heads(process, heads, asking)
                    training = Training(make_model, process, config, self.seeds, self.first_seed)
                    label = f"{name}, {heads} heads, {asks} asks"
                    cells.append(Cell(label, TrainedCell(training, self.num_validation)))
        return tuple(cells)

    def summarise(self, results: list[Arrays]) -> Summary:
        terms, rest = [Terms(**each) for each in results[:2]], iter(results[2:])
        reached = []
        for _, before, last in self.processes().values():
            least = LeastLosses(**next(rest))
            of_before = {heads: ModelLosses(**next(rest)).whole() for heads in before}
            of_last = {heads: ModelLosses(**next(rest)).whole() for heads in last}
            reached.append(Reached(of_before, of_last, least))
        *by_dim, uniform = reached
        return Summary(dict(zip((self.dim, *self.dims), by_dim, strict=True)), uniform, *terms)

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure7": panels.three_panels(summary), "terms": panels.bars(summary)}
