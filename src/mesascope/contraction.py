"""Products of small matrices that stay fast under `jax.vmap`.

Thousands of tiny matrix products are the inner loop of this library, and XLA's CPU code for a batched `dot` of
11 x 11 matrices is slower than the same sum written out as multiply-adds, which it fuses
into its neighbours. That choice, and the derivative that keeps it in the backward pass, live here only.
A product with shared weights, the same for the whole batch, is one large `dot` and should stay `@`.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

UNROLL_LIMIT = 32  # a longer sum costs more to compile than it saves


@jax.custom_vjp
def matmul(a: Inexact[Array, "n k"], b: Inexact[Array, "k m"]) -> Inexact[Array, "n m"]:
    """The matrix product a b, for matrices that differ from prompt to prompt.

    Reverse-mode differentiable, any number of times; not forward-mode.
    """
    length = a.shape[1]
    if not 0 < length <= UNROLL_LIMIT:
        return a @ b
    return sum(
        (a[:, i, None] * b[None, i, :] for i in range(1, length)),
        start=a[:, 0, None] * b[None, 0, :],
    )


def _matmul_forward(a, b):
    return matmul(a, b), (a, b)


def _matmul_backward(operands, cotangent):
    a, b = operands
    return matmul(cotangent, b.T), matmul(a.T, cotangent)


matmul.defvjp(_matmul_forward, _matmul_backward)


@jax.custom_vjp
def scores(a: Inexact[Array, "n k"], b: Inexact[Array, "m k"]) -> Inexact[Array, "n m"]:
    """The matrix product a b^T, computed by `dot`: stored, where `matmul` would be repeated in each consumer.

    Meant for a chain of products, whose links XLA would else compute again for every entry of the next. Of the
    derivatives, that of a, the link before, is a `dot` as well; that of b, the end of a chain, is written out.
    """
    return a @ b.T


scores.defvjp(
    lambda a, b: (scores(a, b), (a, b)),
    lambda operands, cotangent: (cotangent @ operands[1], matmul(cotangent.T, operands[0])),
)


@jax.custom_vjp
def mixture(a: Inexact[Array, "n k"], b: Inexact[Array, "k m"]) -> Inexact[Array, "n m"]:
    """The matrix product a b, written out, of a link `a` that is stored; derivatives as those of `scores`."""
    return matmul(a, b)


mixture.defvjp(
    lambda a, b: (mixture(a, b), (a, b)),
    lambda operands, cotangent: (cotangent @ operands[1].T, matmul(operands[0].T, cotangent)),
)


@jax.custom_vjp
def stored(x: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """`x` itself, which must be finite; it and its cotangent are computed once, where XLA would repeat both.

    For a residual stream that is cut off: every product that reads it would else compute the cutting again.
    """
    return _stored(x)


stored.defvjp(lambda x: (_stored(x), None), lambda _, cotangent: (_stored(cotangent),))


@jax.custom_vjp
def stored_gradient(x: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """`x` itself; in the backward pass its cotangent is computed once, where XLA would repeat it in every consumer.

    For a residual stream, of which every layer reads the whole sum of later cotangents.
    """
    return x


stored_gradient.defvjp(lambda x: (x, None), lambda _, cotangent: (_stored(cotangent),))


def _stored(x: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """A product with the identity, which is what XLA's CPU compiler does not fuse into what follows."""
    return jnp.matmul(x, jnp.eye(x.shape[-1], dtype=x.dtype), precision="highest")


def matvec(a: Inexact[Array, "n k"], x: Inexact[Array, " k"]) -> Inexact[Array, " n"]:
    """The matrix-vector product a x, for a matrix and a vector that differ from prompt to prompt."""
    return matmul(a, x[:, None])[:, 0]
