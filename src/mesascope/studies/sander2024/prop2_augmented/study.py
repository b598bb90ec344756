"""Proposition 2 of Sander et al. 2024: on augmented tokens one layer makes one step of gradient descent."""

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from mesascope.studies.sander2024.prop2_augmented import cells as augmented
from mesascope.studies.sander2024.prop2_augmented.panels import three_panels
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.theory.augmented import one_step_optimum
from mesascope.training.config import FitConfig
from mesascope.training.exact import Adam
from mesascope.validation import check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure


REST = "largest of a1, a3, a4 (/ a2) and b2 (/ b1)"
PRODUCT = "largest ||entry of b1 a2^T| / c* - 1|"
DISTANCE = "relative distance of predictions"
QUARTER = "|loss a step and coordinate of 2000 steps, simulated - 1/4|"
GAMMA = "relative distance of Gamma"
MANY, NUM_LONG = 2000, 100  # pairs of states, and sequences a seed, for the limit


class Summary(NamedTuple):
    """What figures and verdicts are made from."""

    steps: np.ndarray
    losses: np.ndarray  # exact, by seed and over steps
    exact: augmented.Reading
    sampled: augmented.Reading
    long: np.ndarray  # the best step's loss a step and coordinate on long sequences, by seed


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
    gradient descent; those that training ends with may differ (see the notes).
    """

    title: ClassVar = "On augmented tokens a layer learns one gradient step, its size, and any signs"
    source: ClassVar = "Sander et al. 2024 (arXiv 2402.05787), proposition 2"
    claims: ClassVar = (
        Claim("loss", "Training ends at the loss of one gradient step.", "|loss / best step's - 1|", "at most", 1e-4),
        Claim("rest", "All else is zero.", REST, "at most", 0.01),
        Claim("product", "b1 a2^T is c* everywhere, up to signs.", PRODUCT, "at most", 0.01),
        Claim("map", "The layer is the best gradient step.", DISTANCE, "at most", 0.01),
        Claim("map-signs", "It is, once signs are equal.", f"{DISTANCE}, signs made equal", "at most", 0.01),
        Claim("gamma", "So is its in-context map.", f"{GAMMA}, signs made equal", "at most", 0.01),
        Claim("quarter", "The longer the sequence, the nearer a step's loss is to 1/4.", QUARTER, "at most", 0.01),
        Claim("samples", "So is a layer trained on samples.", f"{DISTANCE}, signs made equal", "at most", 0.05),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 2, "num_steps": 6000, "num_sample_steps": 800, "batch_size": 256, "dim": 2, "num_pairs": 4},
        "quick": {},
        "paper": {"seeds": 5, "num_pairs": 48, "num_steps": 20_000, "num_sample_steps": 5000, "batch_size": 1024},
    }

    seeds: int = 3
    dim: int = 5
    num_pairs: int = 18
    init_std: float = 0.1
    learning_rate: float = 1e-3
    num_steps: int = 10_000
    num_sample_steps: int = 1500
    batch_size: int = 512
    first_seed: int = 0

    def __check_init__(self):
        for name in ("dim", "num_pairs", "num_steps"):
            check_count(name, getattr(self, name))
        check_positive("init_std", self.init_std)
        self.cells()  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        sizes = (self.dim, self.num_pairs, self.init_std)
        seeds = (self.seeds, self.first_seed)
        config = FitConfig(self.num_sample_steps, self.batch_size, self.learning_rate, clip_norm=10.0)
        exact = augmented.ExactCell(*sizes, Adam(self.learning_rate), self.num_steps, *seeds)
        samples = augmented.sample_training(*sizes, config, *seeds)
        long = augmented.LongCell(self.dim, MANY, NUM_LONG, *seeds)
        return Cell("exact loss", exact), Cell("samples", samples), Cell("long sequences", long)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        if isinstance(cell.config, augmented.LongCell):
            return augmented.simulate_long(cell.config, workspace)
        return augmented.train_exactly(cell.config, workspace)

    def summarise(self, results: list[Arrays]) -> Summary:
        exact, sampled, long = results
        scores, values = (sampled[f"weights_{i:03d}"][:, -1] for i in range(2))
        of_exact = augmented.read(exact["scores"], exact["values"], self.num_pairs)
        of_samples = augmented.read(scores, values, self.num_pairs)
        return Summary(exact["steps"], exact["losses"], of_exact, of_samples, long["losses"])

    def verdicts(self, summary: Summary) -> tuple[Verdict, ...]:
        exact, best = summary.exact, one_step_optimum(self.dim, self.num_pairs)
        per_seed = {
            "loss": np.abs(summary.losses[:, -1] / best.loss - 1),
            "rest": exact.rest,
            "product": np.abs(np.abs(exact.product) / best.coefficient - 1).max(axis=(1, 2)),
            "map": exact.map_distance,
            "map-signs": exact.unflipped_distance,
            "gamma": exact.unflipped_gamma,
            "samples": summary.sampled.unflipped_distance,
        }
        quarter = np.abs(summary.long - 0.25)
        return tuple(
            claim.judge_every(per_seed[claim.id]) if claim.id in per_seed else claim.judge(quarter)
            for claim in self.claims
        )

    def notes(self, summary: Summary) -> tuple[str, ...]:
        best = one_step_optimum(self.dim, self.num_pairs)
        products = (np.abs(each.product).mean(axis=(1, 2)) for each in (summary.exact, summary.sampled))
        learned = (", ".join(f"{value:.5f}" for value in values) for values in products)
        told = "c* = {:.5f}, 3 / (2N) = {:.5f}; learned on the exact loss {}; on samples {}."
        return (
            told.format(best.coefficient, 1.5 / self.num_pairs, *learned),
            f"Coordinates of the rarer sign, by seed: {', '.join(map(str, summary.exact.num_flipped))} of {self.dim}; "
            f"distances of Gamma {', '.join(f'{each:.2g}' for each in summary.exact.gamma_distance)}.",
            f"The best step loses {best.loss / (self.dim * self.num_pairs):.4f} a step and coordinate, on sequences of "
            f"{MANY} steps {', '.join(f'{each:.4f}' for each in summary.long)}.",
        )

    def figures(self, summary: Summary) -> "dict[str, Figure]":
        sizes = (self.dim, self.num_pairs)
        return {"proposition2": three_panels(summary.steps, summary.losses, summary.exact.product[0], *sizes)}
