"""A next check of Sander et al. 2024: dense heads for diagonal ones."""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024._shared.exact_heads_panels import loss_over_heads
from mesascope.studies.sander2024.dense.cells import LAWS, PAIRS, UNITARY, Dense, DenseCell
from mesascope.studies.sander2024.dense.haar import HaarCell, HaarLosses, dense_heads
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


ZERO = "largest median loss a position"
FLOOR = "largest |least loss / (d - H) - 1|, H < d"
PAIRS_FLOOR = "least loss / (d - 2H), H < d / 2"
ENERGY = "off-diagonal energy of K"
VISIBLE = f"visible {ENERGY}"
DEFECT = "|off-diagonal C| / |C|"
RATIO = "|mean of p_{T-1} / p_T + 1/2|"
HAAR = "largest |loss / least squares - 1|"
ONE_HEAD = {"haar_heads": (1,), "haar_steps": 300, "haar_rate": 0.02, "haar_batch": 128, "num_validation": 2000}
SMALL = {"num_states": 4, "num_steps": 2500, "learning_rate": 0.05}


class DenseAttention(AbstractStudy):
    """On independent phases training finds heads that are diagonal in the basis of W; what is left over is never seen.

    A^h and B^h are any matrices. A layer depends on K_{ij,kl} = sum_h B^h_ij A^h_kl, of which diagonal heads have only
    C_ik = K_{ii,kk}. Population losses are exact (`theory/dense_heads.py`), descent and initialisation those of figure
    3. Dynamics: independent phases; conjugate pairs, in complex coordinates; the same as real rotations of planes in a
    random orthonormal basis Q, real heads being read after Q and the planes' complex basis are undone. Descent and
    the law it starts from do not depend on Q. Readings are of seeds with less than 1e-3 a position (see their losses).

    Number of heads. Key and value are the same state, so that K matters only through K_{ij,kl} + K_{il,kj}. On
    independent phases, with M(x)_ik = sum_jl K_{ij,kl} x_j x_l, a position from T = 3 on loses at least the mean of
    |M(x) - diag(x^2)|^2 over phases x; the rank of M(x) is at most H: d - H is the least for dense heads, too. With
    d heads and no loss K is diagonal. With more, it may be anything that the exchange of j and l cancels, and descent,
    which never sees it, leaves what the random start put there.

    On pairs d / 2 heads suffice if p_{T-1} = -p_T / 2, as for diagonal ones, and some seeds get there. With more, below
    d, the other end of that family, p_{T-1} growing without bound, draws some, which get ever nearer and never there. A
    third solution diagonal heads have not: s_1 is always the vector of ones, so that s_2 holds the eigenvalues, and
    heads that exchange partners make s_2^2 s_{T-1} = s_{T+1} with weight on s_2 alone, off-diagonal energy 1. It takes
    d heads, and draws more than half of the seeds that have them.

    Haar dynamics, s_1 uniform on the sphere, do not prefer a basis: for given positions the loss is convex in K, so
    that its average over all bases does as well: s_t <s_t, s_{T-1}>, of A = B = I, and s_{T-1} |s_t|^2, which p_{T-1}
    makes of the first, too. So one head can do what any number can, and least squares on the first says how well.
    """

    kind: ClassVar = "open question"
    title: ClassVar = "On independent phases dense heads become diagonal where it counts; on pairs most do not"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = (
        Claim("zero", "With d heads the loss vanishes.", ZERO, "at most", ARRIVED, over="one number"),
        Claim("floor", "On independent phases fewer lose d - H.", FLOOR, "at most", 0.01, over="one number"),
        Claim(
            "pairs-floor",
            "Below d / 2, dense heads do not beat diagonal ones on pairs.",
            PAIRS_FLOOR,
            "at least",
            0.99,
            over="one number",
        ),
        Claim("energy", "On independent phases d heads become diagonal.", ENERGY, "at most", 0.01, over="every seed"),
        Claim("defect", "They become orthogonal.", DEFECT, "at most", 0.01, over="every seed"),
        Claim("spare", "So do 3d / 2 heads.", DEFECT, "at most", 0.01, over="every seed"),
        Claim("visible", "What predictions see is diagonal for both.", VISIBLE, "at most", 0.01, over="every seed"),
        Claim("visible-pairs", "So it is on pairs.", VISIBLE, "at most", 0.01, over="every seed"),
        Claim(
            "ratio",
            "On pairs d / 2 heads take the ratio -1/2.",
            RATIO,
            "at most",
            0.01,
            over="every seed",
            decided_by="paper",
        ),
        Claim("ratio-more", "So do d / 2 + 1 to d - 1.", RATIO, "at most", 0.01, over="every seed", decided_by="paper"),
        Claim(
            "basis",
            "So do d / 2 on rotations in any basis.",
            RATIO,
            "at most",
            0.01,
            over="every seed",
            decided_by="paper",
        ),
        Claim("basis-more", "And d / 2 + 1 to d - 1.", RATIO, "at most", 0.01, over="every seed", decided_by="paper"),
        Claim(
            "undone",
            "They are diagonal once that is undone.",
            ENERGY,
            "at most",
            0.01,
            over="every seed",
            decided_by="paper",
        ),
        Claim(
            "haar-many",
            "On Haar dynamics d heads do what least squares can.",
            HAAR,
            "at most",
            0.01,
            "every seed",
            decided_by="paper",
        ),
        Claim("haar-one", "So does one.", HAAR, "at most", 0.01, over="every seed"),
    )
    presets: ClassVar = {
        "smoke": {**SMALL, **ONE_HEAD, "seeds": 2, "dynamics": (UNITARY,), "num_steps": 300, "haar_steps": 30},
        "quick": {**SMALL, **ONE_HEAD, "seeds": 3, "dynamics": (UNITARY, PAIRS)},
        "paper": {},
    }

    seeds: int = 8
    """Trainings, each from a key of its own."""
    dynamics: tuple[str, ...] = tuple(LAWS)
    """Laws of W that commute; "unitary" is always among them."""
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
    haar_heads: tuple[int, ...] = (1, 4)
    """Numbers of heads that are trained on Haar dynamics, one among them."""
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
        if UNITARY not in self.dynamics or not set(self.dynamics) <= set(LAWS):
            raise ValueError(
                f"`dynamics` must be some of {', '.join(LAWS)}, {UNITARY} among them; got {self.dynamics}."
            )
        for num_heads in self.haar_heads:
            check_count("haar_heads", num_heads)
        if 1 not in self.haar_heads:
            raise ValueError(f"`haar_heads` must have 1 among them; got {self.haar_heads}.")
        Descent(self.learning_rate)

    @property
    def all_heads(self) -> tuple[int, ...]:
        """The numbers of heads that are trained."""
        return tuple(sorted({1, self.dim // 2, self.dim - 1, self.dim, 3 * self.dim // 2}))

    def haar_trainings(self) -> tuple[Training, ...]:
        """On Haar dynamics one head, and d."""
        process = HaarProcess(self.num_states, self.dim, Sphere())
        config = FitConfig(self.haar_steps, self.haar_batch, self.haar_rate, b2=0.999, clip_norm=10.0)
        seeds = self.seeds, self.first_seed
        models = (dense_heads(process, num_heads, self.haar_std) for num_heads in self.haar_heads)
        return tuple(Training(make_model, process, config, *seeds) for make_model in models)

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.all_heads, self.dim, self.num_states, self.init_std, Descent(self.learning_rate), self.num_steps)
        trainings = self.haar_trainings()
        return (
            *(Cell(law, DenseCell(law, *sizes, self.seeds, self.first_seed)) for law in self.dynamics),
            *(Cell(f"Haar, {h} heads, trained", each) for h, each in zip(self.haar_heads, trainings, strict=True)),
            Cell("Haar, measured", HaarCell(trainings, self.num_validation)),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        trained = {law: Dense(**arrays) for law, arrays in zip(self.dynamics, results, strict=False)}
        return Summary(self.all_heads, self.dim, trained, self.haar_heads, HaarLosses(**results[-1]))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        losses = dict(zip(summary.haar_heads, summary.haar.loss, strict=True))
        least, label = float(summary.haar.floor), "least of any number"
        return {
            "dense": by_heads(summary),
            "mixing": heat_maps(summary),
            "haar": loss_over_heads(losses, lambda num_heads: least, label, "loss / $|s|^2$"),
        }
