"""Figure 3, right, of Sander et al. 2024: what diagonal heads learn on orthogonal dynamics."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import seed_keys
from mesascope.studies.sander2024._shared.exact_heads import DiagonalHeadsCell, Heads
from mesascope.studies.sander2024._shared.exact_heads_panels import heat_maps, loss_over_heads
from mesascope.studies.sander2024._shared.exact_heads_readings import arrived, family_errors, read
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import AbstractConfig, Arrays, Cell, Workspace
from mesascope.study.claim import Claim
from mesascope.tasks.orthogonal import RotationProcess
from mesascope.theory.diagonal_heads import check_pairs, orthogonal_floor
from mesascope.training.exact import Descent
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MEDIAN = "median loss a position over seeds"
RATIO = "largest |p_{T-1} / p_T + 1/2| over T, of seeds that arrived"
FLOOR = "|least loss a position / (d - 2H) - 1|"
OTHERS = "largest weight before s_{T-1} / mean p_T, of seeds that arrived"
RANK = "|rank - d / 2| of seeds that arrived"
FAMILY = "largest |mixing of pairs + mean ratio / (1 + mean ratio)| of seeds that arrived"
ROTATION = "largest entry of 2 cos(theta) R_theta - I - R_{2 theta}"


class DoubleAngles(NamedTuple):
    """The largest entry [seeds] of 2 cos(theta) R_theta - I - R_{2 theta}."""

    error: np.ndarray


class DoubleAngleCell(AbstractConfig):
    """The identity that the heads use, over some sets of angles a seed."""

    dim: int
    seeds: int
    first_seed: int
    num_angles: int = 10

    def compute(self, workspace: Workspace) -> Arrays:
        """`DoubleAngles`, in float64."""
        with jax.enable_x64(True):
            errors = jit_once(jax.vmap(self.error))(seed_keys(self.first_seed, self.seeds))
            return DoubleAngles(np.asarray(errors))._asdict()

    def error(self, key: Key[Array, ""]) -> Float[Array, ""]:
        """The largest entry over the angles of one seed."""
        process = RotationProcess(num_states=3, dim=self.dim)

        def of_angles(angles: Float[Array, " pairs"]) -> Float[Array, "d d"]:
            cosines = jnp.repeat(jnp.cos(angles), 2)[:, None]
            return 2 * cosines * process.matrix(angles) - jnp.eye(self.dim) - process.matrix(2 * angles)

        angles = jax.vmap(process.sample_dynamics)(jax.random.split(key, self.num_angles))
        return jnp.abs(jax.vmap(of_angles)(angles)).max()


class Summary(NamedTuple):
    """Trained heads by their number, and how far the identity is from true."""

    trained: dict[int, Heads]
    double: DoubleAngles


class Figure3Orthogonal(AbstractStudy):
    """Trained on orthogonal dynamics with fewer heads than coordinates, a layer finds 2 cos(theta) s_T - s_{T-1}.

    As in figure 3, left, but the d eigenvalues come in conjugate pairs. Then the minima of zero loss are a family of
    one parameter: P has its superdiagonal and its diagonal, of ratio rho = p_{T-1} / p_T, and C is made of 2 x 2 blocks
    [[1, r], [r, 1]] / p_T with r = -rho / (1 + rho). With d heads or more training may end anywhere on it. With fewer
    only its member of least rank is left, rho = -1/2 and r = 1: d / 2 heads suffice, since one score 2 cos(theta)
    serves both entries of a pair. (With more than d / 2 there is also a way on which rho grows without end and the loss
    is 1 / rho^2, `orthogonal_approach` in `theory/diagonal_heads.py`: seeds on it get ever nearer and never there.)
    Below d / 2 heads a position loses at least d - 2H. How often a seed gets there is another matter: it is counted for
    every H.

    Which source is followed. The script's loss is exact, and its sizes, initialisation and learning rate are used.
    """

    title: ClassVar = "On orthogonal dynamics heads serve pairs, and positions take the ratio -1/2"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), figure 3 (right) and proposition 5"
    claims: ClassVar = (
        Claim("zero", "With d / 2 < H < d the loss vanishes.", MEDIAN, "at most", 1e-3, over="one number"),
        Claim("ratio", "Positions take the ratio -1/2.", RATIO, "at most", 0.01, over="every seed"),
        Claim("two", "All other weights vanish.", OTHERS, "at most", 0.01, over="every seed"),
        Claim("rank", "C has rank d / 2.", RANK, "at most", 0.0, over="every seed"),
        Claim("family", "With d heads solutions form one family.", FAMILY, "at most", 0.01, over="every seed"),
        Claim("floor", "Below d / 2 heads the loss is d - 2H.", FLOOR, "at most", 0.01, over="one number"),
        Claim("identity", "Two steps are 2 cos(theta) one - none.", ROTATION, "at most", 1e-12, over="every seed"),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "dim": 4, "num_heads": 3, "few_heads": 1, "num_states": 6, "num_steps": 300},
        "quick": {},
        "paper": {"seeds": 8, "scan_heads": (5, 6, 7, 9), "num_steps": 100_000},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    dim: int = 10
    """Size of a state, even: two entries a pair."""
    num_heads: int = 8
    """Heads of the model that is looked at, between dim / 2 and dim."""
    few_heads: int = 4
    """Heads of a model that has too few, below dim / 2."""
    scan_heads: tuple[int, ...] = ()
    """Further numbers of heads, for the figure."""
    num_states: int = 20
    """States in a sequence."""
    num_steps: int = 20_000
    """Training steps."""
    learning_rate: float = 1e-3
    """Rate of gradient descent."""
    init_std: float = 0.1
    """Standard deviation of the entries of A, B and P at the start."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("seeds", "dim", "num_heads", "few_heads", "num_states", "num_steps"):
            check_count(name, getattr(self, name))
        check_pairs("dim", self.dim)
        check_count("num_states", self.num_states, minimum=3)
        check_non_negative("init_std", self.init_std)
        for num_heads in self.scan_heads:
            check_count("scan_heads", num_heads)
        if not self.dim / 2 < self.num_heads < self.dim or not 0 < self.few_heads < self.dim / 2:
            raise ValueError(
                f"`num_heads` must be between dim / 2 and dim, and `few_heads` below dim / 2; got {self.num_heads} and "
                f"{self.few_heads} for dim {self.dim}."
            )
        Descent(self.learning_rate)

    def training(self) -> DiagonalHeadsCell:
        """Every number of heads, trained at once."""
        all_heads = tuple(sorted({self.num_heads, self.few_heads, self.dim, *self.scan_heads}))
        sizes = (self.dim, all_heads, self.num_states, self.init_std)
        descent = Descent(self.learning_rate)
        return DiagonalHeadsCell("orthogonal", *sizes, descent, self.num_steps, self.seeds, self.first_seed)

    def cells(self) -> tuple[Cell, ...]:
        double = DoubleAngleCell(self.dim, self.seeds, self.first_seed)
        return Cell("all numbers of heads", self.training()), Cell("the identity", double)

    def summarise(self, results: list[Arrays]) -> Summary:
        return Summary(self.training().by_heads(results[0]), DoubleAngles(**results[1]))

    def readings(self, summary: Summary) -> Readings:
        found = {num_heads: read(heads) for num_heads, heads in summary.trained.items()}
        few, main, many = (found[each] for each in (self.few_heads, self.num_heads, self.dim))
        floors = {num_heads: orthogonal_floor(self.dim, num_heads) for num_heads in found}
        return {
            "zero": np.median(main.loss),
            "ratio": arrived(np.abs(main.ratios + 0.5).max(axis=1), main),
            "two": arrived(main.elsewhere, main),
            "rank": arrived(np.abs(main.rank - self.dim // 2), main),
            "family": arrived(family_errors(many), many),
            "floor": abs(few.loss.min() / floors[self.few_heads] - 1),
            "identity": summary.double.error,
            **{f"loss a position, {each} heads": of.loss for each, of in found.items()},
            **{
                f"seeds within 0.001 of the least loss, {each} heads": np.sum(of.loss <= floors[each] + 1e-3)
                for each, of in found.items()
            },
        }

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        losses = {num_heads: read(heads).loss for num_heads, heads in summary.trained.items()}
        floor, label = partial(orthogonal_floor, self.dim), "max(d - 2H, 0), the least there is"
        return {
            "figure3": heat_maps(summary.trained[self.num_heads]),
            "heads": loss_over_heads(losses, floor, label),
        }
