"""Reading an algorithm's parameters out of attention weights."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.printing import in_short
from mesascope.validation import check_count, check_numbers, check_shape


def learned_step_size(
    key_query: Float[Array, "d d"], output_value: Float[Array, "d d"], dim_x: int, num_examples: int
) -> Float[Array, ""]:
    """The learning rate of the gradient step one linear head of these products makes.

    In the construction W_KQ is the identity on x and P W_V is -learning_rate / num_examples on y (von Oswald et
    al. 2023, proposition 1), up to the gauge (s P W_V, W_KQ / s), which drops out of
    -num_examples * mean(diag (P W_V)_yy) * mean(diag (W_KQ)_xx). Says nothing of how close to the construction
    the rest of the weights is.
    """
    _check_products(key_query, output_value, dim_x, num_examples)
    reads = jnp.mean(jnp.diagonal(key_query)[:dim_x])
    writes = jnp.mean(jnp.diagonal(output_value)[dim_x:])
    return -num_examples * reads * writes


class LearnedRates(NamedTuple):
    """The learning rate and the curvature of the step of GD++ that one linear head makes."""

    learning_rate: Float[Array, ""]
    curvature: Float[Array, ""]

    __repr__ = in_short


def learned_rates(
    key_query: Float[Array, "d d"], output_value: Float[Array, "d d"], dim_x: int, num_examples: int
) -> LearnedRates:
    """The rates of GD++ in these products of one linear head.

    In the construction P W_V is -curvature on x and -learning_rate / num_examples on y, W_KQ the identity on x (von
    Oswald et al. 2023, appendix A.10): the curvature is -mean(diag (P W_V)_xx) * mean(diag (W_KQ)_xx), for
    sum_i x_i x_i^T not divided by the number of examples, and the learning rate is `learned_step_size`. The gauge
    (s P W_V, W_KQ / s) drops out. Says nothing of how close to the construction the rest of the weights is.
    """
    _check_products(key_query, output_value, dim_x, num_examples)
    reads = jnp.mean(jnp.diagonal(key_query)[:dim_x])
    writes = jnp.mean(jnp.diagonal(output_value)[:dim_x])
    return LearnedRates(learned_step_size(key_query, output_value, dim_x, num_examples), -reads * writes)


class LearnedPreconditioner(NamedTuple):
    """The matrix A of the preconditioned gradient step that one linear head makes, and what else the head does.

    `rest` is the larger of |p_x| / |p_y| and |k| / |K_x|: what is not part of a step, zero where there is nothing.
    """

    matrix: Float[Array, "dx dx"]
    rest: Float[Array, ""]

    __repr__ = in_short


def learned_preconditioner(
    key_query: Float[Array, "d d"], output_value: Float[Array, "d d"], dim_x: int, num_examples: int
) -> LearnedPreconditioner:
    """A of the step q^T A (1/n) sum_i y_i x_i in these products of one linear head, for one output.

    Let p = (p_x, p_y) be the last row of P W_V and (K_x; k^T) the first dim_x columns of W_KQ. All of the prediction
    that changes its sign with the labels is such a step, with A^T = -n (p_y K_x + p_x k^T). In a step alone p_x and k
    are zero; otherwise the head adds a part that is blind to the labels' sign. The gauge (s P W_V, W_KQ / s) drops out.
    """
    _check_products(key_query, output_value, dim_x, num_examples)
    if len(key_query) != dim_x + 1:
        raise ValueError(f"`key_query` must be for one output, of size {dim_x + 1}; got size {len(key_query)}.")
    reads, labels = key_query[:dim_x, :dim_x], key_query[dim_x, :dim_x]
    on_x, on_y = output_value[dim_x, :dim_x], output_value[dim_x, dim_x]
    norm = jnp.linalg.norm
    rest = jnp.maximum(norm(on_x) / jnp.abs(on_y), norm(labels) / norm(reads))
    return LearnedPreconditioner(-num_examples * (on_y * reads + jnp.outer(on_x, labels)).T, rest)


def _check_products(
    key_query: Float[Array, "d d"], output_value: Float[Array, "d d"], dim_x: int, num_examples: int
) -> None:
    """Raise ValueError unless these are the products of one head for tokens of inputs and outputs."""
    check_count("dim_x", dim_x)
    check_count("num_examples", num_examples)
    for name, product in (("key_query", key_query), ("output_value", output_value)):
        check_numbers(name, product, "[d d]")
        if product.ndim != 2 or product.shape[0] != product.shape[1] or len(product) <= dim_x:
            raise ValueError(
                f"`{name}` must be one head's product [d d], for tokens of {dim_x} inputs and one output or more; got "
                f"shape {product.shape}. Of a layer's heads take one: `layer.{name}[0]`."
            )
    check_shape("output_value", output_value, key_query.shape)
