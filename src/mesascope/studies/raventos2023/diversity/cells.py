"""Models trained on pools of teachers, held against the pool's posterior mean and against ridge regression."""

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from mesascope.algorithms.pool_posterior import PoolPosterior
from mesascope.algorithms.ridge import Ridge
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt
from mesascope.random import jit_draws
from mesascope.studies._shared.measure import compiled_predictions, one_of, relative_distance, validation
from mesascope.studies._shared.training import Training
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.gaussian_regression import GaussianRegression
from mesascope.tasks.teacher_pool import TeacherPool


class PoolDistances(NamedTuple):
    """Of models trained on one pool, on its own tasks and on fresh ones: axes [laws seeds], or [laws] of the rivals.

    A distance is sqrt(sum |f - g|^2 / sum |f|^2) over prompts, f the model's predictions and g the rival's; `apart` is
    that of the two rivals, f the pool posterior's. Losses are on clean targets.
    """

    to_pool: np.ndarray
    to_ridge: np.ndarray
    loss: np.ndarray
    apart: np.ndarray
    pool_loss: np.ndarray
    ridge_loss: np.ndarray


class DiversityCell(AbstractConfig):
    """A training on a pool of teachers, and what is measured of it: with tasks of the pool first, then with fresh ones.

    `noise_std` and `penalty` are those of the rivals, which know the noise. `num_at_once` prompts are answered together
    by the pool posterior, whose memory grows with the pool.
    """

    training: Training[TeacherPool]
    fresh: GaussianRegression
    noise_std: float
    penalty: float
    num_validation: int
    num_at_once: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`PoolDistances`."""
        models, pool = self.training.trained(workspace).model, self.training.task
        posterior = PoolPosterior(jit_draws(lambda: pool.teachers())(), self.noise_std)
        rows = [self._of_law(models, posterior, law) for law in (pool, self.fresh)]
        workspace.report(1, 1, "measured")
        return PoolDistances(*(np.array(column) for column in zip(*rows, strict=True)))._asdict()

    def _of_law(self, models: AbstractPredictor, posterior: PoolPosterior, law: AbstractTask) -> tuple:
        """One row of each field of `PoolDistances`."""
        prompts = validation(law, self.num_validation)
        targets = np.asarray(prompts.target, float)
        of_pool = np.asarray(_part_after_part(posterior, prompts, self.num_at_once), float)
        of_ridge = np.asarray(compiled_predictions(Ridge(self.penalty), prompts), float)
        each = (one_of(models, i) for i in range(self.training.seeds))
        predictions = [np.asarray(compiled_predictions(model, prompts), float) for model in each]
        return (
            [relative_distance(found, of_pool) for found in predictions],
            [relative_distance(found, of_ridge) for found in predictions],
            [_half_square(found - targets) for found in predictions],
            relative_distance(of_pool, of_ridge),
            _half_square(of_pool - targets),
            _half_square(of_ridge - targets),
        )


@eqx.filter_jit
def _part_after_part(predictor: AbstractPredictor, prompts: Prompt, num_at_once: int) -> Float[Array, "prompts dy"]:
    return jax.lax.map(predictor, prompts, batch_size=num_at_once)


def _half_square(errors: np.ndarray) -> float:
    return float(np.mean(np.sum(errors**2, axis=1)) / 2)
