"""Products of small matrices that stay fast under `jax.vmap`.

Thousands of tiny matrix products are the inner loop of this library, and XLA's CPU code for a batched `dot` of
11 x 11 matrices is slower than the same sum written out as multiply-adds, which it fuses
into its neighbours. That choice, and the derivative that keeps it in the backward pass, live here only.
A product with shared weights, the same for the whole batch, is one large `dot` and should stay `@`.
"""

import operator
from collections.abc import Callable, Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import custom_jvp, lax
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Bool, Inexact

UNROLL_LIMIT = 32  # a longer sum costs more to compile than it saves

# Python writes down the operations of each shape once, not again in every layer and derivative: that takes it longer
# than XLA takes to compile them. They still stand in line, where XLA fuses them into their neighbours.
_traced_once = partial(jax.jit, inline=True)


@custom_jvp
@_traced_once
def matmul(a: Inexact[Array, "n k"], b: Inexact[Array, "k m"]) -> Inexact[Array, "n m"]:
    """The matrix product a b, for matrices that differ from prompt to prompt.

    Differentiable in forward and in reverse mode, any number of times. Reverse mode is the fast one: the derivative is
    written such that its transpose, which is what a backward pass runs, is a sum of multiply-adds as well.
    """
    length = a.shape[1]
    if not 0 < length <= UNROLL_LIMIT:
        return a @ b
    return reduce(operator.add, map(operator.mul, _columns(a), _rows(b)))


@_traced_once
def _from_the_left(a: Inexact[Array, "n k"], tangent: Inexact[Array, "k m"]) -> Inexact[Array, "n m"]:
    """The product a tangent, row by row: its transpose, from a cotangent to `tangent`, is `matmul(a.T, cotangent)`."""
    if not 0 < a.shape[0] <= UNROLL_LIMIT:
        return a @ tangent
    return jnp.concatenate([jnp.sum(row.T * tangent, axis=0, keepdims=True) for row in _rows(a)])


@_traced_once
def _from_the_right(tangent: Inexact[Array, "n k"], b: Inexact[Array, "k m"]) -> Inexact[Array, "n m"]:
    """The product tangent b, column by column: its transpose is `matmul(cotangent, b.T)`."""
    if not 0 < b.shape[1] <= UNROLL_LIMIT:
        return tangent @ b
    return jnp.concatenate([jnp.sum(tangent * column.T, axis=1, keepdims=True) for column in _columns(b)], axis=1)


def _set_derivatives(product: custom_jvp, by_a: Callable[..., Array], by_b: Callable[..., Array]) -> None:
    """Make the derivative of product(a, b) along (da, db) by_a(da, b) + by_b(a, db); nothing is computed of a zero."""

    def rule(primals, tangents):
        (a, b), (da, db) = primals, tangents
        of_a = [] if isinstance(da, SymbolicZero) else [by_a(da, b)]
        of_b = [] if isinstance(db, SymbolicZero) else [by_b(a, db)]
        return product(a, b), reduce(operator.add, of_a + of_b)

    product.defjvp(rule, symbolic_zeros=True)


_set_derivatives(matmul, _from_the_right, _from_the_left)


@custom_jvp
def scores(a: Inexact[Array, "n k"], b: Inexact[Array, "m k"]) -> Inexact[Array, "n m"]:
    """The matrix product a b^T, computed by `dot`: stored, where `matmul` would be repeated in each consumer.

    Meant for a chain of products, whose links XLA would else compute again for every entry of the next. Of the
    derivatives, that of a, the link before, is a `dot` as well; that of b, the end of a chain, is written out.
    """
    return a @ b.T


_set_derivatives(scores, lambda da, b: da @ b.T, lambda a, db: _from_the_left(a, db.T))


@custom_jvp
def mixture(a: Inexact[Array, "n k"], b: Inexact[Array, "k m"]) -> Inexact[Array, "n m"]:
    """The matrix product a b, written out, of a link `a` that is stored; derivatives as those of `scores`."""
    return matmul(a, b)


_set_derivatives(mixture, operator.matmul, _from_the_left)


def softmax(logits: Inexact[Array, "*m n"], seen: Bool[Array, " n"] | None = None) -> Inexact[Array, "*m n"]:
    """Weights proportional to exp(logits) along the last axis, of what is `seen` alone; zero where that is nothing."""
    if seen is None and logits.shape[-1]:
        return jax.nn.softmax(logits, axis=-1)
    return masked_softmax(logits, jnp.broadcast_to(True if seen is None else seen, logits.shape))


def masked_softmax(logits: Inexact[Array, "*m n"], seen: Bool[Array, "*m n"]) -> Inexact[Array, "*m n"]:
    """The same for logits of any size, which XLA may compute twice.

    Huge ones can differ then by more than the exponential bears: the largest has the power one by its place, no
    difference from itself.
    """
    if not logits.shape[-1]:
        return logits
    lowest = jnp.where(seen, logits, jnp.full((), -jnp.inf, logits.dtype))
    first = jnp.argmax(lowest, axis=-1, keepdims=True)
    below = logits - jnp.take_along_axis(logits, first, axis=-1)
    is_first = lax.broadcasted_iota(first.dtype, logits.shape, logits.ndim - 1) == first
    powers = jnp.where(seen, jnp.exp(jnp.where(is_first | (below > 0), 0, below)), 0)
    total = jnp.sum(powers, axis=-1, keepdims=True)
    return powers / jnp.where(total == 0, jnp.ones_like(total), total)


@custom_jvp
def stored(x: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """`x` itself, which must be finite; it and its cotangent are computed once, where XLA would repeat both.

    For a residual stream that is cut off: every product that reads it would else compute the cutting again.
    """
    return _stored(x)


stored.defjvps(lambda dx, _, x: _stored(dx))


@custom_jvp
def stored_gradient(x: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """`x` itself; in the backward pass its cotangent is computed once, where XLA would repeat it in every consumer.

    For a residual stream, of which every layer reads the whole sum of later cotangents.
    """
    return x


stored_gradient.defjvps(lambda dx, _, x: _stored(dx))


def _rows(x: Inexact[Array, "n k"]) -> Sequence[Inexact[Array, "1 k"]]:
    return lax.split(x, (1,) * x.shape[0], axis=0)


def _columns(x: Inexact[Array, "n k"]) -> Sequence[Inexact[Array, "n 1"]]:
    return lax.split(x, (1,) * x.shape[1], axis=1)


def _stored(x: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """A product with the identity, which is what XLA's CPU compiler does not fuse into what follows."""
    return jnp.matmul(x, jnp.eye(x.shape[-1], dtype=x.dtype), precision="highest")


def matvec(a: Inexact[Array, "n k"], x: Inexact[Array, " k"]) -> Inexact[Array, " n"]:
    """The matrix-vector product a x, for a matrix and a vector that differ from prompt to prompt."""
    return matmul(a, x[:, None])[:, 0]
