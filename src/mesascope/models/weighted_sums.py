"""Sums over the tokens seen, weighed by position and by score, with a derivative that suits XLA."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


@jax.custom_vjp
def weighted_sums(
    weights: Float[Array, "t t"] | None, queries: Float[Array, "t k"], tokens: Float[Array, "t k"]
) -> Float[Array, "t k"]:
    """sum_s P_ts e_s <e_s, q_t>; without weights the sum over s <= t.

    No product of its derivative sums over the rows of a stored matrix, where XLA is slow.
    """
    return (_or_triangle(weights, tokens) * (queries @ tokens.T)) @ tokens


def _backward(operands, cotangent):
    weights, queries, tokens = operands
    matrix, by_score = _or_triangle(weights, tokens), cotangent @ tokens.T
    transposed = tokens @ jnp.concatenate([queries, cotangent]).T
    to_tokens = (jnp.tile(matrix.T, 2) * transposed) @ jnp.concatenate([cotangent, queries])
    to_weights = None if weights is None else by_score * (queries @ tokens.T)
    return to_weights, (matrix * by_score) @ tokens, to_tokens


def _or_triangle(weights, tokens):
    return jnp.asarray(np.tri(len(tokens), dtype=tokens.dtype)) if weights is None else weights


weighted_sums.defvjp(lambda *operands: (weighted_sums(*operands), operands), _backward)
