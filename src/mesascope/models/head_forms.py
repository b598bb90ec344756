"""What all heads of a layer do to sequences of one length: one by one, or as a form whose cost need not grow with them.

Tokens here end in an entry 1, by which biases are columns of weights. `weights` [t t], one for all heads or each head's
own, weigh the tokens (rows ask, columns are seen); without, each token sees itself and all before it alike.
"""

import functools
from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.models.asking import AbstractAsking
from mesascope.models.causal import CHUNK, causal_linear_attention


class AbstractHeadForm(eqx.Module):
    """sum_h (O V)_h sum_s P_ts e_s <e_s, (K^T Q)_h e_t>, from products of weights that are taken once.

    `asking` says which token asks in e_t's place.
    """

    weights: Float[Array, "t t"] | tuple[Float[Array, "t t"], ...] | None
    asking: AbstractAsking

    def __call__(self, tokens: Float[Array, "t b"]) -> Float[Array, "t o"]:
        return self.sums(tokens, self.asking(tokens))

    @abstractmethod
    def sums(self, seen: Float[Array, "t b"], asking: Float[Array, "t b"]) -> Float[Array, "t o"]:
        """The sum over heads for each token that asks."""


class HeadByHead(AbstractHeadForm):
    """Every head's scores written out, in chunks where sequences are long."""

    key_query: tuple[Float[Array, "b b"], ...]
    output_value: tuple[Float[Array, "o b"], ...]

    def sums(self, seen: Float[Array, "t b"], asking: Float[Array, "t b"]) -> Float[Array, "t o"]:
        heads = zip(self._by_head(len(seen), seen.dtype), self.key_query, self.output_value, strict=True)
        return functools.reduce(jnp.add, [_attend(weights, asking @ kq.T, seen) @ ov.T for weights, kq, ov in heads])

    def _by_head(self, length, dtype):
        """The weights of each head; none where a long sequence has none."""
        if isinstance(self.weights, tuple):
            return self.weights
        alike = self.weights
        if alike is None and length <= CHUNK:
            # Short sequences: a product with the triangle's zeros costs less than leaving them out.
            alike = jnp.asarray(np.tri(length, dtype=dtype))
        return (alike,) * len(self.key_query)


def _attend(weights, queries, seen):
    """sum_s P_ts e_s <e_s, q_t>; causal where there are no weights."""
    return causal_linear_attention(queries, seen, seen) if weights is None else (weights * (queries @ seen.T)) @ seen


class CubicForm(AbstractHeadForm):
    """The sum over heads as a form in the moments M_t = sum_s P_ts e_s e_s^T and e_t, whose coefficients add up."""

    weights: Float[Array, "t t"] | None
    coefficients: Float[Array, "pairs o b"]  # a pair of entries of M_t, of its lower triangle

    @classmethod
    def of_heads(
        cls,
        key_query: Float[Array, "h b b"],
        output_value: Float[Array, "h o b"],
        weights: Float[Array, "t t"] | None,
        asking: AbstractAsking,
    ) -> "CubicForm":
        """The sum of heads with these products."""
        # M_t is symmetric: of the two entries off its diagonal only one is kept, which takes both coefficients. On the
        # diagonal both are the same one, so that their sum is halved.
        rows, columns = np.tril_indices(key_query.shape[-1])
        whole = jnp.einsum("hia,hbc->abic", output_value, key_query)
        halved = jnp.where((rows == columns)[:, None, None], 0.5, 1.0)
        return cls(weights, asking, halved * (whole[rows, columns] + whole[columns, rows]))

    def sums(self, seen: Float[Array, "t b"], asking: Float[Array, "t b"]) -> Float[Array, "t o"]:
        rows, columns = np.tril_indices(seen.shape[1])
        squares = seen[:, rows] * seen[:, columns]
        # The products are taken with all positions at once: no moment of one position is ever a matrix of its own.
        moments = jnp.cumsum(squares, axis=0) if self.weights is None else self.weights @ squares
        flat = self.coefficients.reshape(len(rows), -1)
        matrices = (moments @ flat).reshape(len(seen), *self.coefficients.shape[1:])
        return jnp.einsum("tic,tc->ti", matrices, asking)


def head_form(
    key_query: Float[Array, "h b b"],
    output_value: Float[Array, "h o b"],
    weights: Float[Array, "*heads t t"] | None,
    asking: AbstractAsking,
) -> AbstractHeadForm:
    """The form that takes fewer operations; heads with weights of their own have no moments in common."""
    num_heads, dim, size = output_value.shape
    # Without weights of positions a long sequence is taken in chunks, whose scores and state cost about so much.
    length = CHUNK + size if weights is None else weights.shape[-1]
    if weights is not None and weights.ndim == 3:
        return HeadByHead(tuple(weights), asking, tuple(key_query), tuple(output_value))
    if num_heads * 4 * length < dim * size**2:  # operations a position, over its size
        return HeadByHead(weights, asking, tuple(key_query), tuple(output_value))
    return CubicForm.of_heads(key_query, output_value, weights, asking)
