"""The few solves that algorithms share."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Inexact


def solve_positive(matrix: Inexact[Array, "d d"], right: Inexact[Array, "d k"]) -> Inexact[Array, "d k"]:
    """matrix^{-1} right for a Hermitian matrix whose eigenvalues are positive, differentiable in both.

    By elimination without pivots, stable for such a matrix; where it is singular, what comes out isn't finite. Not by
    LAPACK, to which jaxlib hands a batch from one core and waits for it there: of two batches at once, a solution's
    and its derivative's, each can wait for the other's core forever. Small matrices side by side are also quicker so.
    """
    return lax.custom_linear_solve(
        lambda unknown: matrix @ unknown,
        right,
        lambda _, right: _eliminate(matrix, right),
        lambda _, right: _eliminate(matrix.T, right),
    )


def _eliminate(matrix, right):
    """Gauss and Jordan's elimination: after column i the first i of [matrix, right] are the identity's."""
    size = len(matrix)

    def clear_column(i, table):
        row = table[i] / table[i, i]
        others = jnp.where(jnp.arange(size) == i, 0, table[:, i])
        return (table - others[:, None] * row[None, :]).at[i].set(row)

    return lax.fori_loop(0, size, clear_column, jnp.concatenate([matrix, right], axis=1))[:, size:]
