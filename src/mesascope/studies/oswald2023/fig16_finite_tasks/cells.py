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
from mesascope.studies._shared.measure import errors_of, mean_alignment, mean_error, over_models, validation
from mesascope.studies._shared.training import Training, every
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.pool import FinitePool


class PoolLosses(NamedTuple):
    """What layers trained on pools of each size do, [sizes, seeds] but for what is said of all.

    `loss` on fresh prompts at the end and `loss_over_training` [sizes, seeds, snapshots] after `steps` [snapshots];
    `pool_loss` on the pool that it was trained on; alignment with the best gradient step, whose `learning_rate` and
    loss, `gradient_descent`, are numbers.
    """

    steps: np.ndarray
    gradient_descent: np.ndarray
    learning_rate: np.ndarray
    loss: np.ndarray
    loss_over_training: np.ndarray
    pool_loss: np.ndarray
    prediction_distance: np.ndarray
    sensitivity_cosine: np.ndarray
    sensitivity_distance: np.ndarray


class PoolsCell(AbstractConfig):
    """Trainings on pools of one seed that grow, and what is measured of them."""

    trainings: tuple[Training[FinitePool], ...]
    num_validation: int
    num_snapshots: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`PoolLosses`. A pool begins with the smaller ones: the errors on the largest hold those on every other."""
        sizes, largest = [training.task.num_tasks for training in self.trainings], self.trainings[-1].task
        fresh, seen = validation(largest.task, self.num_validation), eqx.filter_jit(largest.prompts)()
        rate, loss = map(np.asarray, best_step(fresh))
        descent = GradientDescent(jnp.asarray(rate))
        trained = [training.trained(workspace) for training in self.trainings]
        snapshots = stack([every(each, self.num_snapshots)[0] for each in trained])

        def at_the_end(model: Transformer) -> dict[str, Array]:
            errors = errors_of(model, seen)
            of_pools = jnp.stack([errors[:size].mean() for size in sizes])
            return {"loss": mean_error(model, fresh), "pool_loss": of_pools, **mean_alignment(model, descent, fresh)}

        def on_the_way(model: Transformer) -> dict[str, Array]:
            return {"loss_over_training": mean_error(model, fresh)}

        measured = over_models(at_the_end, stack([each.model for each in trained]), 2)
        measured |= over_models(on_the_way, snapshots, 3)
        own = np.arange(len(sizes))
        measured["pool_loss"] = measured["pool_loss"][own, :, own]
        steps = every(trained[0], self.num_snapshots)[1]
        workspace.report(1, 1, "measured")
        return PoolLosses(steps, loss, rate, **measured)._asdict()


def stack(models: list[Any]) -> Any:
    """Models of one structure, their arrays on a new leading axis."""
    arrays, static = zip(*(eqx.partition(model, eqx.is_array) for model in models), strict=True)
    return eqx.combine(jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays), static[0])


@jax.jit
def best_step(prompts: Prompt) -> tuple[Array, Array]:
    """The learning rate that makes one gradient step best on these prompts, and the loss it then has."""
    unit_steps = jax.vmap(GradientDescent(1.0))(prompts)
    rate = jnp.sum(unit_steps * prompts.target) / jnp.sum(unit_steps**2)
    return rate, mean_error(GradientDescent(rate), prompts)
