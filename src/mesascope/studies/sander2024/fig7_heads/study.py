"""Figure 7 of Sander et al. 2024: heads on plain tokens, by their number, on dynamics that do not commute."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.models.asking import AbstractAsking, LastAsks, TokenBeforeAsks
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.sequences import ModelLosses, TrainedCell
from mesascope.studies.sander2024.fig7_heads.cells import ConstantWeightsCell, layer_of_heads
from mesascope.studies.sander2024.fig7_heads.panels import three_panels
from mesascope.studies.sander2024.fig7_heads.readings import QUERIES, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere
from mesascope.training.config import FitConfig
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


IMPROVES = "loss with 64 heads / with one head, query e_T, s_1 fixed, d = 5"
SATURATES = "loss with 64 heads / with 8 heads, query e_T, s_1 fixed, d = 5"
UNIFORM = "loss with query e_T / least loss of a sum of states with constant weights, s_1 random, more heads than d"
BEFORE = "loss with query e_{T-1} / loss with query e_T, s_1 random, more heads than d"
KNOWN = "loss where s_1 is fixed / loss where s_1 is random, query e_T, more heads than d"
ASKING: dict[str, AbstractAsking] = {"last": LastAsks(), "before": TokenBeforeAsks()}
of_every_seed = partial(Claim, over="every seed")


class Figure7(AbstractStudy):
    """**Question.** Do more heads predict better when a token holds one state only and W do not commute?

    **Setting.** s_{t+1} = W s_t, W uniform on the orthogonal group, d = 5, 50 states. A token e_t is s_t, written
    twice. One layer normalises Σ_h O_h Σ_{t≤T} P^h_{T,t} V_h e_t ⟨K_h e_t, Q_h e_q⟩, a sum over heads h, and reads
    s_{T+1} from it. Q, K and V have biases; each head has softmax weights P^h of its own. The query e_q is the last
    token e_T, as in the authors' code. Losses are |error|²/|s|², averaged over states.

    **What the paper says.** The error falls with the number of heads and saturates (figure 7).

    **What we measure.** The loss of 1 to 64 heads, s_1 always the same. With 8 heads the loss by query (e_T, or e_{T-1}
    as in the paper's theory) and by first state (fixed, or random on the sphere). The reference is the best prediction
    with constant weights, which learns nothing in context.

    **Found here.** If W becomes -W, s_T or s_{T+1} changes sign, not both. A layer with query e_T and without biases
    cannot follow; a random s_1 hides the sign from biases, too. The query e_T then learns nothing in context, the query
    e_{T-1} does. A fixed s_1 makes up for much.

    **Differences.** Batches of 128 drawn anew, not 1024 of 2¹⁴ sequences. Scores of P^h are free; the code makes them
    from learned embeddings by Q and K.

    **Limits.** One dimension, one layer.
    """

    title: ClassVar = "More heads on plain tokens predict better where the first state is always the same"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 7"
    claims: ClassVar = (
        of_every_seed(
            "improves",
            "64 heads have at most 0.9 times the loss of one head.",
            IMPROVES,
            "at most",
            0.9,
            decided_by="paper",
            kind="paper",
            restates="figure 7: the error falls with the number of heads",
        ),
        of_every_seed(
            "saturates",
            "From 8 to 64 heads the loss falls by at most 10%.",
            SATURATES,
            "at least",
            0.9,
            decided_by="paper",
            kind="paper",
            restates="figure 7: the error saturates",
        ),
        of_every_seed(
            "uniform",
            "With random first states, the last token as query learns almost nothing in context.",
            UNIFORM,
            "at least",
            0.95,
        ),
        of_every_seed(
            "before",
            "With random first states, the last token but one as query has 20% less loss.",
            BEFORE,
            "at most",
            0.8,
        ),
        of_every_seed(
            "known",
            "With the last token as query, a fixed first state saves at least 20%.",
            KNOWN,
            "at most",
            0.8,
        ),
    )
    presets: ClassVar = {
        "smoke": {
            "heads": (1, 3),
            "num_compared": 3,
            "dim": 2,
            "num_states": 6,
            "num_steps": 60,
            "batch_size": 16,
            "num_validation": 100,
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "heads": (1, 2, 4, 8, 16, 64),
            "num_compared": 8,
            "dim": 5,
            "num_states": 50,
            "num_steps": 3200,
            "batch_size": 128,
            "num_validation": 4096,
        },
    }

    seeds: int = 2
    """Trainings, each from a key of its own."""
    heads: tuple[int, ...] = (1, 4)
    """Numbers of heads, the smallest first, with the last token as query and a fixed first state."""
    num_compared: int = 4
    """The number of heads, of those in `heads`, by which queries and first states are compared."""
    dim: int = 3
    """Size of a state."""
    num_states: int = 20
    """States in a sequence."""
    num_steps: int = 400
    """Training steps."""
    batch_size: int = 64
    """Sequences a training step."""
    num_validation: int = 1000
    """Sequences that losses are measured on, and as many that constant weights are fitted to."""
    learning_rate: float = 1e-2
    """Adam's rate."""
    chunk_size: int = 400
    """Training steps between two snapshots of the layers."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for count in ("dim", "num_states", "num_validation", "num_compared"):
            check_count(count, getattr(self, count))
        for value in self.heads:
            check_count("heads", value)
        if list(self.heads) != sorted(set(self.heads)) or self.heads[:1] != (1,) or len(self.heads) < 2:
            raise ValueError(f"`heads` must be two numbers or more, the smallest first and 1; got {self.heads}.")
        if self.num_compared not in self.heads or self.num_compared <= self.dim:
            several = [count for count in self.heads if count > self.dim]
            raise ValueError(
                f"`num_compared` must be one of `heads` above dim = {self.dim}, {several}; got {self.num_compared}."
            )
        self.cells()  # checks everything else

    def processes(self) -> dict[str, HaarProcess]:
        """By first state, the same for all sequences or any."""
        sizes = self.num_states, self.dim
        return {"fixed": HaarProcess(*sizes, Ones(unit=True)), "random": HaarProcess(*sizes, Sphere())}

    def compared(self) -> tuple[tuple[str, str], ...]:
        """Queries and first states that are compared with the last token and a fixed one."""
        return ("before", "fixed"), ("last", "random"), ("before", "random")

    def cells(self) -> tuple[Cell, ...]:
        config = FitConfig(
            self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0, chunk_size=self.chunk_size
        )

        def trained(query: str, start: str, num_heads: int) -> Cell:
            sizes = {"dim": self.dim, "num_states": self.num_states, "num_heads": num_heads}
            make_model = partial(layer_of_heads, asking=ASKING[query], **sizes)
            training = Training(make_model, self.processes()[start], config, self.seeds, self.first_seed)
            return Cell(f"{num_heads} heads, {QUERIES[query]}, s_1 {start}", TrainedCell(training, self.num_validation))

        return (
            *(
                Cell(f"constant weights, s_1 {start}", ConstantWeightsCell(process, self.num_validation))
                for start, process in self.processes().items()
            ),
            *(trained("last", "fixed", num_heads) for num_heads in self.heads),
            *(trained(query, start, self.num_compared) for query, start in self.compared()),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        constant = {start: each["loss"] for start, each in zip(self.processes(), results, strict=False)}
        losses = [ModelLosses(**each).whole() for each in results[len(constant) :]]
        by_heads = dict(zip(self.heads, losses, strict=False))
        compared = dict(zip(self.compared(), losses[len(by_heads) :], strict=True))
        compared["last", "fixed"] = by_heads[self.num_compared]
        return Summary(by_heads, self.num_compared, compared, constant)

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"figure7": three_panels(summary, self.dim)}
