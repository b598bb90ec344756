"""Figure 3, left, of Sander et al. 2024: what diagonal heads learn on unitary dynamics."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mesascope.algorithms.last_step import LastPhases
from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.random import VALIDATION_SEED
from mesascope.studies.sander2024._shared import exact_heads_panels as panels
from mesascope.studies.sander2024._shared.exact_heads import HeadsCell, train_heads, with_each
from mesascope.studies.sander2024._shared.exact_heads_readings import read
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.diagonal_heads import unitary_floor
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WEIGHTS = ("key_query", "output_value", "positions")


class Summary(NamedTuple):
    """What figures and verdicts are made from."""

    trained: Arrays
    from_map: np.ndarray  # the largest difference of trained layers from the algorithm, by seed
    scan: dict[int, Arrays]  # by the number of heads


class Figure3Unitary(AbstractStudy):
    """Trained on unitary dynamics, the heads of a layer become orthogonal and look at the newest state only.

    d heads with diagonal matrices and a learned position matrix P are trained by gradient descent on their exact
    population loss, summed over positions; the query is s_{T-1}. At its minimum C = B^T A is a multiple of I: the
    weights of a coordinate in all heads, a column of B, are orthogonal to those of every other coordinate in A. (A head
    by itself serves many coordinates.) P has its superdiagonal only, and the layer computes s_T^2 / s_{T-1}: the
    in-context map diag(s_T s*_{T-1}), which is W, applied to s_T. With fewer heads than coordinates the loss of a
    position cannot fall below d - H, and the scan over H looks whether training gets there.

    Which source is followed. The authors' script counts a part of the loss of t = T - 1 twice; the loss here is the
    derived one, which the tests hold against simulated sequences. Both vanish in the same places. Sizes, initialisation
    and learning rate are the script's.
    """

    title: ClassVar = "On unitary dynamics heads become orthogonal and apply the last step again"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 3 (left) and proposition 3"
    claims: ClassVar = (
        Claim("zero", "With d heads the loss vanishes.", "loss a position", "at most", 1e-5),
        Claim("orthogonal", "Heads are orthogonal.", "largest entry of p_T C beside the diagonal", "at most", 1e-3),
        Claim("identity", "The diagonal of p_T C is one.", "largest |diagonal entry of p_T C - 1|", "at most", 1e-3),
        Claim("newest", "P looks at the newest state only.", "largest other weight / mean p_T", "at most", 1e-3),
        Claim("map", "The layer is diag(s_T s*_{T-1}) s_T.", "largest difference on sequences", "at most", 1e-2),
        Claim("floor", "H heads lose d - H a position.", "largest |loss a position - max(d - H, 0)|", "at most", 1e-2),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 400, "scan_heads": (3, 4), "scan_steps": 500, "dim": 4, "num_states": 6},
        "quick": {},
        "paper": {"seeds": 5, "scan_heads": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)},
    }

    seeds: int = 3
    dim: int = 10
    num_states: int = 20
    num_steps: int = 100
    scan_heads: tuple[int, ...] = (2, 5, 8, 10)
    scan_steps: int = 2000
    learning_rate: float = 1e-2
    init_std: float = 0.1
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "dim", "num_states", "num_steps", "scan_steps"):
            check_count(name, getattr(self, name))
        check_count("num_states", self.num_states, minimum=3)
        check_count("first_seed", self.first_seed, minimum=0)
        check_non_negative("init_std", self.init_std)
        for num_heads in self.scan_heads:
            check_count("scan_heads", num_heads)
        if not self.scan_heads:
            raise ValueError("`scan_heads` must hold a number of heads; got none.")
        Descent(self.learning_rate)

    def cells(self) -> tuple[Cell, ...]:
        return Cell("as many heads as coordinates", self._main), Cell("the scan over heads", self._scan)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return train_heads(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        trained = with_each(self._main, results[0])[self.dim]
        return Summary(trained, self._distance_to_map(trained), with_each(self._scan, results[1]))

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        trained = read(summary.trained)
        diagonal = np.diagonal(trained.mixing, axis1=1, axis2=2)
        beside = np.abs(trained.mixing - diagonal[:, :, None] * np.eye(self.dim))
        away = [np.abs(read(each).loss - unitary_floor(self.dim, heads)) for heads, each in summary.scan.items()]
        per_seed = {
            "zero": trained.loss,
            "orthogonal": beside.max(axis=(1, 2)),
            "identity": np.abs(diagonal - 1).max(axis=1),
            "newest": np.maximum(trained.before, trained.elsewhere),
            "map": summary.from_map,
            "floor": np.max(away, axis=0),
        }
        return tuple(claim.judge_every(per_seed[claim.id]) for claim in self.claims)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        losses = {heads: read(arrays).loss for heads, arrays in summary.scan.items()}
        return {
            "figure3": panels.heat_maps(summary.trained),
            "heads": panels.loss_over_heads(losses, partial(unitary_floor, self.dim), "d - H, the least there is"),
        }

    @property
    def _main(self) -> HeadsCell:
        return self._training((self.dim,), self.num_steps)

    @property
    def _scan(self) -> HeadsCell:
        return self._training(self.scan_heads, self.scan_steps)

    def _training(self, all_heads: tuple[int, ...], num_steps: int) -> HeadsCell:
        sizes = (self.dim, all_heads, self.num_states, self.init_std)
        return HeadsCell("unitary", *sizes, Descent(self.learning_rate), num_steps, self.seeds, self.first_seed)

    def _distance_to_map(self, arrays: Arrays) -> np.ndarray:
        """The largest |difference| between a layer's predictions and the algorithm's, on ten sequences [seeds]."""
        process = UnitaryProcess(self.num_states, self.dim)
        sequences = process.sample_batch(jax.random.key(VALIDATION_SEED), 10)
        last = jax.vmap(lambda sequence: sequence.prompt(self.num_states - 1))(sequences)
        expected = jax.vmap(LastPhases())(last)
        models = (
            DiagonalHeads(a, b, LearnedWeights(p))
            for a, b, p in zip(*(jnp.asarray(arrays[name], float) for name in WEIGHTS), strict=True)
        )
        return np.array([float(abs(jax.vmap(model)(last) - expected).max()) for model in models])
