"""A linear head with merged weights, as Zhang et al. 2023 train it, and where its training starts."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


class MergedHead(eqx.Module):
    """f = W_PV (1/N sum_i e_i e_i^T) W_KQ e, whose last entry is the prediction; both matrices are trained."""

    merged_key_query: Float[Array, "t t"]
    merged_values: Float[Array, "t t"]
    num_examples: int = eqx.field(static=True)

    @property
    def key_query(self) -> Float[Array, "1 t t"]:
        """W_KQ."""
        return self.merged_key_query[None]

    @property
    def output_value(self) -> Float[Array, "1 t t"]:
        """P W_V of a layer that sums over examples and predicts minus the last entry: -W_PV / N."""
        return -self.merged_values[None] / self.num_examples


def start(dim_x: int, num_examples: int, scale: float, *, key: Key[Array, ""]) -> MergedHead:
    """W_PV = s diag(0, 1) and W_KQ = s diag(T T^T, 0), T normal with |T T^T| = 1 (assumption 3.3)."""
    theta = jax.random.normal(key, (dim_x, dim_x))
    square = theta @ theta.T
    inputs = jnp.pad(square / jnp.linalg.norm(square), ((0, 1), (0, 1)))
    corner = jnp.zeros((dim_x + 1, dim_x + 1)).at[dim_x, dim_x].set(1.0)
    return MergedHead(scale * inputs, scale * corner, num_examples)
