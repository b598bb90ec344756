"""One layer trained on finitely many prompts, measured on those and on fresh ones."""

from typing import TYPE_CHECKING, Any, NamedTuple

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
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.pool import FinitePool

if TYPE_CHECKING:
    pass


class PoolsCell(NamedTuple):
    """Trainings on pools of one seed that grow, and what is measured of them."""

    trainings: tuple[Training, ...]
    num_validation: int
    num_snapshots: int


def measure_pools(cell: PoolsCell, workspace: Workspace) -> Arrays:
    """Losses on fresh prompts and on the pool, and alignment with the best gradient step [sizes, seeds].

    The loss on fresh prompts is also measured on the way [sizes, seeds, snapshots]. A pool begins with the smaller
    ones: the errors on the largest hold those on every other.
    """
    pools = [training.task for training in cell.trainings if isinstance(training.task, FinitePool)]
    sizes, largest = [pool.num_tasks for pool in pools], pools[-1]
    fresh, seen = validation(largest.task, cell.num_validation), eqx.filter_jit(largest.prompts)()
    rate, loss = map(np.asarray, best_step(fresh))
    descent = GradientDescent(jnp.asarray(rate))
    trained = [training.trained(workspace) for training in cell.trainings]
    snapshots = stack([every(each, cell.num_snapshots)[0] for each in trained])

    def at_the_end(model: Transformer) -> dict[str, Array]:
        errors = errors_of(model, seen)
        of_pools = jnp.stack([errors[:size].mean() for size in sizes])
        return {"loss": mean_error(model, fresh), "pool_losses": of_pools, **mean_alignment(model, descent, fresh)}

    def on_the_way(model: Transformer) -> dict[str, Array]:
        return {"loss_over_training": mean_error(model, fresh)}

    measured = over_models(at_the_end, stack([each.model for each in trained]), 2)
    measured |= over_models(on_the_way, snapshots, 3)
    own = np.arange(len(sizes))
    measured["pool_loss"] = measured.pop("pool_losses")[own, :, own]
    steps = every(trained[0], cell.num_snapshots)[1]
    return {"steps": steps, "gradient_descent": loss, "learning_rate": rate, **measured}


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
