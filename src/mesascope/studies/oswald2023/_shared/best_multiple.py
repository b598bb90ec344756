"""The best multiple of one number a prompt: what a rule reaches with its best rate."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.prompt import Prompt


def best_multiple(values: Float[Array, "prompts dy"], prompts: Prompt) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The c for which c values are the best predictions of these prompts, and their loss: a parabola's vertex."""
    factor = jnp.sum(values * prompts.target) / jnp.sum(values**2)
    return factor, jnp.sum((factor * values - prompts.target) ** 2) / (2 * len(values))


@jax.jit
def best_learning_rate(prompts: Prompt) -> Float[Array, ""]:
    """The learning rate that makes one gradient step best on these prompts."""
    return best_multiple(jax.vmap(GradientDescent(1.0))(prompts), prompts)[0]
