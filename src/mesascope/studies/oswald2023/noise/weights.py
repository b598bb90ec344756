"""What trained layers do with noisy labels, read off their weights, and the layers without part of it."""

from typing import Any

import equinox as eqx
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.structure import diagonal_structure, fix_gauge
from mesascope.studies._shared.measure import over_models
from mesascope.study.base import Arrays
from mesascope.tasks.linear_regression import LinearRegression


def learned_rates(models: Any, task: LinearRegression) -> Arrays:
    """Of every seed's layer the learning rate, the curvature, and how much W_KQ compares labels with labels."""

    def read(model: Transformer) -> dict[str, Array]:
        key_query, output_value = (product[0, 0] for product in model.products())
        key_query, output_value = fix_gauge(key_query, output_value, task.dim_x)
        writes = diagonal_structure(output_value, task.dim_x)
        return {
            "step_size": -task.num_examples * writes.mean_y,
            "curvature": -writes.mean_x,
            "label_match": diagonal_structure(key_query, task.dim_x).mean_y,
        }

    return over_models(read, models)


@eqx.filter_jit
def unmatched(models: Any, dim_x: int) -> Any:
    """Every seed's model with the entries of W_KQ that compare labels with labels set to zero."""

    def one(model: Transformer) -> Transformer:
        without = model.canonical()
        return eqx.tree_at(
            lambda m: m.layers[0].query, without, replace_fn=lambda query: query.at[:, dim_x:, dim_x:].set(0.0)
        )

    return eqx.filter_vmap(one)(models)
