"""An open question of Sander et al. 2024: does the layer still make a gradient step where dynamics do not commute?"""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from mesascope.studies.sander2024.noncommuting.cells import (
    LawCell,
    LawTerms,
    LayerReadings,
    LayersCell,
    StartedLayersCell,
    layer_training,
)
from mesascope.studies.sander2024.noncommuting.panels import four_panels
from mesascope.studies.sander2024.noncommuting.readings import HAAR, STARTED, Law, Summary, readings
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import AbstractConfig, Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.tasks.haar import HaarProcess, TurnedRotationProcess
from mesascope.tasks.initial_state import Ones, Sphere
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


question = partial(Claim, kind="open question", over="every seed")
CLAIMS = (
    question(
        "haar-step",
        "The dense layer trained on uniform W makes nearly one gradient step.",
        "mean |f - g|² / mean |s|² on uniform W, f the dense layer, g the best gradient step",
        "at most",
        0.05,
    ),
    question(
        "scalar-step",
        "The scalar layer makes nearly one gradient step on every law of W.",
        "mean |f - g|² / mean |s|², the largest over laws of W, f the scalar layer, g the best gradient step",
        "at most",
        0.05,
    ),
    question(
        "haar-second",
        "On uniform W, the dense layer adds a second term with query s_{T-1}.",
        "|c' / c| of the dense layer on uniform W, c = tr A2 tr B1 / d² and c' = tr A3 tr B1 / d²",
        "at least",
        0.05,
    ),
    question(
        "haar-predicted",
        "The step and a second term explain the dense layer's loss within 1%.",
        "|loss of the dense layer / least loss of c Σ s_{t+1}⟨s_t, s_T⟩ + c' Σ s_t⟨s_t, s_{T-1}⟩ - 1| on uniform W",
        "at most",
        0.01,
    ),
    question(
        "scalar",
        "On uniform W dense blocks lower the scalar layer's loss by at most 1%.",
        "loss of the scalar layer / loss of the dense layer trained on from it - 1, on uniform W",
        "at most",
        0.01,
        decided_by="paper",
    ),
    question(
        "scalar-rest",
        "Scalar blocks A1, A4, B2 are at most a tenth of A2 and B1.",
        "largest of |A1| / |A2|, |A4| / |A2| and |B2| / |B1| in scalar layers, the largest over laws of W",
        "at most",
        0.1,
    ),
    question(
        "planes",
        "Where all W commute, dense blocks lower the scalar layer's loss by at least 1%.",
        "loss of the dense layer trained on from the scalar one / loss of the scalar layer, at τ = 0",
        "at most",
        0.99,
        decided_by="paper",
    ),
    question(
        "fixed",
        "With fixed first states, non-commuting W change the best step's loss by 5%.",
        "largest |loss of the best gradient step / its loss at τ = 0 - 1| over τ, s_1 the same in all sequences, d = 6",
        "at least",
        0.05,
        over="one number",
    ),
)


