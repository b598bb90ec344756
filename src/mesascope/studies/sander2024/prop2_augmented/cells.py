"""The layer on augmented tokens, trained on its exact loss and on samples."""

from typing import NamedTuple

import jax
import numpy as np

from mesascope.models.augmented import DiagonalAugmentedLayer
from mesascope.studies._shared.training import Training, seed_keys
from mesascope.studies.sander2024.prop2_augmented.weights import read
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.unitary import UnitaryProcess
from mesascope.theory.augmented import AugmentedWeights, layer_losses
from mesascope.training.exact import AbstractOptimiser, fit_exact


class ExactLosses(NamedTuple):
    """Exact losses [seeds records] after `steps` [records], summed over positions."""

    steps: np.ndarray
    losses: np.ndarray


class ExactCell(AbstractConfig):
    """One training of every seed on the population loss of positions T = 2, ..., num_pairs + 1, in float64."""

    dim: int
    num_pairs: int
    init_std: float
    optimiser: AbstractOptimiser
    num_steps: int
    seeds: int
    first_seed: int
    num_sequences: int = 200

    def compute(self, workspace: Workspace) -> Arrays:
        """`ExactLosses` and `LayerWeights`, distances of these in JAX's own precision, on `num_sequences`."""
        with jax.enable_x64(True):
            trained = fit_exact(
                lambda layer: layer_losses(AugmentedWeights(*layer.scores, *layer.values), self.num_pairs).sum(),
                lambda key: DiagonalAugmentedLayer.initialise(self.dim, std=self.init_std, key=key),
                self.optimiser,
                keys=seed_keys(self.first_seed, self.seeds),
                num_steps=self.num_steps,
            )
            layer, losses, steps = jax.tree.map(np.asarray, trained)
        workspace.report(1, 1, f"loss {losses[:, -1].mean():.4g}")
        weights = read(layer.scores, layer.values, self.num_pairs, self.num_sequences)
        return {**ExactLosses(steps, losses)._asdict(), **weights._asdict()}


class SampledLayerCell(AbstractConfig):
    """The same layer on fresh sequences; the position before the first pair counts, too, which no layer can predict."""

    training: Training[UnitaryProcess]
    num_pairs: int
    num_sequences: int = 200

    def compute(self, workspace: Workspace) -> Arrays:
        """`LayerWeights`."""
        layer = self.training.trained(workspace).model
        workspace.report(1, 1, "measured")
        scores, values = np.asarray(layer.scores), np.asarray(layer.values)
        return read(scores, values, self.num_pairs, self.num_sequences)._asdict()
