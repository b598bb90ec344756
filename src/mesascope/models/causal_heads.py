"""Multi-head causal linear attention whose cost need not grow with its heads."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mesascope.models._initial import scaled_normals
from mesascope.models.asking import AbstractAsking, LastAsks
from mesascope.models.head_forms import AbstractHeadForm, head_form
from mesascope.models.position_weights import AbstractPositionWeights, WeightsByHead, weights_by_prediction
from mesascope.validation import check_class, check_count, check_key, check_non_negative


class CausalHeads(eqx.Module):
    """sum_h O_h sum_{s <= t} P_ts V_h e_s <K_h e_s, Q_h e_t> / sqrt(k), with biases in Q, K and V.

    A bias is a column for an entry 1 behind every token. All heads share `positions`, or have matrices P of their own;
    row t - 1 weighs the tokens that prediction t sees (see `weights_by_prediction`). Without, P is one everywhere.
    `asking` says which token asks in the place of e_t.
    """

    query: Float[Array, "h k b"]
    key: Float[Array, "h k b"]
    value: Float[Array, "h k b"]
    output: Float[Array, "h d k"]
    positions: AbstractPositionWeights | WeightsByHead | None = None
    asking: AbstractAsking = LastAsks()

    def __check_init__(self):
        if isinstance(self.positions, WeightsByHead) and self.positions.num_heads != len(self.query):
            raise ValueError(
                f"`positions` must be for {len(self.query)} heads; got weights for {self.positions.num_heads}."
            )

    @classmethod
    def initialise(
        cls,
        dim_token: int,
        *,
        num_heads: int = 1,
        positions: AbstractPositionWeights | WeightsByHead | None = None,
        asking: AbstractAsking = LastAsks(),  # noqa: B008 (an object without state)
        init_scale: float = 1.0,
        key: Key[Array, ""],
    ) -> "CausalHeads":
        """Weights of variance init_scale / fan-in, biases zero; keys of every head as large as a token."""
        check_count("dim_token", dim_token)
        check_count("num_heads", num_heads)
        check_non_negative("init_scale", init_scale)
        if positions is not None:
            kinds = AbstractPositionWeights, WeightsByHead
            check_class("positions", positions, kinds, "Make them: `LearnedWeights(jnp.zeros((t, t)))`.")
        check_class("asking", asking, AbstractAsking, "LastAsks() or TokenBeforeAsks().")
        check_key("key", key)
        shape = (num_heads, dim_token, dim_token)
        fan_ins = (dim_token, dim_token, dim_token, num_heads * dim_token)
        keys = jax.random.split(key, 4)
        drawn = scaled_normals(keys, math.prod(shape), fan_ins=fan_ins, init_scale=init_scale).reshape(4, *shape)
        query, key_, value = (jnp.pad(each, ((0, 0), (0, 0), (0, 1))) for each in drawn[:3])
        return cls(query, key_, value, drawn[3], positions, asking)

    def __call__(self, tokens: Float[Array, "t d"]) -> Float[Array, "t d"]:
        return self.form(len(tokens))(with_constant(tokens))

    def form(self, num_states: int, output_value: Float[Array, "h o b"] | None = None) -> AbstractHeadForm:
        """What the heads do to sequences of this length; `output_value` in place of their own, where it is given."""
        weights = None if self.positions is None else weights_by_prediction(self.positions, num_states)
        output_value = self.output_value if output_value is None else output_value
        return head_form(self.key_query, output_value, weights, self.asking)

    @property
    def key_query(self) -> Float[Array, "h b b"]:
        """W_K^T W_Q / sqrt(k) of each head."""
        return jnp.matrix_transpose(self.key) @ self.query * self.key.shape[1] ** -0.5

    @property
    def output_value(self) -> Float[Array, "h d b"]:
        """O W_V of each head."""
        return self.output @ self.value


def with_constant(tokens: Float[Array, "t d"]) -> Float[Array, "t b"]:
    """Each token with the entry 1 behind it that biases need."""
    return jnp.concatenate([tokens, jnp.ones_like(tokens[:, :1])], axis=1)
