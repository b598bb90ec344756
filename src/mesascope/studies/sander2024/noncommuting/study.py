"""An open question of Sander et al. 2024: does the layer still make a gradient step where dynamics do not commute?"""

from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.sander2024.noncommuting.cells import (
    LAYERS,
    LawCell,
    LawTerms,
    LayerReadings,
    LayersCell,
    layer_training,
)
from mesascope.studies.sander2024.noncommuting.panels import three_panels
from mesascope.studies.sander2024.noncommuting.readings import HAAR, Law, Summary, readings
from mesascope.studies.sander2024.noncommuting.six_scalars import SixScalars, SixScalarsCell
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.haar import HaarProcess, TurnedRotationProcess
from mesascope.tasks.initial_state import Ones, Sphere
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class NonCommuting(AbstractStudy):
    """A layer of scalar blocks ends near a gradient step whether W commute or not; what it adds depends on their law.

    W is Q R Q^T, R rotations of fixed planes and Q = exp(tau K) drawn anew for every sequence: at tau = 0 all W
    commute, and the commutator of two of them grows with tau. At last W is uniform on the orthogonal group. The first
    state is uniform on the sphere. Layers of one head without normalisation or biases are trained on fresh sequences:
    with dense blocks, and with blocks that are multiples of the identity (see `models/augmented.py`).

    For real data <s_{T-1}, s_t> and <s_T, s_{t-1}> are correlated, where in the complex unitary model they are
    orthogonal monomials. So to c sum_t s_{t+1} <s_t, s_T>, of A2, may come c' sum_t s_t <s_t, s_{T-1}>, of A3: least
    squares on these two terms gives a small negative c'. But scalar blocks are six numbers. Their best are found on
    sampled sequences: given b1 and b2 the others solve linear equations. To negate every second state makes -W of W,
    as likely, and negates a1, a4 and b2: so the best two terms are a stationary point, and other minima are pairs.

    On turned planes they are no minimum: the best b2 is, up to its sign, near half of b1 and c' is positive, and so it
    is in every scalar layer at the paper's size. On Haar dynamics a ridge lies between two terms and the best, whose
    losses differ by less than a thousandth: dense layers and three scalar ones of five ended at two terms, two near
    the best. That A1, A4 and B2 vanish says there where training ended, and hardly what the loss asks for.

    Whether W commute with each other is nothing to scalar blocks, the same in every basis: with s_1 uniform their loss
    depends on the eigenvalues' law alone, one for every tau and another for Haar's. Where s_1 is fixed it does depend
    on tau, since to turn W is then to turn what s_1 is made of (see the numbers, for d = 6). A dense layer
    could learn planes that are always the same; whether training does, the last claim asks. At the paper's size it
    did not, and where planes turn a little some seeds ended above the best step.
    """

    kind: ClassVar = "open question"
    title: ClassVar = "Without commuting dynamics a layer of scalar blocks still makes nearly a gradient step"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = (
        Claim("haar-step", "On Haar dynamics dense layers are near a step.", "distance / |s|^2", "at most", 0.05),
        Claim(
            "scalar-step", "And scalar ones at all laws.", "worst distance / |s|^2", "at most", 0.05, over="every seed"
        ),
        Claim("haar-second", "In dense layers A3 does not vanish there.", "|A3 B1 / A2 B1|", "at least", 0.05),
        Claim("haar-predicted", "Two terms predict their loss.", "|loss / predicted - 1|", "at most", 0.01),
        Claim("haar-ratio", "And the second coefficient.", "|ratio / predicted - 1|", "at most", 0.15),
        Claim("haar-rest", "A1, A4 and B2 vanish in them.", "largest norm / that of A2, or B1", "at most", 0.1),
        Claim("scalar", "Scalar blocks do as well on Haar dynamics.", "scalar loss / dense loss - 1", "at most", 0.01),
        Claim(
            "gain",
            "Six scalars beat two terms where W commute.",
            "1 - loss / two terms', tau = 0",
            "at least",
            0.0,
            over="bootstrap",
        ),
        Claim("haar-gain", "On Haar dynamics hardly.", "1 - loss / two terms'", "at most", 0.001, over="bootstrap"),
        Claim(
            "haar-ridge",
            "A ridge lies between there.",
            "loss half way / two terms' - 1",
            "at least",
            0.0,
            over="bootstrap",
        ),
        Claim(
            "optimum",
            "Scalar layers reach the six' best at all laws.",
            "worst loss / best - 1",
            "at most",
            0.01,
            over="every seed",
        ),
        Claim(
            "best-ratio",
            "And the best's c' / c at every tau.",
            "worst |ratio / best - 1|",
            "at most",
            0.15,
            over="every seed",
            decided_by="paper",
        ),
        Claim(
            "scalar-ratio",
            "Two terms predict theirs.",
            "worst |ratio / predicted - 1|",
            "at most",
            0.15,
            over="every seed",
        ),
        Claim(
            "scalar-rest",
            "A1, A4, B2 vanish in scalar layers at all laws.",
            "worst norm ratio",
            "at most",
            0.1,
            over="every seed",
        ),
        Claim("dense-rest", "And in dense layers at all laws.", "worst norm ratio", "at most", 0.1, over="every seed"),
        Claim(
            "invariant",
            "One step does as well for every tau.",
            "largest |loss / at tau = 0 - 1|",
            "at most",
            0.01,
            over="one number",
        ),
        Claim(
            "fixed",
            "But not where s_1 is fixed.",
            "largest |loss / at tau = 0 - 1|, s_1 fixed",
            "at least",
            0.05,
            over="one number",
        ),
        Claim("planes", "Known planes help a dense layer.", "dense loss / best two terms, tau = 0", "at most", 0.99),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "num_steps": 100,
            "batch_size": 32,
            "num_validation": 100,
            "num_fitted": 100,
            "num_states": 8,
            "fixed_num_states": 10,
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "turnings": (0.0, 0.1, 0.3, 1.0),
            "untrained": (),
            "num_steps": 5000,
            "batch_size": 1024,
            "num_validation": 10_000,
            "num_fitted": 100_000,
        },
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    turnings: tuple[float, ...] = (0.0,)
    """How far planes are turned where layers are trained; 0, where all dynamics commute, is among them."""
    untrained: tuple[float, ...] = (1.0,)
    """How far planes are turned where no layer is trained."""
    dim: int = 4
    """Size of a state."""
    num_states: int = 17
    """States in a sequence."""
    fixed_dim: int = 6
    """Size of a state where the first one is fixed."""
    fixed_num_states: int = 31
    """States in a sequence whose first one is fixed."""
    num_steps: int = 800
    """Training steps."""
    batch_size: int = 64
    """Sequences a training step."""
    num_validation: int = 4000
    """Sequences that losses are measured on."""
    num_fitted: int = 10_000
    """Sequences that the best six scalars are fitted to, and as many to compare them on."""
    learning_rate: float = 3e-3
    """Adam's rate."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_validation", "num_fitted", "fixed_num_states"):
            check_count(name, getattr(self, name))
        check_count("num_states", self.num_states, minimum=4)
        for turning in self._all_turnings():
            check_non_negative("turnings", turning)
        if 0 not in self.turnings or set(self.turnings) & set(self.untrained) or not any(self._all_turnings()):
            raise ValueError(
                "`turnings` must hold 0, where all dynamics commute, and none of `untrained`, and one of them must be "
                f"positive; got {self.turnings} and {self.untrained}."
            )
        self.cells()  # checks everything else

    def _all_turnings(self) -> tuple[float, ...]:
        return tuple(sorted({*self.turnings, *self.untrained}))

    def laws(self) -> dict[str, AbstractLinearProcess]:
        """Processes with s_1 uniform on the sphere, the least turned first, Haar's last."""
        sizes = (self.num_states, self.dim, Sphere())
        turned = {f"tau = {each:g}": TurnedRotationProcess(*sizes, turning=each) for each in self._all_turnings()}
        return {**turned, HAAR: HaarProcess(*sizes)}

    def cells(self) -> tuple[Cell, ...]:
        cells: list[Cell] = []
        for name, process in self.laws().items():
            cells += [
                Cell(f"terms, {name}", LawCell(process, self.num_validation)),
                Cell(f"six scalars, {name}", SixScalarsCell(process, self.num_validation, self.num_fitted)),
                *(Cell(f"{kind} layers, {name}", self._layers(kind, process)) for kind in self._kinds(process)),
            ]
        for turning in self._all_turnings():
            process = TurnedRotationProcess(self.fixed_num_states, self.fixed_dim, Ones(unit=True), turning=turning)
            cells.append(Cell(f"terms, s_1 fixed, tau = {turning:g}", LawCell(process, self.num_validation)))
        return tuple(cells)

    def summarise(self, results: list[Arrays]) -> Summary:
        found = iter(results)
        laws = {
            name: Law(
                LawTerms(**next(found)),
                SixScalars(**next(found)),
                {kind: LayerReadings(**next(found)) for kind in self._kinds(process)},
            )
            for name, process in self.laws().items()
        }
        return Summary(laws, tuple(LawTerms(**each) for each in found))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"noncommuting": three_panels(summary)}

    def _kinds(self, process: AbstractLinearProcess) -> tuple[str, ...]:
        """The kinds of layers that are trained on a law."""
        return () if isinstance(process, TurnedRotationProcess) and process.turning in self.untrained else tuple(LAYERS)

    def _layers(self, kind: str, process: AbstractLinearProcess) -> LayersCell:
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        training = layer_training(kind, process, config, self.seeds, self.first_seed)
        return LayersCell(training, self.num_validation)
