"""Reading an algorithm's parameters out of attention weights."""

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
