"""An open question of Sander et al. 2024: does the layer still make a gradient step where dynamics do not commute?"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.studies._claim import Claim, Verdict
from mesascope.studies._noncommuting import LAYERS, LayersCell, in_words, layer_training, measure_layers, two_panels
from mesascope.studies._turned_laws import HAAR, change_of_loss, fixed_starts, laws
from mesascope.tasks._process import AbstractLinearProcess
from mesascope.training.config import FitConfig
from mesascope.validation import check_count, check_non_negative

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class NonCommuting(AbstractStudy):
    """Where dynamics do not commute, a layer on augmented tokens makes a gradient step and a small second term.

    W is Q R Q^T, R rotations of fixed planes and Q = exp(tau K) drawn anew for every sequence: at tau = 0 all W
    commute, and the commutator of two of them grows with tau. At last W is uniform on the orthogonal group. The first
    state is uniform on the sphere. Layers of one head without normalisation or biases are trained on fresh sequences:
    with dense blocks, and with blocks that are multiples of the identity (see `models/augmented.py`).

    For real data <s_{T-1}, s_t> and <s_T, s_{t-1}> are correlated, where in the complex unitary model they are
    orthogonal monomials. So A3 does not vanish: to c sum_t s_{t+1} <s_t, s_T> comes c' sum_t s_t <s_t, s_{T-1}>,
    with a small negative c'. On Haar dynamics least squares on these two terms is to predict loss and coefficients. On
    turned planes a layer may use its other blocks, too: what it then loses the notes hold against the two terms.

    Whether W commute with each other is nothing to a gradient step, which sees one of them at a time: with s_1 uniform
    its loss depends on the eigenvalues' law alone, the same for every tau. Where s_1 is fixed it does depend on tau,
    since to turn W is then to turn what s_1 is made of: the last notes give its losses, for d = 6. A dense layer could
    learn planes that are always the same; whether training does, the last claim asks. At the paper's size it did not,
    and where planes turn a little some seeds ended above the best step.
    """

    title: ClassVar = "Without commuting dynamics a layer still makes a gradient step, and a second term"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), discussion; not in the paper"
    claims: ClassVar = (
        Claim("haar-step", "On Haar dynamics the layer is near a gradient step.", "distance / |s|^2", "at most", 0.05),
        Claim("haar-second", "A3 does not vanish there.", "|A3 B1 / A2 B1|", "at least", 0.05),
        Claim("haar-predicted", "Least squares predicts its loss.", "|loss / predicted - 1|", "at most", 0.01),
        Claim("haar-ratio", "And the second coefficient.", "|ratio / predicted - 1|", "at most", 0.15),
        Claim("haar-rest", "A1, A4 and B2 vanish.", "largest norm / that of A2, or B1", "at most", 0.1),
        Claim("scalar", "Scalar blocks do as well on Haar dynamics.", "scalar loss / dense loss - 1", "at most", 0.01),
        Claim("invariant", "One step does as well for every tau.", "largest |loss / at tau = 0 - 1|", "at most", 0.01),
        Claim("fixed", "But not where s_1 is fixed.", "largest |loss / at tau = 0 - 1|, s_1 fixed", "at least", 0.05),
        Claim("planes", "Known planes help a dense layer.", "dense loss / best two terms, tau = 0", "at most", 0.99),
    )
    presets: ClassVar = {
        "smoke": {
            "seeds": 2,
            "turnings": (0.0,),
            "untrained": (0.3,),
            "num_steps": 300,
            "batch_size": 64,
            "num_validation": 500,
        },
        "quick": {},
        "paper": {
            "seeds": 5,
            "turnings": (0.0, 0.1, 0.3, 1.0),
            "untrained": (),
            "num_steps": 5000,
            "batch_size": 1024,
            "num_validation": 10_000,
        },
    }

    seeds: int = 3
    turnings: tuple[float, ...] = (0.0, 0.3)
    untrained: tuple[float, ...] = (0.1, 1.0)  # turnings at which only the best step is measured
    dim: int = 4
    num_states: int = 17
    num_steps: int = 2000
    batch_size: int = 512
    num_validation: int = 4000
    learning_rate: float = 3e-3
    first_seed: int = 0

    def __check_init__(self):
        for name in ("num_validation", "num_states"):
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

    def laws(self) -> dict[str, AbstractLinearProcess]:
        """The processes, the least turned first."""
        return laws(self.num_states, self.dim, self._all_turnings())

    def _all_turnings(self) -> tuple[float, ...]:
        return (*self.turnings, *self.untrained)

    def cells(self) -> tuple[Cell, ...]:
        config = FitConfig(self.num_steps, self.batch_size, self.learning_rate, b2=0.999, clip_norm=10.0)
        trained, measured = [], []
        for name, process in self.laws().items():
            kinds = () if getattr(process, "turning", None) in self.untrained else tuple(LAYERS)
            layers = tuple(layer_training(kind, process, config, self.seeds, self.first_seed) for kind in kinds)
            trained += [Cell(f"{name}, {kind}, trained", each) for kind, each in zip(kinds, layers, strict=True)]
            measured.append(Cell(f"{name}, measured", LayersCell(process, layers, self.num_validation)))
        fixed = (
            Cell(f"{name}, measured", LayersCell(process, (), self.num_validation))
            for name, process in fixed_starts(self._all_turnings()).items()
        )
        return *trained, *measured, *fixed

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return measure_layers(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> dict[str, Arrays]:
        names = (*self.laws(), *fixed_starts(self._all_turnings()))
        return dict(zip(names, results[-len(names) :], strict=True))

    def verdicts(self, summary: dict[str, Arrays]) -> tuple[Verdict, ...]:
        haar = summary[HAAR]
        commuting, *turned = (summary[name] for name in self.laws() if name != HAAR)
        fixed = [summary[name] for name in fixed_starts(self._all_turnings())]
        exact = {"invariant": change_of_loss([commuting, *turned]), "fixed": change_of_loss(fixed)}
        ratio = haar["dense_second"] / haar["dense_first"]
        per_seed = {
            "haar-step": haar["dense_distance"],
            "haar-second": np.abs(ratio),
            "haar-predicted": np.abs(haar["dense_loss"] / haar["two"] - 1),
            "haar-ratio": np.abs(ratio / haar["ratio"] - 1),
            "haar-rest": haar["dense_rest"],
            "planes": commuting["dense_loss"] / commuting["two"],
            "scalar": haar["scalar_loss"] / haar["dense_loss"] - 1,
        }
        return tuple(
            claim.judge_exact(exact[claim.id]) if claim.id in exact else claim.judge(per_seed[claim.id])
            for claim in self.claims
        )

    def notes(self, summary: dict[str, Arrays]) -> tuple[str, ...]:
        return tuple(in_words(name, of) for name, of in summary.items())

    def figures(self, summary: dict[str, Arrays]) -> "dict[str, Figure]":
        return {"noncommuting": two_panels({name: summary[name] for name in self.laws()})}
