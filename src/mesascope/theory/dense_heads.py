"""Population losses of one layer of dense heads that predicts the next state of s_{t+1} = W s_t.

The setting is that of `theory/diagonal_heads.py`, W = diag(lambda) and s_1 the vector of ones, but A^h and B^h are any
matrices, real or complex. With K_{ij,kl} = sum_h B^h_ij A^h_kl the prediction of s_{T+1} is

    f_i = sum_{t <= T} p_t sum_{jkl} K_{ij,kl} lambda_j^(t-1) lambda_k^(2-T) lambda_l^(t-1),        target lambda_i^T.

Distinct monomials in the free phases are orthonormal. So the loss is the sum of the squared coefficients, each the sum
of p_t K_{ij,kl} over all (t, j, k, l) of one monomial, less twice the target's, plus one for each coordinate.
"""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from mesascope.theory.diagonal_heads import check_pairs
from mesascope.validation import check_count


class Monomials(NamedTuple):
    """For T = 2, ..., num_queries + 1, one after the other, every term (t, j, k, l) and the monomial that it is."""

    query: np.ndarray  # T - 2, of every term
    key: np.ndarray  # t - 1
    entry: np.ndarray  # (j, k, l), counted through
    monomial: np.ndarray
    owner: np.ndarray  # T - 2, of every monomial
    target: np.ndarray  # the monomial lambda_i^T [query, i]


def mixing_tensor(
    key_query: Inexact[Array, "h d d"], output_value: Inexact[Array, "h d d"]
) -> Inexact[Array, "d d d d"]:
    """K_{ij,kl} = sum_h B^h_ij A^h_kl."""
    return jnp.einsum("hij,hkl->ijkl", output_value, key_query)


def visible_tensor(mixing: Inexact[Array, "*n d d d d"]) -> Inexact[Array, "*n d d d d"]:
    """(K_{ij,kl} + K_{il,kj}) / 2: all that predictions depend on, since key and value are the same state."""
    return (mixing + jnp.swapaxes(mixing, -3, -1)) / 2


def dense_losses(
    law: str, mixing: Inexact[Array, "d d d d"], position_weights: Float[Array, "q t"]
) -> Float[Array, " q"]:
    """E |f - s_{T+1}|^2 for T = 2, ..., q + 1; `law` of the phases is "unitary" or "orthogonal".

    Rows of `position_weights` are those of `theory/diagonal_heads.py`; real. ValueError for another law, and for
    "orthogonal" with an odd d.
    """
    num_queries, dim = len(position_weights), len(mixing)
    terms = monomials(law, dim, num_queries)
    weights = position_weights[terms.query, terms.key].astype(mixing.dtype)
    entries = mixing.reshape(dim, -1)[:, terms.entry] * weights[None, :]
    coefficients = jax.vmap(lambda each: jax.ops.segment_sum(each, terms.monomial, len(terms.owner)))(entries)
    squares = jnp.sum(jnp.real(coefficients * jnp.conj(coefficients)), axis=0)
    hit = jnp.real(coefficients[np.arange(dim)[None, :], terms.target]).sum(axis=1)
    return jax.ops.segment_sum(squares, terms.owner, num_queries) - 2 * hit + dim


@lru_cache
def monomials(law: str, dim: int, num_queries: int) -> Monomials:
    """Every term of every T, and which of them are the same monomial of the free phases."""
    check_count("num_queries", num_queries)
    phases = _phases(law, dim)
    parts: list[list[np.ndarray]] = [[] for _ in Monomials._fields]
    start = 0
    for query in range(num_queries):
        length = query + 2
        key, j, k, l = (each.ravel() for each in np.indices((length, dim, dim, dim)))  # noqa: E741
        powers = key[:, None] * (phases[j] + phases[l]) - query * phases[k]
        distinct, which = np.unique(np.concatenate([powers, length * phases]), axis=0, return_inverse=True)
        which = which.ravel() + start
        entry = (j * dim + k) * dim + l
        found = (np.full(len(key), query), key, entry, which[:-dim], np.full(len(distinct), query), which[-dim:])
        for part, values in zip(parts, found, strict=True):
            part.append(values)
        start += len(distinct)
    query, key, entry, monomial, owner = (np.concatenate(part) for part in parts[:-1])
    return Monomials(query, key, entry, monomial, owner, np.stack(parts[-1]))


def _phases(law: str, dim: int) -> np.ndarray:
    """The powers of the free phases in each lambda_i [d, phases]."""
    check_count("dim", dim)
    if law == "unitary":
        return np.eye(dim, dtype=int)
    if law != "orthogonal":
        raise ValueError(f"`law` must be unitary or orthogonal; got {law!r}.")
    check_pairs("dim", dim)
    return np.kron(np.eye(dim // 2, dtype=int), np.array([[1], [-1]]))
