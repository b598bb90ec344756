"""Figure 3, left, of Sander et al. 2024: what diagonal heads learn on unitary dynamics."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.last_step import LastPhases
from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.random import VALIDATION_SEED, seed_key
from mesascope.studies._shared.measure import jit_once
from mesascope.studies.sander2024._shared.exact_heads import DiagonalHeadsCell, Heads
from mesascope.studies.sander2024._shared.exact_heads_panels import heat_maps, loss_over_heads
from mesascope.studies.sander2024._shared.exact_heads_readings import read
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import AbstractConfig, Arrays, Cell, Workspace
from mesascope.study.claim import Claim
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.diagonal_heads import unitary_floor
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BESIDE = "largest entry of p_T C beside the diagonal"
DIAGONAL = "largest |diagonal entry of p_T C - 1|"
OTHERS = "largest other weight / mean p_T"
DIFFERENCE = "largest difference on sequences"
FLOOR = "largest |loss a position - max(d - H, 0)|"


class MapDistance(NamedTuple):
    """The largest |difference| [seeds] between a layer's predictions and those of the algorithm."""

    largest: np.ndarray


class MapCell(AbstractConfig):
    """Trained layers of d heads, held against the last step taken again on some sequences, in single precision."""

    training: DiagonalHeadsCell
    num_validation: int = 10

    def compute(self, workspace: Workspace) -> Arrays:
        """`MapDistance`."""
        heads = self.training.by_heads(workspace.need(self.training))[self.training.dim]
        weights = (jnp.asarray(each, float) for each in (heads.key_query, heads.output_value, heads.positions))
        return MapDistance(np.asarray(jit_once(self.largest)(*weights)))._asdict()

    def largest(
        self,
        key_query: Float[Array, "seeds h d"],
        output_value: Float[Array, "seeds h d"],
        positions: Float[Array, "seeds t t"],
    ) -> Float[Array, " seeds"]:
        """For every seed the largest difference over sequences and entries."""
        process = UnitaryProcess(self.training.num_states, self.training.dim)
        sequences = process.sample_batch(seed_key(VALIDATION_SEED), self.num_validation)
        last = jax.vmap(lambda sequence: sequence.prompt(process.num_states - 1))(sequences)
        expected = jax.vmap(LastPhases())(last)

        def of_seed(*weights: Array) -> Float[Array, ""]:
            a, b, p = weights
            return jnp.abs(jax.vmap(DiagonalHeads(a, b, LearnedWeights(p)))(last) - expected).max()

        return jax.vmap(of_seed)(key_query, output_value, positions)


class Summary(NamedTuple):
    """Trained layers of d heads, their distance from the algorithm, and those of the scan by the number of heads."""

    trained: Heads
    from_map: MapDistance
    scan: dict[int, Heads]


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
        Claim("zero", "With d heads the loss vanishes.", "loss a position", "at most", 1e-5, over="every seed"),
        Claim("orthogonal", "Heads are orthogonal.", BESIDE, "at most", 1e-3, over="every seed"),
        Claim("identity", "The diagonal of p_T C is one.", DIAGONAL, "at most", 1e-3, over="every seed"),
        Claim("newest", "P looks at the newest state only.", OTHERS, "at most", 1e-3, over="every seed"),
        Claim("map", "The layer is diag(s_T s*_{T-1}) s_T.", DIFFERENCE, "at most", 1e-2, over="every seed"),
        Claim("floor", "H heads lose d - H a position.", FLOOR, "at most", 1e-2, over="every seed"),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 200, "scan_heads": (3, 4), "scan_steps": 300, "dim": 4, "num_states": 6},
        "quick": {},
        "paper": {"seeds": 5, "scan_heads": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    dim: int = 10
    """Size of a state, and heads of the model that is looked at."""
    num_states: int = 20
    """States in a sequence."""
    num_steps: int = 100
    """Training steps."""
    scan_heads: tuple[int, ...] = (2, 5, 8, 10)
    """Numbers of heads that losses are compared of."""
    scan_steps: int = 2000
    """Training steps of these."""
    learning_rate: float = 1e-2
    """Rate of gradient descent."""
    init_std: float = 0.1
    """Standard deviation of the entries of A, B and P at the start."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "num_states", "num_steps", "scan_steps"):
            check_count(name, getattr(self, name))
        check_count("num_states", self.num_states, minimum=3)
        check_non_negative("init_std", self.init_std)
        for num_heads in self.scan_heads:
            check_count("scan_heads", num_heads)
        if not self.scan_heads:
            raise ValueError("`scan_heads` must hold a number of heads; got none.")
        Descent(self.learning_rate)

    def training(self, all_heads: tuple[int, ...], num_steps: int) -> DiagonalHeadsCell:
        """Some numbers of heads, trained at once."""
        sizes = (self.dim, all_heads, self.num_states, self.init_std)
        return DiagonalHeadsCell("unitary", *sizes, Descent(self.learning_rate), num_steps, self.seeds, self.first_seed)

    def trainings(self) -> tuple[DiagonalHeadsCell, DiagonalHeadsCell]:
        """As many heads as coordinates, and the scan."""
        return self.training((self.dim,), self.num_steps), self.training(self.scan_heads, self.scan_steps)

    def cells(self) -> tuple[Cell, ...]:
        main, scan = self.trainings()
        return (
            Cell("as many heads as coordinates", main),
            Cell("the last step taken again", MapCell(main)),
            Cell("the scan over heads", scan),
        )

    def summarise(self, results: list[Arrays]) -> Summary:
        (main, scan), (trained, from_map, scanned) = self.trainings(), results
        return Summary(main.by_heads(trained)[self.dim], MapDistance(**from_map), scan.by_heads(scanned))

    def readings(self, summary: Summary) -> Readings:
        trained, losses = read(summary.trained), self.losses(summary)
        diagonal = np.diagonal(trained.mixing, axis1=1, axis2=2)
        beside = np.abs(trained.mixing - diagonal[:, :, None] * np.eye(self.dim))
        away = [np.abs(loss - unitary_floor(self.dim, heads)) for heads, loss in losses.items()]
        return {
            "zero": trained.loss,
            "orthogonal": beside.max(axis=(1, 2)),
            "identity": np.abs(diagonal - 1).max(axis=1),
            "newest": np.maximum(trained.before, trained.elsewhere),
            "map": summary.from_map.largest,
            "floor": np.max(away, axis=0),
            **{f"loss a position of {heads} heads": loss for heads, loss in losses.items()},
        }

    def losses(self, summary: Summary) -> dict[int, np.ndarray]:
        """The loss a position of every seed by number of heads."""
        return {heads: read(trained).loss for heads, trained in summary.scan.items()}

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        floor, label = partial(unitary_floor, self.dim), "d - H, the least there is"
        return {
            "figure3": heat_maps(summary.trained),
            "heads": loss_over_heads(self.losses(summary), floor, label),
        }
