"""The population loss of one block-structured layer on augmented tokens (0, s_t, s_{t-1}), and its minimum.

States are s_t = lambda^(t-1) with independent uniform phases, and s_0 = 0. The layer of Sander et al. 2024, section
4.1, has A = [[0, 0, 0], [0, A1, A2], [0, A3, A4]] and B = [[0, B1, B2], 0, 0] with diagonal blocks, keys conjugated:

    f = sum_{t <= T} (b1 s_t + b2 s_{t-1}) score_t
    score_t = sum_j [a1 s_T s_t* + a2 s_T s_{t-1}* + a3 s_{T-1} s_t* + a4 s_{T-1} s_{t-1}*]_j

predicts s_{T+1}. A minimum is one step of gradient descent, f = c sum_{t < T} s_{t+1} <s_t, s_T>, of which n = T - 1
pairs of states are summed. Losses are |f - s_{T+1}|^2 averaged over lambda, positions T = 2, ..., num_steps + 1.

Signs. Off its diagonal b1 a2^T enters squared only, so that flipping the signs of b1 and a2 in the same coordinates
changes no loss: the minimum is b1 a2^T = c sigma sigma^T for any signs sigma, and f = c D sum_{t < T} s_{t+1}
<s_t, D s_T> with D = diag(sigma). That is gradient descent for equal signs alone; others are as good on average.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.printing import in_short
from mesascope.validation import check_count


class AugmentedWeights(NamedTuple):
    """The diagonals of the blocks of A and of B."""

    a1: Float[Array, " d"]
    a2: Float[Array, " d"]
    a3: Float[Array, " d"]
    a4: Float[Array, " d"]
    b1: Float[Array, " d"]
    b2: Float[Array, " d"]

    __repr__ = in_short


class OneStepOptimum(NamedTuple):
    """The best coefficient c of sum_t s_{t+1} <s_t, s_T>, and the loss summed over positions."""

    coefficient: float
    loss: float

    __repr__ = in_short


def one_step_losses(coefficient: float | Float[Array, ""], dim: int, num_steps: int) -> Float[Array, " steps"]:
    """d [(n c - 1)^2 + n (d - 1) c^2] for n = 1, ..., num_steps pairs of states."""
    check_count("dim", dim)
    check_count("num_steps", num_steps)
    pairs = jnp.arange(1.0, num_steps + 1)
    return dim * ((pairs * coefficient - 1) ** 2 + pairs * (dim - 1) * coefficient**2)


def one_step_optimum(dim: int, num_steps: int) -> OneStepOptimum:
    """c* = 3 / (2N + 3d - 2) and L* = d [N - 3N(N + 1) / (2 (2N + 3d - 2))], N = num_steps.

    The minimiser of the sum of `one_step_losses`: N(N+1)/2 - c (N(N+1)(2N+1)/6 + (d-1) N(N+1)/2) = 0. A step and
    coordinate loses 1/4 in the limit of large N (Sander et al. 2024, proposition 2).
    """
    check_count("dim", dim)
    check_count("num_steps", num_steps)
    denominator = 2 * num_steps + 3 * dim - 2
    loss = dim * (num_steps - 3 * num_steps * (num_steps + 1) / (2 * denominator))
    return OneStepOptimum(3 / denominator, loss)


def layer_losses(weights: AugmentedWeights, num_steps: int) -> Float[Array, " steps"]:
    """The loss of any weights at T = 2, ..., num_steps + 1.

    A term of f_i is a coefficient times lambda_j^m lambda_i^n. Terms of equal m + n and n add up, and so do all j where
    m = 0, and all n where j = i; different monomials are orthonormal. With products K_ij = b_i a_j, the rows below are
    m + n = T (the target's), T - 1, T - 2 and T - 3.
    """
    check_count("num_steps", num_steps)
    a1, a2, a3, a4, b1, b2 = (jnp.asarray(each) for each in weights)
    size = jnp.arange(2, num_steps + 2, dtype=b1.dtype)[:, None]  # T
    b1a1, b1a4, b1a2, b1a3 = (jnp.outer(b1, a) for a in (a1, a4, a2, a3))
    b2a14, b2a2, b2a3 = (jnp.outer(b2, a) for a in (a1 + a4, a2, a3))

    has_constant = (size >= 3).astype(size.dtype)
    groups = (
        ((b1a2, size - 1, 0),),
        ((b1a1 + b2a2, 1, 0), (b1a1 + b1a4 + b2a2, size - 2, 0), (b1a1 + b1a4, 1, 1)),
        ((b1a3 + b2a14, size - 1, 1), (b1a3, 1, 0)),
        ((b2a3, size - 1, has_constant),),
    )
    collapsed, alone = zip(*(_coefficients(*group) for group in groups), strict=True)
    collapsed = (collapsed[0] - 1, *collapsed[1:])
    squares = [jnp.sum(each**2, axis=1) for each in collapsed]
    return functools.reduce(jnp.add, [*squares, *(each[:, 0] for each in alone)])


def _coefficients(*terms):
    """What terms (matrix, count, how many of these have m = 0) add up to in the monomial in which the diagonals meet,
    and the sum of squares of all other monomials' coefficients."""
    collapsed = sum(count * jnp.diagonal(k)[None] + constant * _row(k)[None] for k, count, constant in terms)
    return collapsed, sum((count - constant) * _off(k)[None, None] for k, count, constant in terms)


def _off(k):
    """The sum of squares beside the diagonal."""
    return jnp.sum(k**2) - jnp.sum(jnp.diagonal(k) ** 2)


def _row(k):
    """Row sums without the diagonal."""
    return k.sum(axis=1) - jnp.diagonal(k)
