"""What trained layers do with noisy labels, read off their weights, and the layers without part of it."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_rates
from mesascope.studies._shared.measure import over_models
from mesascope.study.cell import Arrays


def read_rates(models: Any, dim_x: int, num_examples: int) -> Arrays:
    """Of every seed's layer the learning rate, the curvature, and how much W_KQ compares labels with labels.

    The last is the mean of W_KQ's diagonal on labels over that on inputs.
    """

    def read(model: Transformer) -> dict[str, Array]:
        key_query, output_value = (product[0, 0] for product in model.products())
        rates = learned_rates(key_query, output_value, dim_x, num_examples)
        of_inputs, of_labels = jnp.split(jnp.diagonal(key_query), [dim_x])
        return {**rates._asdict(), "label_match": of_labels.mean() / of_inputs.mean()}

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
