"""What two repeated attention layers have learned of GD++, and what its map does to the spectrum of the inputs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_rates
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.study.base import Arrays, Workspace
from mesascope.theory.gdpp import best_conditioning, drawn_spectra, effective_eigenvalue
from mesascope.theory.gdpp_optimum import best_rates

NUM_TASKS = 10_000  # behind each of the published extremes
NUM_KEPT = 1000  # tasks whose spectra are drawn in the figures
NUM_CURVATURES = 80  # along the axis of curvatures


class CurvatureCell(NamedTuple):
    """A training of the same layer applied twice, and the spectra of its tasks."""

    training: Training
    num_replicates: int

    def measure(self, workspace: Workspace) -> Arrays:
        """Learned rates [seeds, snapshots], the best rates, extremes [replicates] of spectra, and condition numbers."""
        task = self.training.task
        trained = self.training.trained(workspace)
        learned = over_models(self._rates, trained.snapshots, 2)
        sizes = {"num_examples": task.num_examples, "dim_x": task.dim_x, "input_scale": float(task.input_scale)}
        best = best_rates("GD++", 2, **sizes)
        replicates = [drawn_spectra(**sizes, num_samples=NUM_TASKS, seed=seed) for seed in range(self.num_replicates)]
        extremes = [(spectra.min(), spectra.max()) for spectra in replicates]
        smallest, largest = np.array(extremes).T
        ends = np.exp(np.log(smallest).mean()), np.exp(np.log(largest).mean())
        return {
            "snapshot_steps": trained.snapshot_steps,
            "learning_rate": learned["learning_rate"],
            "curvature": learned["curvature"],
            "best_learning_rate": best.learning_rate[0],
            "best_curvature": best.curvature[0],
            "best_loss": np.array(best.held_out_loss),
            "smallest": smallest,
            "largest": largest,
            "best_conditioning": np.array(best_conditioning(*map(float, ends))),
            "spectra": replicates[0][:NUM_KEPT],
            **conditioning(replicates[0], learned["curvature"][:, -1]),
        }

    def _rates(self, model: Transformer) -> dict[str, Array]:
        key_query, output_value = model.products()
        task = self.training.task
        return learned_rates(key_query[0, 0], output_value[0, 0], task.dim_x, task.num_examples)._asdict()


def conditioning(spectra: np.ndarray, learned: np.ndarray) -> Arrays:
    """Condition numbers of single tasks and of all of them together, along the curvatures, and with those learned."""
    curvatures = np.linspace(0, 1.25 / spectra.max(), NUM_CURVATURES)
    mapped = [effective_eigenvalue(spectra, float(curvature)) for curvature in curvatures]
    before = np.median(condition_numbers(spectra))
    after = [np.median(condition_numbers(effective_eigenvalue(spectra, float(curvature)))) for curvature in learned]
    return {
        "curvatures": curvatures,
        "pooled_condition": np.array([each.max() / each.min() for each in mapped]),
        "median_condition": np.array([np.median(condition_numbers(each)) for each in mapped]),
        "median_ratio": np.array(after) / before,
    }


def condition_numbers(spectra: np.ndarray) -> np.ndarray:
    """The largest eigenvalue of each task over its smallest."""
    return spectra.max(axis=1) / spectra.min(axis=1)
