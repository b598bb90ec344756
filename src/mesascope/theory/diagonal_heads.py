"""Population losses of one layer of diagonal heads that predicts the next state of s_{t+1} = W s_t.

In the basis that all W share, W = diag(lambda) with |lambda_i| = 1, and s_1 is the vector of ones, so that s_t holds
the powers lambda_i^(t-1). The layer's query is s_{T-1}, its keys and values are s_1, ..., s_T, and p = P_{T-1, 1:T} are
the weights of positions. With C = B^T A the prediction of s_{T+1} is

    f_i = sum_{t <= T} p_t (C lambda^(t-T+1))_i lambda_i^(t-1),        target lambda_i^T

(Sander et al. 2024, section 4.2). Averaged over lambda, |f - target|^2 is a sum of squared coefficients of distinct
monomials. *Unitary*: all phases are independent and uniform. *Orthogonal*: entries 2k and 2k + 1 are conjugate, pairs
independent and uniform. Losses are differentiable JAX functions of real C and P. Row q of `position_weights` [q, q + 1]
belongs to the query s_{q+1}, counted from zero, that is to T = q + 2; entries beyond t = T are not looked at.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mesascope.validation import check_count


def unitary_losses(mixing: Float[Array, "d d"], position_weights: Float[Array, "q t"]) -> Float[Array, " q"]:
    """sum_{t != T-1} p_t^2 |C|^2 + p_{T-1}^2 |C 1|^2 - 2 p_T tr C + d, for T = 2, ..., q + 1.

    At t = T - 1 the score does not depend on lambda, and all columns of C fall on one monomial (Sander et al. 2024,
    proposition 3; the authors' script counts p_{T-1}^2 twice, this does not).
    """
    others, before, last = _parts(position_weights)
    rows = mixing.sum(axis=1)
    squares = jnp.sum(others**2, axis=1) * jnp.sum(mixing**2) + before**2 * jnp.sum(rows**2)
    return squares - 2 * last * jnp.trace(mixing) + len(mixing)


def orthogonal_losses(mixing: Float[Array, "d d"], position_weights: Float[Array, "q t"]) -> Float[Array, " q"]:
    """|q|^2 (|C|^2 - sum_i C_ii'^2) + sum_i (p_{T-1} (C 1)_i + C_ii' sum_t q_t)^2 - 2 p_T tr C + d.

    q is p without p_{T-1}, and i' the partner of i: for it, too, every t gives the monomial lambda_i^(T-2) (Sander et
    al. 2024, proposition 5). Raises ValueError for an odd d, which has no pairs.
    """
    dim = len(mixing)
    check_pairs("mixing", dim)
    others, before, last = _parts(position_weights)
    partners = mixing[np.arange(dim), np.arange(dim) ^ 1]
    elsewhere = jnp.sum(others**2, axis=1) * (jnp.sum(mixing**2) - jnp.sum(partners**2))
    collapsed = jnp.outer(before, mixing.sum(axis=1)) + jnp.outer(others.sum(axis=1), partners)
    return elsewhere + jnp.sum(collapsed**2, axis=1) - 2 * last * jnp.trace(mixing) + dim


def unitary_floor(dim: int, num_heads: int) -> int:
    """The infimum of a position's loss over C of rank num_heads and p: d - H, zero from H = d on (Eckart and Young)."""
    _check_sizes(dim, num_heads)
    return max(dim - num_heads, 0)


def orthogonal_floor(dim: int, num_heads: int) -> int:
    """The same for conjugate pairs: d - 2H, zero from H = d / 2 on, since one head can serve a pair."""
    _check_sizes(dim, num_heads)
    check_pairs("dim", dim)
    return max(dim - 2 * num_heads, 0)


def check_pairs(name: str, dim: int) -> None:
    """Raise ValueError unless `dim` can be made of conjugate pairs."""
    if dim < 2 or dim % 2:
        raise ValueError(f"`{name}` must have an even dimension of at least 2, for conjugate pairs; got {dim}.")


def _parts(position_weights):
    """The weights that are neither ahead of T nor p_{T-1}, then p_{T-1}, then p_T."""
    num_queries = len(position_weights)
    if position_weights.shape[1] < num_queries + 1 or num_queries < 1:
        raise ValueError(
            f"`position_weights` must have a row a query and at least one column more; got shape "
            f"{position_weights.shape}."
        )
    query, key = np.arange(num_queries)[:, None], np.arange(position_weights.shape[1])[None, :]
    others = jnp.where((key <= query + 1) & (key != query), position_weights, 0.0)
    diagonal = np.arange(num_queries)
    return others, position_weights[diagonal, diagonal], position_weights[diagonal, diagonal + 1]


def _check_sizes(dim: int, num_heads: int) -> None:
    check_count("dim", dim)
    check_count("num_heads", num_heads)
