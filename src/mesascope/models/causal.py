"""Causal linear attention in time linear in the length: chunks, and a running sum between them."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact

CHUNK = 64  # positions whose scores are written out


def causal_linear_attention(
    queries: Inexact[Array, "t k"], keys: Inexact[Array, "t k"], values: Inexact[Array, "t v"]
) -> Inexact[Array, "t v"]:
    """sum_{s <= t} v_s <k_s, q_t> for every t, keys conjugated.

    Within a chunk of positions the scores are written out and masked; what came before enters by sum_s v_s k_s^*. The
    cost is linear in t, and a gradient keeps one such sum a chunk.
    """
    length = len(queries)
    if length <= CHUNK:
        return jnp.where(np.tri(length, dtype=bool), queries @ jnp.conj(keys).T, jnp.zeros((), queries.dtype)) @ values
    padding = -length % CHUNK
    chunks = [
        jnp.pad(each, ((0, padding), (0, 0))).reshape(-1, CHUNK, each.shape[1])
        for each in (queries, jnp.conj(keys), values)
    ]
    seen = np.tri(CHUNK, dtype=bool)

    def step(before, chunk):
        q, k, v = chunk
        inside = jnp.where(seen, q @ k.T, jnp.zeros((), q.dtype)) @ v
        return before + v.T @ k, inside + q @ before.T

    start = values[0][:, None] * keys[0][None, :] * 0  # zeros that vary as the operands do
    attended = lax.scan(step, start, chunks)[1]
    return attended.reshape(-1, values.shape[1])[:length]
