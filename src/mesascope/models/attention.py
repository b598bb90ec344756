"""Self-attention layers, one class a kind, with the paper's mask: tokens attend to the context only."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact, Key

from mesascope.contraction import matmul, mixture, scores, softmax
from mesascope.models._initial import scaled_normals
from mesascope.models.layer import AbstractLayer
from mesascope.random import seed_key
from mesascope.validation import check_count, check_key, check_non_negative


class AbstractAttention(AbstractLayer):
    """Multi-head attention without biases: keys and values from the context, one query from each token.

    A layer returns the update; the Transformer adds it. Only the products W_KQ = W_K^T W_Q and W_PV = P W_V
    of a head matter for linear attention, up to (s W_PV, W_KQ / s).
    """

    key: Inexact[Array, "h k d"]
    query: Inexact[Array, "h k d"]
    value: Inexact[Array, "h k d"]
    output: Inexact[Array, "h d k"]

    @property
    def key_query(self) -> Inexact[Array, "h d d"]:
        """W_K^T W_Q of each head: token e asks in the direction W_KQ e."""
        return jnp.matrix_transpose(self.key) @ self.query

    @property
    def output_value(self) -> Inexact[Array, "h d d"]:
        """P W_V of each head."""
        return self.output @ self.value

    def check_tokens(self, dim_token: int) -> None:
        """Raise ValueError unless this is one layer, for tokens of this size."""
        if self.key.ndim != 3:
            raise ValueError(
                f"`key` must have axes [h k d]; got shape {self.key.shape}, as of several models. Take one of them: "
                "`trained.seed(0).model`."
            )
        if self.key.shape[-1] != dim_token:
            raise ValueError(
                f"`layers` must be for the model's tokens, of size {dim_token}; got one for size {self.key.shape[-1]}. "
                f"Make it for these: `{type(self).__name__}.initialise({dim_token}, key=key)`."
            )

    @classmethod
    def initialise(
        cls,
        dim_token: int,
        *,
        num_heads: int = 1,
        dim_key: int | None = None,
        init_scale: float = 0.002,
        key: Key[Array, ""],
    ) -> "AbstractAttention":
        """Random weights as the authors' code draws them (von Oswald et al. 2023, appendix A.12).

        The paper calls init_scale a standard deviation; in the code it is the scale of a variance-scaling initialiser.
        `dim_key` defaults to `dim_token`.
        """
        dim_key = dim_token if dim_key is None else dim_key
        for name, count in (
            ("dim_token", dim_token),
            ("num_heads", num_heads),
            ("dim_key", dim_key),
        ):
            check_count(name, count)
        check_non_negative("init_scale", init_scale)
        check_key("key", key)

        fan_ins = (dim_token, dim_token, dim_token, num_heads * dim_key)
        drawn = scaled_normals(
            jax.random.split(key, 4), num_heads * dim_key * dim_token, fan_ins=fan_ins, init_scale=init_scale
        )
        key_, query, value = drawn[:3].reshape(3, num_heads, dim_key, dim_token)
        return cls(key_, query, value, drawn[3].reshape(num_heads, dim_token, dim_key))


class LinearSelfAttention(AbstractAttention):
    """The update sum_h P_h W_V,h (sum_i e_i e_i^T) W_K,h^T W_Q,h e (von Oswald et al. 2023, section 2, no softmax)."""

    def __call__(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None = None
    ) -> Inexact[Array, "m d"]:
        context = context if seen is None else jnp.where(seen[:, None], context, jnp.zeros((), context.dtype))
        updates = [
            read_context(context, tokens @ key_query.T) @ output_value.T
            for key_query, output_value in zip(self.key_query, self.output_value, strict=True)
        ]
        return functools.reduce(jnp.add, updates)

    def transfer(self, moment: Inexact[Array, "d d"]) -> Inexact[Array, "d d"]:
        """sum_h P W_V,h (sum_i e_i e_i^T) W_KQ,h, by which the layer multiplies every token to update it."""
        products = [pv @ moment @ kq for pv, kq in zip(self.output_value, self.key_query, strict=True)]
        return functools.reduce(jnp.add, products)

    @classmethod
    def examples(cls) -> "tuple[AbstractAttention, ...]":
        return tuple(_example(cls, num_heads) for num_heads in (1, 2))

    def canonical(self) -> "LinearSelfAttention":
        """The member of this layer's orbit with W_K = P = I, |W_Q| = 1 (Frobenius) and a fixed sign, head by head.

        The scale gauge (s W_PV, W_KQ / s) leaves the map unchanged, so weights can only be compared or averaged
        after it is fixed. The sign is that of `sign_of`. A head whose W_KQ is zero keeps its scale.
        """
        key_query, output_value = self.key_query, self.output_value
        scale = jax.vmap(sign_of)(key_query) * jnp.linalg.norm(key_query, axis=(1, 2))
        scale = jnp.where(scale == 0, 1.0, scale)[:, None, None]
        identity = jnp.broadcast_to(jnp.eye(key_query.shape[-1], dtype=key_query.dtype), key_query.shape)
        return LinearSelfAttention(identity, key_query / scale, output_value * scale, identity)


def sign_of(matrix: Inexact[Array, "d d"]) -> Inexact[Array, ""]:
    """The sign by which a matrix is told from its negative: the trace's; of a complex matrix, the trace's phase.

    Where the trace is zero, up to 1e3 roundings of the matrix's norm, it is the sign of the largest entry: of several
    as large, of the first one, row by row. No rule is continuous everywhere: this one jumps where the trace vanishes.
    """
    tolerance = 1e3 * jnp.finfo(matrix.dtype).eps
    entries, trace = matrix.ravel(), jnp.trace(matrix)
    sizes = jnp.abs(entries)
    first = entries[jnp.argmax(sizes >= (1 - tolerance) * sizes.max())]
    return jnp.sign(jnp.where(jnp.abs(trace) > tolerance * jnp.linalg.norm(sizes), trace, first))


class SoftmaxSelfAttention(AbstractAttention):
    """The update sum_h P_h sum_i softmax_i(e_i^T W_K,h^T W_Q,h e / sqrt(k)) W_V,h e_i (von Oswald et al. 2023, eq. 1).

    The factor 1 / sqrt(k) is the authors' code's; the paper's equation has none.
    """

    def __call__(
        self, context: Inexact[Array, "n d"], tokens: Inexact[Array, "m d"], seen: Bool[Array, " n"] | None = None
    ) -> Inexact[Array, "m d"]:
        scale = self.key.shape[1] ** -0.5

        def head(key_query, output_value):
            logits = scores(tokens @ (scale * key_query).T, context)
            return mixture(softmax(logits, seen), context) @ output_value.T

        updates = [head(*products) for products in zip(self.key_query, self.output_value, strict=True)]
        return functools.reduce(jnp.add, updates)

    @classmethod
    def examples(cls) -> "tuple[AbstractAttention, ...]":
        return tuple(_example(cls, num_heads) for num_heads in (1, 2))


def _example(kind: type[AbstractAttention], num_heads: int) -> AbstractAttention:
    """A layer for tokens of 3 inputs and 2 outputs, with weights of order one."""
    return kind.initialise(5, num_heads=num_heads, init_scale=1.0, key=seed_key(num_heads))


def read_context(context: Inexact[Array, "n d"], directions: Inexact[Array, "m d"]) -> Inexact[Array, "m d"]:
    """(sum_i e_i e_i^T) r for each direction r, in the order of products that costs least.

    Few directions are multiplied with the tokens, one after the other; many with the tokens' second moment. The
    cost is linear in the number of examples either way.
    """
    (num_examples, dim_token), num_directions = context.shape, directions.shape[0]
    if 2 * num_directions * num_examples < dim_token * (num_directions + num_examples):
        return mixture(scores(directions, context), context)
    return matmul(directions, matmul(context.T, context))
