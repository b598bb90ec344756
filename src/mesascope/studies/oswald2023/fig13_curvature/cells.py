"""What two repeated attention layers have learned of GD++, and what its map does to the spectrum of the inputs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float

from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_rates
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.gdpp import best_conditioning, drawn_spectra, effective_eigenvalue
from mesascope.theory.gdpp_optimum import best_rates


class Conditioning(NamedTuple):
    """The condition number of all tasks together along `curvatures` [curvatures], after one map over before.

    `median_ratio` [seeds] is the median of single tasks after one map with the learned curvature over that before.
    """

    curvatures: np.ndarray
    pooled_ratio: np.ndarray
    median_ratio: np.ndarray


class Curvature(NamedTuple):
    """Rates [seeds snapshots] that layers learned, the best rates and their loss, and spectra of the tasks.

    `smallest` and `largest` [replicates] are the ends of the spectra of many tasks, `best_conditioning` the curvature
    that conditions them best, `spectra` [tasks dx] those of some tasks. The last three are as in `Conditioning`.
    """

    snapshot_steps: np.ndarray
    learning_rate: np.ndarray
    curvature: np.ndarray
    best_learning_rate: np.ndarray
    best_curvature: np.ndarray
    best_loss: np.ndarray
    smallest: np.ndarray
    largest: np.ndarray
    best_conditioning: np.ndarray
    spectra: np.ndarray
    curvatures: np.ndarray
    pooled_ratio: np.ndarray
    median_ratio: np.ndarray


class CurvatureCell(AbstractConfig):
    """A training of one layer applied `num_repeats` times, and the spectra of its tasks.

    Each pair of extremes is of `num_tasks` tasks, as many as behind the published ones; `num_kept` are kept to be
    drawn. Condition numbers are taken at `num_curvatures` curvatures up to `reach` over the largest eigenvalue.
    """

    training: Training[LinearRegression]
    num_replicates: int
    num_repeats: int = 2
    num_tasks: int = 10_000
    num_kept: int = 1000
    num_curvatures: int = 80
    reach: float = 0.95

    def compute(self, workspace: Workspace) -> Arrays:
        """`Curvature`."""
        task, trained = self.training.task, self.training.trained(workspace)
        learned = over_models(self.rates, trained.snapshots, 2)
        sizes = {"num_examples": task.num_examples, "dim_x": task.dim_x, "input_scale": float(task.input_scale)}
        best = best_rates("GD++", self.num_repeats, **sizes)
        replicates = [
            drawn_spectra(**sizes, num_samples=self.num_tasks, seed=seed) for seed in range(self.num_replicates)
        ]
        smallest, largest = np.array([(spectra.min(), spectra.max()) for spectra in replicates]).T
        ends = (float(np.exp(np.log(each).mean())) for each in (smallest, largest))
        workspace.report(1, 1, "curvature measured")
        return Curvature(
            trained.snapshot_steps,
            learned["learning_rate"],
            learned["curvature"],
            best.learning_rate[0],
            best.curvature[0],
            np.array(best.held_out_loss),
            smallest,
            largest,
            np.array(best_conditioning(*ends)),
            replicates[0][: self.num_kept],
            *self.conditioning(replicates[0], learned["curvature"][:, -1]),
        )._asdict()

    def rates(self, model: Transformer) -> dict[str, Array]:
        """The learning rate and the curvature in the weights."""
        key_query, output_value = model.products()
        task = self.training.task
        return learned_rates(key_query[0, 0], output_value[0, 0], task.dim_x, task.num_examples)._asdict()

    def conditioning(
        self, spectra: Float[np.ndarray, "tasks dx"], learned: Float[np.ndarray, " seeds"]
    ) -> Conditioning:
        """Condition numbers along the curvatures, and with those learned, relative to no map."""
        curvatures = np.linspace(0, self.reach / spectra.max(), self.num_curvatures)
        mapped = [effective_eigenvalue(spectra, float(curvature)) for curvature in curvatures]
        before = np.median(condition_numbers(spectra))
        after = [np.median(condition_numbers(effective_eigenvalue(spectra, float(each)))) for each in learned]
        return Conditioning(
            curvatures,
            np.array([each.max() / each.min() for each in mapped]) * spectra.min() / spectra.max(),
            np.array(after) / before,
        )


def condition_numbers(spectra: Float[np.ndarray, "tasks dx"]) -> Float[np.ndarray, " tasks"]:
    """The largest eigenvalue of each task over its smallest."""
    return spectra.max(axis=1) / spectra.min(axis=1)
