"""Figure 13 of von Oswald et al. 2023: the curvature that trained layers choose, and what it does to the spectrum."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.stacks import stack_training
from mesascope.studies.oswald2023.fig13_curvature import panels as panels
from mesascope.studies.oswald2023.fig13_curvature.cells import CurvatureCell
from mesascope.studies.oswald2023.fig13_curvature.readings import PUBLISHED, farthest_extreme, remark
from mesascope.study.base import AbstractStudy, Arrays, Cell, Workspace
from mesascope.study.claim import Claim, Verdict
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.validation import check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DIM_X = 10  # the paper's, whose published numbers the study compares with
CURVATURE = "|learned gamma / best gamma - 1|"
MORE = f"largest {CURVATURE} over N > {DIM_X}"
EXTREME = "largest distance of a published extreme, in standard deviations on a logarithmic scale,"
MEDIAN = "largest ratio of the median condition number after one map to that before"
HEURISTIC = "smallest ratio of the gamma that conditions best to the learned one"


class Figure13(AbstractStudy):
    """Two repeated attention layers learn the curvature gamma that is best for the expected loss, not for conditioning.

    The same layer, applied twice, is trained on tasks of N examples. The diagonal of its P W_V on x times that of its
    W_KQ is -gamma, which neither scale nor gauge changes, and is held against the gamma that minimises the expected
    loss of two steps of GD++ with shared rates (see `theory`). Panels: what one map x <- (I - gamma X X^T) x with the
    learned gamma makes of an eigenvalue, of all eigenvalues, and of each task's condition number; and condition
    numbers along gamma, with the learned one and the one of the least bound, 1 / (l_max + sqrt(l_max l_min) + l_min)
    for the extreme eigenvalues of 10^4 tasks, where both ends are mapped to one value (our derivation).

    The extremes that the paper reports are single draws from distributions with long tails: each is compared with the
    spread of several draws of ours, on a logarithmic scale. They and the paper's gammas belong to inputs in
    [-1/2, 1/2], as in the authors' code; with the text's [-1, 1] every gamma would be four times smaller.

    What we found. The learned gamma is two or three percent below the best one, and well below what would condition
    best: the loss wants a small error where eigenvalues lie, of which their largest ratio says little. gamma stays
    near zero while the layers learn gradient descent, and rises only then.
    """

    title: ClassVar = "Two trained layers transform their data as the best two steps of GD++ do"
    source: ClassVar = "von Oswald et al. 2023 (arXiv 2212.07677), figure 13 and appendix A.10"
    claims: ClassVar = (
        Claim("gamma", "With N = 10 examples, gamma is the best for the loss.", CURVATURE, "at most", 0.05),
        Claim("gamma-more", "So it is with each larger N.", MORE, "at most", 0.05),
        Claim("extremes", "Our spectra are the authors'.", EXTREME, "at most", 4.0),
        Claim("conditioning", "The learned map improves the conditioning.", MEDIAN, "at most", 0.7),
        Claim("heuristic", "The best conditioning would take a larger gamma.", HEURISTIC, "at least", 1.0),
    )
    presets: ClassVar = {
        "smoke": {"seeds": 1, "other_seeds": 1, "num_steps": 200, "batch_size": 128, "num_replicates": 5},
        "quick": {"seeds": 2, "other_seeds": 2, "num_steps": 2000},
        "paper": {"seeds": 5, "other_seeds": 3, "num_steps": 5000, "num_replicates": 50, "sizes": (25, 50, 100)},
    }

    seeds: int = 2
    other_seeds: int = 2
    num_steps: int = 2000
    batch_size: int = 2048
    num_replicates: int = 20
    sizes: tuple[int, ...] = (25,)
    input_scale: float = 0.5
    first_seed: int = 0

    def __check_init__(self):
        for name in ("seeds", "other_seeds", "num_steps", "batch_size"):
            check_count(name, getattr(self, name))
        check_count("num_replicates", self.num_replicates)
        for size in self.sizes or (0,):  # a claim is about them
            check_count("sizes", size)
        self._training(DIM_X)  # checks everything else

    def cells(self) -> tuple[Cell, ...]:
        trainings = {size: self._training(size) for size in (DIM_X, *self.sizes)}
        trained = (Cell(f"training, N = {size}", training) for size, training in trainings.items())
        measured = (
            Cell(f"curvature, N = {size}", CurvatureCell(training, self.num_replicates))
            for size, training in trainings.items()
        )
        return (*trained, *measured)

    def run_cell(self, cell: Cell, workspace: Workspace) -> Arrays:
        return cell.config.measure(workspace)

    def summarise(self, results: list[Arrays]) -> dict[int, Arrays]:
        sizes = (DIM_X, *self.sizes)
        return dict(zip(sizes, results[len(sizes) :], strict=True))

    def verdicts(self, summary: dict[int, Arrays]) -> tuple[Verdict, ...]:
        learned = {size: arrays["curvature"][:, -1] for size, arrays in summary.items()}
        gaps = {size: np.abs(learned[size] / each["best_curvature"] - 1) for size, each in summary.items()}
        larger = np.concatenate([each["best_conditioning"] / learned[size] for size, each in summary.items()])
        measured = {
            "gamma": gaps[DIM_X],
            "gamma-more": np.max([gaps[size] for size in self.sizes], axis=0),
            "conditioning": np.concatenate([each["median_ratio"] for each in summary.values()]),
            "heuristic": larger,
        }
        extremes = max(farthest_extreme(each, PUBLISHED[size]) for size, each in summary.items() if size in PUBLISHED)
        return (
            self.claims[0].judge(measured["gamma"]),
            self.claims[1].judge(measured["gamma-more"]),
            self.claims[2].judge_exact(extremes),
            self.claims[3].judge_every(measured["conditioning"]),
            self.claims[4].judge_every(measured["heuristic"]),
        )

    def notes(self, summary: dict[int, Arrays]) -> tuple[str, ...]:
        return tuple(remark(size, arrays) for size, arrays in summary.items())

    def figures(self, summary: dict[int, Arrays]) -> "dict[str, Figure]":
        shown = 25 if 25 in summary else DIM_X
        return {"figure13": panels.curvature(summary, shown), "training": panels.learning(summary)}

    def _training(self, num_examples: int) -> Training:
        task = LinearRegression(num_examples, DIM_X, input_scale=self.input_scale)
        seeds = self.seeds if num_examples == DIM_X else self.other_seeds
        settings = {"num_steps": self.num_steps, "batch_size": self.batch_size, "first_seed": self.first_seed}
        return stack_training(num_repeats=2, seeds=seeds, task=task, **settings)
