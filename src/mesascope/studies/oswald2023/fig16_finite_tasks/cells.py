"""One layer trained on finitely many prompts, measured on those and on fresh ones."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.random import jit_draws
from mesascope.studies._shared.measure import errors_of, mean_alignment, mean_error, over_models, validation
from mesascope.studies._shared.training import Training, every
from mesascope.studies.oswald2023._shared.best_multiple import best_multiple
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.pool import FinitePool


class PoolMeasures(NamedTuple):
    """Losses on fresh prompts and on the pool, and alignment with the best gradient step [sizes seeds].

    `loss_over_training` on fresh prompts is measured after `steps` [snapshots], too [sizes seeds snapshots].
    `gradient_descent` is the loss of the best step and `learning_rate` its rate.
    """

    loss: np.ndarray
    pool_loss: np.ndarray
    prediction_distance: np.ndarray
    sensitivity_cosine: np.ndarray
    sensitivity_distance: np.ndarray
    steps: np.ndarray
    loss_over_training: np.ndarray
    gradient_descent: np.ndarray
    learning_rate: np.ndarray


class PoolsCell(AbstractConfig):
    """Trainings on pools of one seed that grow, and what is measured of them.

    A pool begins with the smaller ones: the errors on the largest hold those on every other.
    """

    trainings: tuple[Training[FinitePool], ...]
    num_validation: int
    num_snapshots: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`PoolMeasures`."""
        sizes, largest = [training.task.num_tasks for training in self.trainings], self.trainings[-1].task
        fresh, seen = validation(largest.task, self.num_validation), jit_draws(largest.prompts)()
        rate, loss = best_step(fresh)
        descent = GradientDescent(rate)
        trained = [training.trained(workspace) for training in self.trainings]
        snapshots, steps = zip(*(every(each, self.num_snapshots) for each in trained), strict=True)

        def at_the_end(model: Transformer) -> dict[str, Array]:
            errors = errors_of(model, seen)
            of_pools = jnp.stack([errors[:size].mean() for size in sizes])
            return {"loss": mean_error(model, fresh), "pool_losses": of_pools, **mean_alignment(model, descent, fresh)}

        found = over_models(at_the_end, stack([each.model for each in trained]), 2)
        found |= over_models(lambda model: {"loss_over_training": mean_error(model, fresh)}, stack(snapshots), 3)
        workspace.report(1, 1, "measured")
        own = np.arange(len(sizes))
        found["pool_loss"] = found.pop("pool_losses")[own, :, own]
        best = {"gradient_descent": np.asarray(loss), "learning_rate": np.asarray(rate)}
        return PoolMeasures(steps=steps[0], **best, **found)._asdict()


@jax.jit
def best_step(prompts: Prompt) -> tuple[Array, Array]:
    """The learning rate that makes one gradient step best on these prompts, and the loss it then has."""
    return best_multiple(jax.vmap(GradientDescent(1.0))(prompts), prompts)


def stack(models: Any) -> Any:
    """Models of one structure, their arrays on a new leading axis."""
    arrays, static = zip(*(eqx.partition(model, eqx.is_array) for model in models), strict=True)
    return eqx.combine(jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *arrays), static[0])
