"""A next check of Sander et al. 2024: dense heads for diagonal ones."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.studies.sander2024.dense import panels as panels
from mesascope.studies.sander2024.dense.cells import DenseCell, train_dense
from mesascope.studies.sander2024.dense.haar import HaarCell, haar_training, measure_haar
from mesascope.studies.sander2024.dense.readings import ARRIVED, LAWS, in_words, readings
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Sphere
from mesascope.theory.diagonal_heads import check_pairs
from mesascope.training.config import FitConfig
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FLOOR = "largest |least loss / (d - H) - 1|, H < d"
PAIRS = "least loss / (d - 2H), H < d / 2"
ENERGY = "off-diagonal energy of K"
RATIO = "|mean of p_{T-1} / p_T + 1/2|"
HAAR = "largest |loss / least squares - 1|"


class Summary(NamedTuple):
    """What figures and verdicts are made from."""

    trained: dict[str, Arrays]  # by dynamics
    haar: Arrays


class DenseAttention(AbstractStudy):
    """On independent phases training finds heads that are diagonal in the basis of W; what is left over is never seen.

    A^h and B^h are any matrices. A layer depends on K_{ij,kl} = sum_h B^h_ij A^h_kl, of which diagonal heads have only
    C_ik = K_{ii,kk}. Population losses are exact (`theory/dense_heads.py`), descent and initialisation those of figure
    3. Dynamics: independent phases; conjugate pairs, in complex coordinates; the same as real rotations of planes in a
    random orthonormal basis Q, real heads being read after Q and the planes' complex basis are undone. Descent and
    the law it starts from do not depend on Q. Readings are of seeds with less than 1e-3 a position (see notes).

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

    title: ClassVar = "On independent phases dense heads become diagonal where it counts; on pairs most do not"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = (
        Claim("zero", "With d heads the loss vanishes.", "largest median loss a position", "at most", ARRIVED),
        Claim("floor", "On independent phases fewer lose d - H.", FLOOR, "at most", 0.01),
        Claim("pairs-floor", "Below d / 2, dense heads do not beat diagonal ones on pairs.", PAIRS, "at least", 0.99),
        Claim("energy", "On independent phases d heads become diagonal.", ENERGY, "at most", 0.01),
        Claim("defect", "They become orthogonal.", "|off-diagonal C| / |C|", "at most", 0.01),
        Claim("spare", "So do 3d / 2 heads.", "|off-diagonal C| / |C|", "at most", 0.01),
        Claim("visible", "What predictions see is diagonal for both.", f"visible {ENERGY}", "at most", 0.01),
        Claim("visible-pairs", "So it is on pairs.", f"visible {ENERGY}", "at most", 0.01),
        Claim("ratio", "On pairs d / 2 heads take the ratio -1/2.", RATIO, "at most", 0.01),
        Claim("ratio-more", "So do d / 2 + 1 to d - 1.", RATIO, "at most", 0.01),
        Claim("basis", "So do d / 2 on rotations in any basis.", RATIO, "at most", 0.01),
        Claim("basis-more", "And d / 2 + 1 to d - 1.", RATIO, "at most", 0.01),
        Claim("undone", "They are diagonal once that is undone.", ENERGY, "at most", 0.01),
        Claim("haar-many", "On Haar dynamics d heads do what least squares can.", HAAR, "at most", 0.01),
        Claim("haar-one", "So does one.", HAAR, "at most", 0.01),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_states": 4, "num_steps": 1000, "haar_steps": 50, "num_validation": 200},
        "quick": {},
        "paper": {"seeds": 8, "num_states": 8, "num_steps": 20_000, "haar_steps": 5000, "num_validation": 20_000},
    }

    seeds: int = 5
    dim: int = 4
    num_states: int = 5
    num_steps: int = 8000
    learning_rate: float = 1e-2
    init_std: float = 0.1
    haar_steps: int = 1500
    haar_rate: float = 1e-2
    haar_batch: int = 256
    num_validation: int = 4000
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "dim", "num_states", "num_steps", "haar_steps", "haar_batch", "num_validation"):
            check_count(name, getattr(self, name))
        check_pairs("dim", self.dim)
        for name, least in (("dim", 4), ("num_states", 3)):
            check_count(name, getattr(self, name), minimum=least)
        check_count("first_seed", self.first_seed, minimum=0)
        check_non_negative("init_std", self.init_std)
        check_positive("haar_rate", self.haar_rate)
        Descent(self.learning_rate)

    @property
    def all_heads(self) -> tuple[int, ...]:
        """The numbers of heads that are trained."""
        return tuple(sorted({1, self.dim // 2, self.dim - 1, self.dim, 3 * self.dim // 2}))

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.all_heads, self.dim, self.num_states, self.init_std, Descent(self.learning_rate), self.num_steps)
        dense = (Cell(name, DenseCell(name, *sizes, self.seeds, self.first_seed)) for name in LAWS)
        process = HaarProcess(self.num_states, self.dim, Sphere())
        config = FitConfig(self.haar_steps, self.haar_batch, self.haar_rate, b2=0.999, clip_norm=10.0)
        haar = {heads: haar_training(process, heads, config, self.seeds, self.first_seed) for heads in (1, self.dim)}
        trained = (Cell(f"Haar, {heads} heads, trained", training) for heads, training in haar.items())
        return *dense, *trained, Cell("Haar, measured", HaarCell(haar, process, self.num_validation))

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        if isinstance(cell.config, HaarCell):
            return measure_haar(cell.config, workspace)
        return train_dense(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        return Summary(dict(zip(LAWS, results, strict=False)), results[-1])

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        numbers = readings(summary.trained, summary.haar, self.all_heads, self.dim)
        return tuple(
            claim.judge_exact(float(numbers[claim.id]))
            if np.ndim(numbers[claim.id]) == 0
            else claim.judge_every(numbers[claim.id])
            for claim in self.claims
        )

    def notes(self, summary: Summary) -> tuple[str, ...]:
        return in_words(summary.trained, summary.haar, self.all_heads)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {
            "dense": panels.by_heads(summary.trained, self.all_heads, self.dim),
            "mixing": panels.heat_maps(summary.trained, self.all_heads, self.dim),
            "haar": panels.haar_panel(summary.haar),
        }
