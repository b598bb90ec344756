"""A next check of Sander et al. 2024: dense heads for diagonal ones."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.models.diagonal_heads import DenseHeads
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024.dense.cells import LAWS, Dense, DenseCell
from mesascope.studies.sander2024.dense.haar import HaarCell, HaarLosses
from mesascope.studies.sander2024.dense.panels import by_heads, heat_maps
from mesascope.studies.sander2024.dense.readings import ARRIVED, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Sphere
from mesascope.theory.diagonal_heads import check_pairs
from mesascope.training.config import FitConfig
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSS = "population loss per position (predicting zero: d)"
ZERO = "largest population loss per position (zero predictor: d) over independent phases and pairs, H = d = 4"
FLOOR = (
    "largest |L / (d - H) - 1| over H < d heads, L the population loss per position (zero predictor: d), "
    "independent phases, d = 4"
)
PAIRS_FLOOR = (
    "least over seeds of population loss per position (zero predictor: d) / (d - 2H), the loss of H "
    "diagonal heads; pairs, H < d / 2"
)
ENERGY = "share of |K|^2 off the entries K_{ii,kk}, K_{ij,kl} = Σ_h B_ij A_kl, independent phases, H = d"
DEFECT = "|off-diagonal entries of C| / |C|, C_ik = K_{ii,kk}, independent phases, H = d"
VISIBLE = "share of |K_{ij,kl} + K_{il,kj}|^2 off its entries (ii, kk) and (ik, ki), independent phases, H = 3d / 2"
DENSE = "share of seeds with at least half of |K_{ij,kl} + K_{il,kj}|^2 off (ii, kk) and (ik, ki), pairs, H = d"
HAAR = "|loss of one head / loss of least squares on the terms ⟨s_t, s_{T-1}⟩ s_t - 1|, d = 4"
ONE_HEAD = {"haar_steps": 300, "haar_rate": 0.02, "haar_batch": 128, "num_validation": 2000}
SMALL = {"num_states": 4, "num_steps": 2500, "learning_rate": 0.05}
asked = partial(Claim, over="every seed", kind="open question")


class DenseAttention(AbstractStudy):
    """**Question.** The paper's heads have diagonal matrices. What do dense heads learn?

    **Setting.** As in figure 3 (s_{t+1} = W s_t, P position weights, H heads), but A_h and B_h are any 4 × 4 matrices:
    s_{T+1} ≈ Σ_h Σ_{t ≤ T} P_{T-1,t} ⟨s_{T-1}, A_h s_t⟩ B_h s_t.
    The layer depends on K_{ij,kl} = Σ_h B_ij A_kl, of which diagonal heads have only C_ik = K_{ii,kk}. Key and value
    are the same state, so predictions see K_{ij,kl} + K_{il,kj} alone. W is diagonal with independent phases or
    conjugate pairs; gradient descent on the population loss in closed form, T = 3, ..., 8. Then W uniform on the
    orthogonal group (Haar), s_1 uniform on the sphere, training on samples.

    **What the paper says.** Dense heads are a next check, without a result.

    **What we measure.** The loss, and the share of |K|² off the diagonal. At most 0.001 counts as zero loss.

    **Found here.** On independent phases dense heads become diagonal and orthogonal; spare heads keep parts that no
    prediction sees. On pairs at least half of the seeds find another solution: because s_1 = (1, ..., 1), s_2 holds the
    eigenvalues, and heads that exchange partners can make s_{T+1} = s_2² s_{T-1}. On Haar W no basis is preferred, the
    loss is convex in K, and one head does what any number can.

    **Differences.** Not in the paper.

    **Limits.** d = 4. What d / 2 heads do on pairs is listed, not judged.
    """

    title: ClassVar = "On independent phases dense heads become diagonal where it counts; on pairs most do not"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = (
        asked("zero", "With as many dense heads as coordinates, training reaches zero loss.", ZERO, "at most", ARRIVED),
        asked(
            "floor",
            "On independent phases each missing dense head costs one unit of loss, within 1%.",
            FLOOR,
            "at most",
            0.01,
        ),
        asked(
            "energy",
            "On independent phases as many dense heads as coordinates become diagonal.",
            ENERGY,
            "at most",
            0.01,
        ),
        asked(
            "defect",
            "On independent phases as many dense heads as coordinates become orthogonal to each other.",
            DEFECT,
            "at most",
            0.01,
        ),
        asked(
            "visible",
            "On independent phases, with spare dense heads, everything that predictions see is diagonal.",
            VISIBLE,
            "at most",
            0.01,
        ),
        asked(
            "pairs-dense",
            "On conjugate pairs at least half the seeds with d dense heads stay dense.",
            DENSE,
            "at least",
            0.5,
            over="one number",
            decided_by="paper",
        ),
        asked(
            "pairs-floor",
            "On conjugate pairs, one dense head does not beat one diagonal head.",
            PAIRS_FLOOR,
            "at least",
            0.99,
            over="one number",
        ),
        asked(
            "haar-one",
            "On Haar-random dynamics one dense head is within 1% of any heads' least loss.",
            HAAR,
            "at most",
            0.01,
        ),
    )
    presets: ClassVar = {
        "smoke": {**SMALL, **ONE_HEAD, "seeds": 2, "num_steps": 300, "haar_steps": 30},
        "quick": {**SMALL, **ONE_HEAD, "seeds": 3},
        "paper": {},
    }

    seeds: int = 8
    """Trainings, each from a key of its own."""
    dim: int = 4
    """Size of a state, even: two entries a pair."""
    num_states: int = 8
    """States in a sequence."""
    num_steps: int = 20_000
    """Training steps on exact losses."""
    learning_rate: float = 1e-2
    """Rate of gradient descent."""
    init_std: float = 0.1
    """Standard deviation of the entries of A, B and P at the start."""
    haar_steps: int = 5000
    """Training steps on Haar dynamics."""
    haar_rate: float = 1e-2
    """Adam's rate there."""
    haar_batch: int = 256
    """Sequences a training step there."""
    haar_std: float = 0.3
    """Standard deviation of the entries of A, B and P at the start there."""
    num_validation: int = 20_000
    """Sequences that losses are measured on there."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "num_states", "num_steps", "haar_steps", "haar_batch", "num_validation"):
            check_count(name, getattr(self, name))
        check_pairs("dim", self.dim)
        for name, least in (("dim", 4), ("num_states", 3)):
            check_count(name, getattr(self, name), minimum=least)
        for name in ("init_std", "haar_std"):
            check_non_negative(name, getattr(self, name))
        check_positive("haar_rate", self.haar_rate)
        Descent(self.learning_rate)

    @property
    def all_heads(self) -> tuple[int, ...]:
        """The numbers of heads that are trained."""
        return tuple(sorted({1, self.dim // 2, self.dim - 1, self.dim, 3 * self.dim // 2}))

    def haar_training(self) -> Training[HaarProcess]:
        """One head on Haar dynamics."""
        process = HaarProcess(self.num_states, self.dim, Sphere())
        config = FitConfig(self.haar_steps, self.haar_batch, self.haar_rate, b2=0.999, clip_norm=10.0)
        make_model = partial(DenseHeads.initialise, self.dim, 1, self.num_states, std=self.haar_std)
        return Training(make_model, process, config, self.seeds, self.first_seed)

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.all_heads, self.dim, self.num_states, self.init_std, Descent(self.learning_rate), self.num_steps)
        training = self.haar_training()
        return (
            *(Cell(law, DenseCell(law, *sizes, self.seeds, self.first_seed)) for law in LAWS),
            Cell("Haar, 1 heads, trained", training),
            Cell("Haar, measured", HaarCell(training, self.num_validation)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        trained = {law: Dense(**arrays) for law, arrays in zip(LAWS, results, strict=False)}
        return Summary(self.all_heads, self.dim, trained, HaarLosses(**results[-1]))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"dense": by_heads(summary), "mixing": heat_maps(summary)}
