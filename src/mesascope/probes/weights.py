"""Reading an algorithm's parameters out of attention weights."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


def learned_step_size(
    key_query: Float[Array, "d d"], output_value: Float[Array, "d d"], dim_x: int, num_examples: int
) -> Float[Array, ""]:
    """The learning rate of the gradient step one linear head of these products makes.

    In the construction W_KQ is the identity on x and P W_V is -learning_rate / num_examples on y (von Oswald et
    al. 2023, proposition 1), up to the gauge (s P W_V, W_KQ / s), which drops out of
    -num_examples * mean(diag (P W_V)_yy) * mean(diag (W_KQ)_xx). Says nothing of how close to the construction
    the rest of the weights is.
    """
    reads = jnp.mean(jnp.diagonal(key_query)[:dim_x])
    writes = jnp.mean(jnp.diagonal(output_value)[dim_x:])
    return -num_examples * reads * writes


class LearnedRates(NamedTuple):
    """The learning rate and the curvature of the step of GD++ that one linear head makes."""

    learning_rate: Float[Array, ""]
    curvature: Float[Array, ""]


def learned_rates(
    key_query: Float[Array, "d d"], output_value: Float[Array, "d d"], dim_x: int, num_examples: int
) -> LearnedRates:
    """The rates of GD++ in these products of one linear head.

    In the construction P W_V is -curvature on x and -learning_rate / num_examples on y, W_KQ the identity on x (von
    Oswald et al. 2023, appendix A.10): the curvature is -mean(diag (P W_V)_xx) * mean(diag (W_KQ)_xx), for
    sum_i x_i x_i^T not divided by the number of examples, and the learning rate is `learned_step_size`. The gauge
    (s P W_V, W_KQ / s) drops out. Says nothing of how close to the construction the rest of the weights is.
    """
    reads = jnp.mean(jnp.diagonal(key_query)[:dim_x])
    writes = jnp.mean(jnp.diagonal(output_value)[:dim_x])
    return LearnedRates(learned_step_size(key_query, output_value, dim_x, num_examples), -reads * writes)
