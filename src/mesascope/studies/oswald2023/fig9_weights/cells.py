"""The weights of trained linear layers, read beside those of a construction."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.structure import diagonal_structure, distance_to_span, fix_gauge, identity_blocks
from mesascope.studies._shared.measure import over_models
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import BestRates, best_gdpp
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum


class Weights(NamedTuple):
    """Products of every seed's layer [seeds d d], gauge fixed, and what is read off them [seeds]; the best rates.

    Distances are relative, in the Frobenius norm: `read` of W_KQ from the construction's, `descent` and `gdpp` of P W_V
    from those of gradient descent and GD++. `write_spread` is the largest deviation of the diagonal of P W_V on x from
    its mean.
    """

    key_query: np.ndarray
    output_value: np.ndarray
    read_distance: np.ndarray
    descent_distance: np.ndarray
    gdpp_distance: np.ndarray
    write_spread: np.ndarray
    curvature: np.ndarray
    learning_rate: np.ndarray
    last_loss: np.ndarray
    best_learning_rate: np.ndarray
    best_curvature: np.ndarray
    best_loss: np.ndarray


class WeightsCell(AbstractConfig):
    """A training of one layer applied `depth` times; its last loss is the mean over `last_steps`."""

    training: Training
    task: LinearRegression
    depth: int
    last_steps: int = 100

    def compute(self, workspace: Workspace) -> Arrays:
        """`Weights`. Of one layer only the entries that matter to its prediction are counted."""
        task, trained = self.task, self.training.trained(workspace)
        blocks = identity_blocks(task.dim_x, task.dim_y)
        is_x = jnp.arange(task.dim_x + task.dim_y) < task.dim_x
        whole = jnp.ones((is_x.size, is_x.size), bool)
        asks, writes = (whole & is_x[None, :], whole & ~is_x[:, None]) if self.depth == 1 else (whole, whole)

        def read(model: Transformer) -> dict[str, Array]:
            key_query, output_value = (product[0, 0] for product in model.products())
            key_query, output_value = fix_gauge(key_query, output_value, task.dim_x)
            written = diagonal_structure(output_value, task.dim_x)
            return {
                "key_query": key_query,
                "output_value": output_value,
                "read_distance": distance_to_span(key_query, blocks[:1], asks),
                "descent_distance": distance_to_span(output_value, blocks[1:], writes),
                "gdpp_distance": distance_to_span(output_value, blocks, writes),
                "write_spread": written.spread_x,
                "curvature": -written.mean_x,
                "learning_rate": -task.num_examples * written.mean_y,
            }

        found, best = over_models(read, trained.model), best_rates(task, self.depth)
        last = np.asarray(trained.losses)[:, -self.last_steps :].mean(axis=1)
        workspace.report(1, 1, "weights read")
        return Weights(**found, last_loss=last, **{f"best_{name}": rate for name, rate in best.items()})._asdict()


def best_rates(task: LinearRegression, depth: int) -> dict[str, np.ndarray]:
    """The best learning rate and curvature of the algorithm that a layer is held against, and its loss."""
    if depth == 1:
        optimum = one_step_optimum(task.num_examples, task.dim_x, float(task.input_scale), dim_y=task.dim_y)
        best = BestRates(optimum.learning_rate, 0.0, optimum.loss)
    else:
        best = best_gdpp(task, depth)
    return {name: np.asarray(value) for name, value in best._asdict().items()}
