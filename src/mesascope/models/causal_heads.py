"""Multi-head causal linear attention whose cost need not grow with its heads."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mesascope.models._initial import scaled_normal
from mesascope.models.causal import CHUNK, causal_linear_attention
from mesascope.models.position_weights import AbstractPositionWeights, weights_by_prediction
from mesascope.validation import check_count, check_non_negative


class CausalHeads(eqx.Module):
    """sum_h O_h sum_{s <= t} P_ts V_h e_s <K_h e_s, Q_h e_t> / sqrt(k), with biases in Q, K and V.

    A bias is a column for an entry 1 behind every token. All heads share `positions`, whose row t - 1 weighs the tokens
    that prediction t sees (see `weights_by_prediction`); without, P is one everywhere. With `asks_before` the token
    before the last asks, e_{t-1} for e_t: what a layer without augmented tokens needs (Sander et al. 2024, section 4).
    """

    query: Float[Array, "h k b"]
    key: Float[Array, "h k b"]
    value: Float[Array, "h k b"]
    output: Float[Array, "h d k"]
    positions: AbstractPositionWeights | None = None
    asks_before: bool = eqx.field(static=True, default=False)

    @classmethod
    def initialise(
        cls,
        dim_token: int,
        *,
        num_heads: int = 1,
        positions: AbstractPositionWeights | None = None,
        asks_before: bool = False,
        init_scale: float = 1.0,
        key: Key[Array, ""],
    ) -> "CausalHeads":
        """Weights of variance init_scale / fan-in, biases zero; keys of every head as large as a token."""
        check_count("dim_token", dim_token)
        check_count("num_heads", num_heads)
        check_non_negative("init_scale", init_scale)
        keys = jax.random.split(key, 4)
        shape = (num_heads, dim_token, dim_token)
        fan_ins = (dim_token, dim_token, dim_token, num_heads * dim_token)
        drawn = [
            scaled_normal(each, shape, fan_in=fan_in, init_scale=init_scale)
            for each, fan_in in zip(keys, fan_ins, strict=True)
        ]
        query, key_, value = (jnp.pad(each, ((0, 0), (0, 0), (0, 1))) for each in drawn[:3])
        return cls(query, key_, value, drawn[3], positions, asks_before)

    def __call__(self, tokens: Float[Array, "t d"]) -> Float[Array, "t d"]:
        extended = jnp.concatenate([tokens, jnp.ones_like(tokens[:, :1])], axis=1)
        asking = jnp.concatenate([jnp.zeros_like(extended[:1]), extended[:-1]]) if self.asks_before else extended
        weights = None if self.positions is None else weights_by_prediction(self.positions, len(tokens))
        return self._of_all_heads(extended, asking, weights)

    @property
    def key_query(self) -> Float[Array, "h b b"]:
        """W_K^T W_Q / sqrt(k) of each head."""
        return jnp.matrix_transpose(self.key) @ self.query * self.key.shape[1] ** -0.5

    @property
    def output_value(self) -> Float[Array, "h d b"]:
        """O W_V of each head."""
        return self.output @ self.value

    def _of_all_heads(self, seen, asking, weights):
        (num_states, size), (num_heads, dim, _) = seen.shape, self.output_value.shape
        length = num_states if weights is not None else CHUNK + size
        if num_heads * 4 * length < dim * size**2:  # operations a position, over 2 size
            heads = zip(self.key_query, self.output_value, strict=True)
            found = [_of_one_head(seen, asking @ kq.T, weights) @ ov.T for kq, ov in heads]
            return functools.reduce(jnp.add, found)
        return self._by_moments(seen, asking, weights)

    def _by_moments(self, seen, asking, weights):
        """sum_h (O V)_h M_t (K^T Q)_h e_t, a form in M_t = sum_s P_ts e_s e_s^T and e_t whose coefficients add up."""
        rows, columns = np.tril_indices(seen.shape[1])
        squares = seen[:, rows] * seen[:, columns]
        moments = jnp.cumsum(squares, axis=0) if weights is None else weights @ squares
        whole = jnp.einsum("hia,hbc->abic", self.output_value, self.key_query)
        form = jnp.where((rows == columns)[:, None, None], 0.5, 1.0) * (whole[rows, columns] + whole[columns, rows])
        matrices = (moments @ form.reshape(len(rows), -1)).reshape(len(seen), *form.shape[1:])
        return jnp.einsum("tic,tc->ti", matrices, asking)


def _of_one_head(seen, queries, weights):
    if weights is None and len(seen) > CHUNK:
        return causal_linear_attention(queries, seen, seen)
    return weighted_sums(weights, queries, seen)


@jax.custom_vjp
def weighted_sums(
    weights: Float[Array, "t t"] | None, queries: Float[Array, "t k"], tokens: Float[Array, "t k"]
) -> Float[Array, "t k"]:
    """sum_s P_ts e_s <e_s, q_t>; without weights the sum over s <= t.

    No product of its derivative sums over the rows of a stored matrix, where XLA is slow.
    """
    return (_or_triangle(weights, tokens) * (queries @ tokens.T)) @ tokens


def _weighted_sums_backward(operands, cotangent):
    weights, queries, tokens = operands
    matrix, by_score = _or_triangle(weights, tokens), cotangent @ tokens.T
    transposed = tokens @ jnp.concatenate([queries, cotangent]).T
    to_tokens = (jnp.tile(matrix.T, 2) * transposed) @ jnp.concatenate([cotangent, queries])
    to_weights = None if weights is None else by_score * (queries @ tokens.T)
    return to_weights, (matrix * by_score) @ tokens, to_tokens


def _or_triangle(weights, tokens):
    return jnp.tri(len(tokens), dtype=tokens.dtype) if weights is None else weights


weighted_sums.defvjp(lambda *operands: (weighted_sums(*operands), operands), _weighted_sums_backward)
