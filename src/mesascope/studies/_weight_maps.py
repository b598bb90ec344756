"""The weights of trained linear layers, read and drawn beside those of a construction."""

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.structure import diagonal_structure, distance_to_span, fix_gauge, identity_blocks
from mesascope.studies._base import Arrays, Workspace
from mesascope.studies._best_rates import BestRates, best_gdpp
from mesascope.studies._measure import over_models
from mesascope.studies._training import Training
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def per_seed(summary: dict[int, Arrays]) -> dict[str, np.ndarray]:
    """The number each claim is about, by the claim's id, for every seed; of tied layers the worst depth's."""
    one = summary[1]
    tied = [arrays for depth, arrays in summary.items() if depth > 1]

    def off(arrays: Arrays, name: str) -> np.ndarray:
        return np.abs(arrays[name] / arrays[f"best_{name}"] - 1)

    def worst(numbers: list[np.ndarray]) -> np.ndarray:
        return np.max(numbers, axis=0)

    return {
        "one-read": one["read_distance"],
        "one-diagonal": one["read_spread"],
        "one-beside": one["read_beside"],
        "one-write": one["descent_distance"],
        "one-rate": off(one, "learning_rate"),
        "tied-read": worst([arrays["read_distance"] for arrays in tied]),
        "tied-beside": worst([arrays["read_beside"] for arrays in tied]),
        "tied-write": worst([arrays["gdpp_distance"] for arrays in tied]),
        "tied-not-descent": np.min([arrays["descent_distance"] for arrays in tied], axis=0),
        "tied-equal": worst([arrays["write_spread"] / np.abs(arrays["curvature"]) for arrays in tied]),
        "tied-curvature": worst([off(arrays, "curvature") for arrays in tied]),
        "tied-rate": worst([off(arrays, "learning_rate") for arrays in tied]),
    }


def remark(depth: int, arrays: Arrays) -> str:
    """The rates read off the weights, and what the last entry of W_KQ is."""
    curvature = f"curvature {arrays['curvature'].mean():.4g} (best {arrays['best_curvature']:.4g}), "
    return (
        f"Depth {depth}: learning rate {arrays['learning_rate'].mean():.4g} "
        f"(best {arrays['best_learning_rate']:.4g}), {curvature if depth > 1 else ''}"
        f"last diagonal entry of W_KQ at most {np.abs(arrays['read_last']).max():.2g}, "
        f"training loss {arrays['last_loss'].mean():.4g} (best {arrays['best_loss']:.4g})."
    )


def heat_maps(summary: dict[int, Arrays]) -> "Figure":
    """W_KQ and P W_V of the first seed at each depth, gauge fixed, each on a scale of its own around zero."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * 2 * len(summary), 3.1), layout="constrained")
    panels = iter(figure.subplots(1, 2 * len(summary)))
    for depth, arrays in summary.items():
        layers = "1 layer" if depth == 1 else f"{depth} tied layers"
        for name, product in (("key_query", "$W_{KQ}$"), ("output_value", "$P\\,W_V$")):
            axes, weights = next(panels), arrays[name][0]
            limit = np.abs(weights).max()
            limit = limit if np.isfinite(limit) and limit > 0 else 1.0
            image = axes.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
            dim_x = len(weights) - 1
            for line in (axes.axhline, axes.axvline):
                line(dim_x - 0.5, color="grey", linewidth=0.6)
            axes.set(title=f"{product}, {layers}", xticks=(0, dim_x), yticks=(0, dim_x))
            axes.set(xticklabels=("$x_1$", "$y$"), yticklabels=("$x_1$", "$y$"))
            of_key_query = {"xlabel": "entry of the query's token", "ylabel": "entry of the key's token"}
            axes.set(**of_key_query if name == "key_query" else {"xlabel": "reads from", "ylabel": "writes to"})
            figure.colorbar(image, ax=axes, shrink=0.8)
    return figure
