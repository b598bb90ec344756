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
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._measure import errors_of, mean_alignment, mean_error, over_models, validation
from mesascope.studies._panels import REFERENCE, band
from mesascope.studies._training import Training, every
from mesascope.tasks.pool import FinitePool

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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


def three_panels(sizes: tuple[int, ...], summary: dict[str, np.ndarray]) -> "Figure":
    """Alignment and losses at the end against the number of tasks; the loss on fresh prompts over training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.4), layout="constrained")
    aligned, losses, training = figure.subplots(1, 3)
    alignment_over_sizes(aligned, summary)
    for name, label in (("loss", "fresh tasks"), ("pool_loss", "training tasks")):
        band(losses, np.arange(len(sizes)), summary[name].T, label, marker="o")
    losses.set(xlabel="number of training tasks B", ylabel="loss")
    for size, curve in zip(sizes, summary["loss_over_training"], strict=True):
        band(training, summary["steps"], curve, f"B = {size}")
    training.set(xlabel="training step", ylabel="loss on fresh tasks")
    for axes in (aligned, losses):
        axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    for axes in (losses, training):
        axes.axhline(float(summary["gradient_descent"]), label="gradient descent", **REFERENCE)
        axes.legend()
        if np.all(summary["pool_loss"] > 0):  # a logarithmic axis needs positive numbers
            axes.set_yscale("log")
    return figure


def alignment_over_sizes(axes: "Axes", summary: dict[str, np.ndarray]) -> None:
    """Distances on the left scale, the cosine on the right."""
    x = np.arange(len(summary["sensitivity_cosine"]))
    band(axes, x, summary["prediction_distance"].T, "prediction distance", color="C1", marker="o")
    band(axes, x, summary["sensitivity_distance"].T, "sensitivity distance", color="C2", marker="o")
    right = axes.twinx()
    band(right, x, summary["sensitivity_cosine"].T, "sensitivity cosine", color="C0", marker="o")
    axes.set(xlabel="number of training tasks B", ylabel="distance", ylim=(0, None))
    right.set(ylabel="cosine", ylim=(None, 1.02))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="center right")