class NonCommuting(AbstractStudy):
    """**Question.** The paper proves that one layer on augmented tokens makes one gradient step if all matrices W
    commute. Does the layer still make that step if they do not?

    **Setting.** s_{t+1} = W s_t, d = 4, 17 states, s_1 uniform on the sphere. W = Q R Qᵀ: R rotates fixed planes by
    random angles; Q = exp(τK), K random and antisymmetric, turns the planes. At τ = 0 all W commute; the last law is W
    uniform on the orthogonal group. W is drawn anew for each sequence. One layer of one head reads tokens (0, s_t,
    s_{t-1}); the query-key blocks A1 to A4 and value blocks B1, B2 are dense, or scalar (multiples of the identity).

    **What the paper says.** Proposition 2 is for commuting W. For other W it has experiments only.

    **What we measure.** How far the trained layer is from the best step c Σ s_{t+1}⟨s_t, s_T⟩. How large the
    coefficient c' is of the term Σ s_t⟨s_t, s_{T-1}⟩, which A3 makes, and the least loss of both terms. The size of A1,
    A4 and B2. The loss that dense blocks reach from the trained scalar layer. The best step's loss where s_1 is the
    same in all sequences (d = 6).

    **Differences.** The authors' layer has a normalisation, biases and an output projection; ours has none.

    **Limits.** Small d only. Dense blocks are trained on uniform W and, only from the scalar layer, at τ = 0.
    """

    title: ClassVar = "Without commuting dynamics a layer still makes nearly a gradient step"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = CLAIMS
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "num_steps": 100,
            "batch_size": 32,
            "num_validation": 100,
            "num_states": 8,
            "fixed_num_states": 10,
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "turnings": (0.0, 0.1, 0.3, 1.0),
            "fixed_turnings": (0.0, 0.1, 0.3, 1.0),
            "num_steps": 5000,
            "batch_size": 1024,
            "num_validation": 10_000,
        },
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    turnings: tuple[float, ...] = (0.0,)
    """How far planes are turned, the least first: 0, where all W commute."""
    fixed_turnings: tuple[float, ...] = (0.0, 1.0)
    """The same where the first state is fixed."""
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
    learning_rate: float = 3e-3
    """Adam's rate."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("num_validation", "fixed_num_states"):
            check_count(name, getattr(self, name))
        check_count("num_states", self.num_states, minimum=4)
        for name, least in (("turnings", 1), ("fixed_turnings", 2)):
            turnings = getattr(self, name)
            for turning in turnings:
                check_non_negative(name, turning)
            if len(turnings) < least or turnings[0] != 0 or list(turnings) != sorted(turnings):
                raise ValueError(
                    f"`{name}` must start with 0, where all W commute, and rise, {least} or more of them; "
                    f"got {turnings}."
                )
        self.cells()  # checks everything else

    def laws(self) -> dict[str, AbstractLinearProcess]:
        """Processes with s_1 uniform on the sphere, tau = 0 first, uniform W last."""
        sizes = (self.num_states, self.dim, Sphere())
        turned = {f"tau = {each:g}": TurnedRotationProcess(*sizes, turning=each) for each in self.turnings}
        return {**turned, HAAR: HaarProcess(*sizes)}

    def cells(self) -> tuple[Cell, ...]:
        cells: list[Cell] = []
        for name, process in self.laws().items():
            cells.append(Cell(f"terms, {name}", LawCell(process, self.num_validation)))
            cells += [Cell(f"{kind} layers, {name}", cell) for kind, cell in self._layers(name, process).items()]
        for turning in self.fixed_turnings:
            process = TurnedRotationProcess(self.fixed_num_states, self.fixed_dim, Ones(unit=True), turning=turning)
            cells.append(Cell(f"terms, s_1 fixed, tau = {turning:g}", LawCell(process, self.num_validation)))
        return tuple(cells)

    def summarise(self, results: list[Arrays]) -> Summary:
        found = iter(results)
        laws = {
            name: Law(
                LawTerms(**next(found)),
                {kind: LayerReadings(**next(found)) for kind in self._layers(name, process)},
            )
            for name, process in self.laws().items()
        }
        return Summary(laws, tuple(LawTerms(**each) for each in found))

    def readings(self, summary: Summary) -> Readings:
        return readings(summary)

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"noncommuting": four_panels(summary, self.turnings, self.fixed_turnings)}

    def _layers(self, name: str, process: AbstractLinearProcess) -> dict[str, AbstractConfig]:
        """The layers that are trained on a law, by kind."""
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        scalars, dense = (
            layer_training(kind, process, config, self.seeds, self.first_seed) for kind in ("scalar", "dense")
        )
        cells: dict[str, AbstractConfig] = {"scalar": LayersCell(scalars, self.num_validation)}
        if name == HAAR:
            cells["dense"] = LayersCell(dense, self.num_validation)
        if name == HAAR or name == next(iter(self.laws())):
            cells[STARTED] = StartedLayersCell(scalars, config, self.num_validation)
        return cells
