"""Proposition 2 of Sander et al. 2024: on augmented tokens one layer makes one step of gradient descent."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024.prop2_augmented.cells import (
    ExactCell,
    ExactLosses,
    LongCell,
    LongLosses,
    SampledLayerCell,
)
from mesascope.studies.sander2024.prop2_augmented.panels import three_panels
from mesascope.studies.sander2024.prop2_augmented.weights import LayerWeights
from mesascope.study.base import AbstractStudy, Readings
from mesascope.study.cell import Arrays, Cell
from mesascope.study.claim import Claim
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.augmented import one_step_optimum
from mesascope.training.config import FitConfig
from mesascope.training.exact import Adam
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LOSS = "|loss / best step's - 1|"
REST = "largest of a1, a3, a4 (/ a2) and b2 (/ b1)"
PRODUCT = "largest ||entry of b1 a2^T| / c* - 1|"
DISTANCE = "relative distance of predictions"
EQUAL = f"{DISTANCE}, signs made equal"
QUARTER = "|loss a step and coordinate of 2000 steps, simulated - 1/4|"
GAMMA = "relative distance of Gamma, signs made equal"
EVERY = "every seed"
TINY = {"num_steps": 300, "num_sample_steps": 20, "batch_size": 32}
LARGE = {"num_steps": 20_000, "num_sample_steps": 5000, "batch_size": 1024}


class Summary(NamedTuple):
    """What figures and readings are made from: the exact training, the one on samples, and long sequences."""

    losses: ExactLosses
    exact: LayerWeights
    sampled: LayerWeights
    long: LongLosses


class Proposition2(AbstractStudy):
    """Trained on unitary dynamics, a layer on tokens (0, s_t, s_{t-1}) makes the best gradient step from W = 0.

    All six diagonals of the layer's blocks are free and start at random. At the minimum of the population loss, summed
    over lengths, a1 = a3 = a4 = b2 = 0 and b1 a2^T = c* everywhere: the layer is c* sum_t s_{t+1} <s_t, s_T>, whose
    in-context map is one gradient step on sum_t |s_{t+1} - W s_t|^2 / 2, of size c*, applied to s_T. With N pairs at
    most, c* = 3 / (2N + 3d - 2), derived here; the paper gives its size for long sequences, near 3 / (2N). One step
    size serves all lengths, and a step and coordinate loses 1/4 however long the sequence.

    Two things are not as the proposition is told. It asks for a1 + a4 = 0 only. But s_0 = 0, so that at t = 1 the term
    of a1 stands alone and costs what nothing gives back: both vanish. And off its diagonal b1 a2^T enters the loss
    squared only, since phases are independent: c* sigma sigma^T is as good for any signs sigma. Only equal signs make
    gradient descent; those that training ends with may differ (see the numbers).
    """

    title: ClassVar = "On augmented tokens a layer learns one gradient step, its size, and any signs"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), proposition 2"
    claims: ClassVar = (
        Claim("loss", "Training ends at the loss of one gradient step.", LOSS, "at most", 1e-4, EVERY),
        Claim("rest", "All else is zero.", REST, "at most", 0.01, EVERY),
        Claim("product", "b1 a2^T is c* everywhere, up to signs.", PRODUCT, "at most", 0.01, EVERY),
        Claim("map", "The layer is the best gradient step.", DISTANCE, "at most", 0.01, EVERY),
        Claim("map-signs", "It is, once signs are equal.", EQUAL, "at most", 0.01, EVERY),
        Claim("gamma", "So is its in-context map.", GAMMA, "at most", 0.01, EVERY),
        Claim("quarter", "The longer the sequence, the nearer a step's loss is to 1/4.", QUARTER, "at most", 0.01),
        Claim("samples", "So is a layer trained on samples.", EQUAL, "at most", 0.05, EVERY),
    )
    presets: ClassVar = {
        "smoke": {**TINY, "seeds": 2, "dim": 2, "num_pairs": 4, "num_long_pairs": 50, "num_long": 4},
        "quick": {},
        "paper": {**LARGE, "seeds": 5, "dim": 5, "num_pairs": 48, "learning_rate": 1e-3, "num_long": 100},
    }

    seeds: int = 3
    """Trainings, each from a key of its own."""
    dim: int = 3
    """Size of a state."""
    num_pairs: int = 8
    """Pairs of states in the longest sequence that is trained on."""
    init_std: float = 0.1
    """Standard deviation of the weights that training starts from."""
    learning_rate: float = 2e-3
    """Adam's rate."""
    num_steps: int = 5000
    """Training steps on the exact loss."""
    num_sample_steps: int = 1000
    """Training steps on samples."""
    batch_size: int = 128
    """Sequences a training step."""
    num_long_pairs: int = 2000
    """Pairs of states in the sequences that the limit is simulated on."""
    num_long: int = 50
    """Long sequences a seed."""
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("dim", "num_pairs", "num_steps", "num_long_pairs", "num_long"):
            check_count(name, getattr(self, name))
        check_positive("init_std", self.init_std)
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.dim, self.num_pairs, self.init_std)
        seeds = (self.seeds, self.first_seed)
        config = FitConfig(self.num_sample_steps, self.batch_size, self.learning_rate, clip_norm=10.0)
        exact = ExactCell(*sizes, Adam(self.learning_rate), self.num_steps, *seeds)
        make_model = partial(DiagonalAugmentedLayer.initialise, self.dim, std=self.init_std)
        training = Training(make_model, UnitaryProcess(self.num_pairs + 2, self.dim), config, *seeds)
        sampled = SampledLayerCell(training, self.num_pairs)
        long = LongCell(self.dim, self.num_long_pairs, self.num_long, *seeds)
        return Cell("exact loss", exact), Cell("samples", sampled), Cell("long sequences", long)

    def summarise(self, results: list[Arrays]) -> Summary:
        exact, sampled, long = results
        weights = LayerWeights(*(exact[name] for name in LayerWeights._fields))
        losses = ExactLosses(exact["steps"], exact["losses"])
        return Summary(losses, weights, LayerWeights(**sampled), LongLosses(**long))

    def readings(self, summary: Summary) -> Readings:
        exact, sampled = summary.exact, summary.sampled
        best = one_step_optimum(self.dim, self.num_pairs)
        return {
            "loss": np.abs(summary.losses.losses[:, -1] / best.loss - 1),
            "rest": exact.rest,
            "product": np.abs(np.abs(exact.product) / best.coefficient - 1).max(axis=(1, 2)),
            "map": exact.map_distance,
            "map-signs": exact.unflipped_distance,
            "gamma": exact.unflipped_gamma,
            "quarter": np.abs(summary.long.losses - 0.25),
            "samples": sampled.unflipped_distance,
            "c* of the best step": best.coefficient,
            "3 / (2N), its size for long sequences": 1.5 / self.num_pairs,
            "mean |entry of b1 a2^T|, exact loss": np.abs(exact.product).mean(axis=(1, 2)),
            "mean |entry of b1 a2^T|, samples": np.abs(sampled.product).mean(axis=(1, 2)),
            "coordinates of the rarer sign": exact.num_flipped,
            "relative distance of Gamma, signs as they are": exact.gamma_distance,
            "loss a step and coordinate of the best step": best.loss / (self.dim * self.num_pairs),
            "loss a step and coordinate on long sequences": summary.long.losses,
        }

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        panels = three_panels(summary.losses, summary.exact.product[0], self.dim, self.num_pairs)
        return {"proposition2": panels}
