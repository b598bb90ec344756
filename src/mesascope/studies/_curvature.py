"""What two repeated attention layers have learned of GD++, and what its map does to the spectrum of the inputs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_rates
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import over_models
from mesascope.studies._training import Training
from mesascope.theory.gdpp import best_conditioning, drawn_spectra, effective_eigenvalue
from mesascope.theory.gdpp_optimum import best_rates

NUM_TASKS = 10_000  # behind each of the published extremes
NUM_KEPT = 1000  # tasks whose spectra are drawn in the figures
NUM_CURVATURES = 80  # along the axis of curvatures


class Published(NamedTuple):
    """What the paper's figure 13 reports for one number of examples (dim_x = 10, inputs in [-1/2, 1/2])."""

    smallest: float
    largest: float
    curvature: float


PUBLISHED = {
    10: Published(1e-10, 4.6, 0.179),
    25: Published(0.097, 7.712, 0.099),
    50: Published(0.666, 10.845, 0.056),
    100: Published(2.870, 17.196, 0.029),
}


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


def farthest_extreme(arrays: Arrays, published: Published) -> float:
    """How far the published extremes are from ours, on a logarithmic scale, in standard deviations of ours."""
    ours = np.log([arrays["smallest"], arrays["largest"]])
    distance = np.log([published.smallest, published.largest]) - ours.mean(axis=1)
    return float(np.max(np.abs(distance) / ours.std(axis=1, ddof=1)))


def remark(num_examples: int, arrays: Arrays) -> str:
    """The rates, the extremes and the conditioning of one number of examples, in a sentence."""
    rates = [f"{arrays[name][:, -1].mean():.3g}" for name in ("learning_rate", "curvature")]
    best = [f"{float(arrays[name]):.3g}" for name in ("best_learning_rate", "best_curvature")]
    extremes = [f"{np.exp(np.log(arrays[name]).mean()):.3g}" for name in ("smallest", "largest")]
    return (
        f"N = {num_examples}: eta and gamma learned {rates[0]} and {rates[1]}, best {best[0]} and {best[1]} "
        f"(loss {float(arrays['best_loss']):.3g}), for the conditioning {float(arrays['best_conditioning']):.3g}; "
        f"eigenvalues of {NUM_TASKS} tasks from {extremes[0]} to {extremes[1]}; median condition number after one map "
        f"{arrays['median_ratio'].mean():.2g} of that before."
    )
