"""Proposition 2 of Sander et al. 2024: on augmented tokens one layer makes one step of gradient descent."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.studies._shared.training import Training
from mesascope.studies.sander2024.prop2_augmented.cells import ExactCell, ExactLosses, SampledLayerCell
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

LOSS = "|population loss / that of the best gradient step - 1|, both summed over T"
REST = "largest |entry| of a1, a3, a4 over that of a2, and of b2 over that of b1"
PRODUCT = "largest ||entry of b1 a2^T| / c* - 1|, c* = 3 / (2N + 3d - 2), N the largest number of pairs of states"
DISTANCE = "|f - g| / |g|, f the layer's predictions of s_{T+1}, g those of the best gradient step"
EQUAL = f"{DISTANCE}, the signs of b1 and a2 made equal"
SHARE = "share of seeds whose a2 has entries of both signs"
TINY = {"num_steps": 300, "num_sample_steps": 20, "batch_size": 32}
LARGE = {"num_steps": 20_000, "num_sample_steps": 5000, "batch_size": 1024}
of_paper = partial(Claim, over="every seed", kind="paper")
of_ours = partial(Claim, over="every seed")


class Summary(NamedTuple):
    """What figures and readings are made from: the exact training, and the one on samples."""

    losses: ExactLosses
    exact: LayerWeights
    sampled: LayerWeights


class Proposition2(AbstractStudy):
    """**Question.** Does a linear attention layer on tokens (0, s_t, s_{t-1}) learn one step of gradient descent?

    **Setting.** s_{t+1} = W s_t, W diagonal with independent uniform phases, s_0 = 0. Six free diagonals a1, a2, a3,
    a4, b1, b2 predict s_{T+1} ≈
    Σ_{t ≤ T} (b1 s_t + b2 s_{t-1}) Σ_j [a1 s_T s_t* + a2 s_T s_{t-1}* + a3 s_{T-1} s_t* + a4 s_{T-1} s_{t-1}*]_j.
    Adam minimises the population loss in closed form, summed over T = 2, ..., N + 1 (d = 5,
    N = 48). A second training draws sequences.

    **What the paper says.** Proposition 2: at the minimum a1 + a4 = a3 = b2 = 0 and all entries of b1 a2ᵀ are equal.
    The layer is one gradient step from W = 0 on Σ |s_{t+1} - W s_t|², applied to s_T, of size about 3 / (2N).

    **What we measure.** The loss, the diagonals, and the distance of predictions to the best gradient step.

    **Found here.** The minimum is unique only up to signs: with the best size c* = 3 / (2N + 3d - 2), b1 a2ᵀ = c* σσᵀ
    loses the same for any signs σ. Training ends with signs of both kinds, and the layer is a gradient step only with
    signs made equal. a1 and a4 each vanish, not only their sum, because s_0 = 0.

    **Differences.** The proposition is about the minimum; here training looks for it.

    **Limits.** One size; W commute (others: sander2024-noncommuting).
    """

    title: ClassVar = "On augmented tokens a layer learns one gradient step, up to signs"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), proposition 2"
    claims: ClassVar = (
        of_paper(
            "loss",
            "Training ends at the loss of the best gradient step.",
            LOSS,
            "at most",
            1e-4,
            restates="proposition 2: the minimum is one gradient step",
        ),
        of_paper(
            "rest",
            "All diagonals of the trained layer but a2 and b1 vanish.",
            REST,
            "at most",
            0.01,
            restates="proposition 2: a1 + a4 = a3 = b2 = 0",
        ),
        of_paper(
            "map",
            "The trained layer, its signs unchanged, predicts as one gradient step does.",
            DISTANCE,
            "at most",
            0.01,
            restates="proposition 2: the layer is one gradient step",
        ),
        of_ours(
            "map-signs",
            "With signs made equal, the trained layer predicts as one gradient step does.",
            EQUAL,
            "at most",
            0.01,
        ),
        of_ours(
            "signs",
            "In most seeds training leaves a2 with entries of both signs.",
            SHARE,
            "at least",
            0.5,
            over="one number",
            decided_by="paper",
        ),
        of_ours(
            "product", "Up to sign, every entry of b1 a2ᵀ is the best step's size within 1%.", PRODUCT, "at most", 0.01
        ),
        of_ours(
            "samples",
            "With signs made equal, a layer trained on samples makes the best gradient step.",
            EQUAL,
            "at most",
            0.05,
        ),
    )
    presets: ClassVar = {
        "smoke": {**TINY, "seeds": 2, "dim": 2, "num_pairs": 4},
        "quick": {},
        "paper": {**LARGE, "seeds": 5, "dim": 5, "num_pairs": 48, "learning_rate": 1e-3},
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
    first_seed: int = 0
    """The first seed; the others follow."""

    def __check_init__(self):
        for name in ("dim", "num_pairs", "num_steps"):
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
        return Cell("exact loss", exact), Cell("samples", sampled)

    def summarise(self, results: list[Arrays]) -> Summary:
        exact, sampled = (LayerWeights(*(found[name] for name in LayerWeights._fields)) for found in results)
        return Summary(ExactLosses(results[0]["steps"], results[0]["losses"]), exact, sampled)

    def readings(self, summary: Summary) -> Readings:
        exact, sampled = summary.exact, summary.sampled
        best = one_step_optimum(self.dim, self.num_pairs)
        trained = np.isfinite(exact.rest)
        return {
            "loss": np.abs(summary.losses.losses[:, -1] / best.loss - 1),
            "rest": exact.rest,
            "map": exact.map_distance,
            "map-signs": exact.unflipped_distance,
            "signs": np.where(trained, exact.num_flipped > 0, np.nan).mean(),
            "product": np.abs(np.abs(exact.product) / best.coefficient - 1).max(axis=(1, 2)),
            "samples": sampled.unflipped_distance,
            "c* of the best gradient step": best.coefficient,
            "3 / (2N), its size for long sequences": 1.5 / self.num_pairs,
            "mean |entry of b1 a2^T|, exact loss": np.abs(exact.product).mean(axis=(1, 2)),
            "mean |entry of b1 a2^T|, samples": np.abs(sampled.product).mean(axis=(1, 2)),
            "coordinates of the rarer sign, exact loss": exact.num_flipped,
            "coordinates of the rarer sign, samples": sampled.num_flipped,
            "relative distance of predictions, samples, signs as trained": sampled.map_distance,
            "loss a step and coordinate of the best gradient step": best.loss / (self.dim * self.num_pairs),
        }

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        return {"proposition2": three_panels(*summary, one_step_optimum(self.dim, self.num_pairs))}
