"""The weights of trained linear layers, read and drawn beside those of a construction."""

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.structure import diagonal_structure, distance_to_span, fix_gauge, identity_blocks
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import BestRates, best_gdpp
from mesascope.study.base import Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum

if TYPE_CHECKING:
    pass


class WeightsCell(NamedTuple):
    """A training of one layer applied `depth` times, and how its weights are measured."""

    training: Training
    task: LinearRegression
    depth: int


def measure(cell: WeightsCell, workspace: Workspace) -> Arrays:
    """The two products of every seed's layer with their gauge fixed, their structure, and the best rates."""
    task, trained = cell.task, cell.training.trained(workspace)
    blocks = identity_blocks(task.dim_x, task.dim_y)
    is_x = jnp.arange(task.dim_x + task.dim_y) < task.dim_x
    whole = jnp.ones((is_x.size, is_x.size), bool)
    asks, writes = (whole & is_x[None, :], whole & ~is_x[:, None]) if cell.depth == 1 else (whole, whole)

    def read(model: Transformer) -> dict[str, Array]:
        key_query, output_value = (product[0, 0] for product in model.products())
        key_query, output_value = fix_gauge(key_query, output_value, task.dim_x)
        reads = diagonal_structure(key_query, task.dim_x, asks)
        written = diagonal_structure(output_value, task.dim_x, writes)
        return {
            "key_query": key_query,
            "output_value": output_value,
            "read_distance": distance_to_span(key_query, blocks[:1], asks),
            "descent_distance": distance_to_span(output_value, blocks[1:], writes),
            "gdpp_distance": distance_to_span(output_value, blocks, writes),
            "read_spread": reads.spread_x,
            "read_beside": reads.off_diagonal,
            "read_last": reads.mean_y,
            "write_spread": written.spread_x,
            "curvature": -written.mean_x,
            "learning_rate": -task.num_examples * written.mean_y,
        }

    return {
        **over_models(read, trained.model),
        **best_rates(cell),
        "last_loss": np.asarray(trained.losses)[:, -100:].mean(axis=1),
    }


def best_rates(cell: WeightsCell) -> Arrays:
    """The best learning rate and curvature of the algorithm that the layer is held against, and its loss."""
    task = cell.task
    if cell.depth == 1:
        optimum = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale), dim_y=task.dim_y)
        best = BestRates(optimum.learning_rate, 0.0, optimum.loss)
    else:
        best = best_gdpp(task, cell.depth)
    return {f"best_{name}": np.asarray(value) for name, value in best._asdict().items()}
