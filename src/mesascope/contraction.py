"""Products of small matrices that stay fast under `jax.vmap`.

Thousands of tiny matrix products are the inner loop of this library, and XLA's CPU code for a batched `dot` of
11 x 11 matrices is slower than the same sum written out as multiply-adds, which it fuses
into its neighbours. That choice, and the derivative that keeps it in the backward pass, live here only.
A product with shared weights, the same for the whole batch, is one large `dot` and should stay `@`.
"""

import jax
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


def matvec(a: Inexact[Array, "n k"], x: Inexact[Array, " k"]) -> Inexact[Array, " n"]:
    """The matrix-vector product a x, for a matrix and a vector that differ from prompt to prompt."""
    return matmul(a, x[:, None])[:, 0]
