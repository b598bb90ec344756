"""Models halfway between two stacks, with more than the scale of each layer matched first."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.transformer import Transformer
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import errors_of_each, jit_once
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_rivals
from mesascope.studies.oswald2023._shared.stack_measure import depth_of, prompts_at, reference_stack, validation_keys
from mesascope.study.cell import AbstractConfig, Arrays, Workspace
from mesascope.tasks.linear_regression import LinearRegression


class Products(NamedTuple):
    """W_KQ and P W_V of every head, of one layer or of all."""

    key_query: Float[Array, "*layers h d d"]
    output_value: Float[Array, "*layers h d d"]


class UnitsMatched(NamedTuple):
    """Losses [seeds] of the models halfway to GD++'s layers, units matched."""

    halfway: np.ndarray


class UnitsCell(AbstractConfig):
    """A training of untied layers, each averaged with GD++'s in the units of the x that it receives."""

    training: Training[LinearRegression]
    num_validation: int

    def compute(self, workspace: Workspace) -> Arrays:
        """`UnitsMatched`."""
        task, models = self.training.task, self.training.trained(workspace).model
        prompts = prompts_at(task, validation_keys(self.num_validation))
        rivals = best_rivals(task, depth_of(models))

        def halfway(model: Transformer) -> Transformer:
            return halfway_in_units(model, reference_stack(model, rivals, task), prompts)

        found = jit_once(lambda models: lax.map(halfway, models))(models)
        workspace.report(1, 1, "halfway models, units matched")
        return UnitsMatched(errors_of_each(found, prompts).mean(axis=1))._asdict()


def halfway_in_units(first: Transformer, second: Transformer, prompts: Prompt) -> Transformer:
    """The model halfway between two untied stacks, each layer seen in the units of the x it receives.

    GD++ shrinks x from layer to layer: weights of two stacks that shrink it differently cannot be averaged as they are.
    So layer l is written for tokens (x / r_l, y), with r_l the root mean square of its context's x over `prompts`,
    relative to the first layer's; its scale gauge is fixed by the mean of W_KQ's x-diagonal; the layers of both models
    are averaged; and the halfway model's own r_l, found layer by layer, leads back. No symmetry of the Transformer,
    since the residual stream ties the units of all layers: a way to average, judged by its result.
    """
    start, _ = jax.vmap(first.tokens.embed)(prompts)
    dim_x = prompts.xs.shape[-1]
    ours, theirs = (_normalised(model, start, dim_x) for model in (first, second))

    def lead_back(context: Array, products: Products) -> tuple[Array, Products]:
        own = _in_units(products, 1 / _units(context, start, dim_x))
        return _updated(first, own, context), own

    _, products = lax.scan(lead_back, start, jax.tree.map(lambda a, b: (a + b) / 2, ours, theirs))
    layers = (jax.tree.map(lambda leaf, i=i: leaf[i], products) for i in range(len(first.layers)))
    return Transformer(tuple(map(_layer, layers)), first.tokens, token_bound=first.token_bound)


def _normalised(model: Transformer, start: Float[Array, "prompts n d"], dim_x: int) -> Products:
    """Each layer's products in its own units, the mean of W_KQ's x-diagonal one."""
    products = Products(*model.products())

    def pass_on(context: Array, products: Products) -> tuple[Array, Array]:
        return _updated(model, products, context), _units(context, start, dim_x)

    key_query, output_value = _in_units(products, lax.scan(pass_on, start, products)[1])
    scale = jnp.mean(jnp.diagonal(key_query, axis1=-2, axis2=-1)[..., :dim_x], axis=-1)[..., None, None]
    return Products(key_query / scale, output_value * scale)


def _in_units(products: Products, units: Float[Array, "*layers d"]) -> Products:
    """The same layers for tokens divided by `units`, entry by entry."""
    rows, columns = units[..., None, :, None], units[..., None, None, :]
    return Products(products.key_query * rows * columns, products.output_value * columns / rows)


def _units(context: Float[Array, "prompts n d"], start: Float[Array, "prompts n d"], dim_x: int) -> Float[Array, " d"]:
    """(r, ..., r, 1) for tokens whose x are r times as large as at the start."""
    size, first_size = (jnp.sqrt(jnp.mean(tokens[..., :dim_x] ** 2)) for tokens in (context, start))
    return jnp.where(jnp.arange(context.shape[-1]) < dim_x, size / first_size, 1.0)


def _updated(model: Transformer, products: Products, context: Float[Array, "prompts n d"]) -> Array:
    """The context after a layer of the model with these products."""
    tokens = context + jax.vmap(lambda each: _layer(products)(each, each))(context)
    return tokens if model.token_bound is None else jnp.clip(tokens, -model.token_bound, model.token_bound)


def _layer(products: Products) -> LinearSelfAttention:
    key_query, output_value = products
    identity = jnp.broadcast_to(jnp.eye(key_query.shape[-1], dtype=key_query.dtype), key_query.shape)
    return LinearSelfAttention(identity, key_query, output_value, identity)
