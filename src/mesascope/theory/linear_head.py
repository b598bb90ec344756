"""The population loss of one linear attention head, of any weights, on Gaussian inputs of any covariance.

Inputs x_1, ..., x_n and the query q are N(0, Sigma), the teacher w is N(0, I), y_i = w^T x_i without noise. On tokens
(x_i, y_i) and (q, 0) the head predicts -p^T M K q: p = (p_x, p_y) is the y-row of P W_V, M = sum_i e_i e_i^T, and K =
(K_x; k^T) are the columns of W_KQ on x. With S = 1/n sum_i x_i x_i^T the prediction has two parts,

    odd in w:   w^T S C q,    C = -n (p_y K_x + p_x k^T),
    even in w:  -n (p_x^T S K_x q + p_y (w^T S w) k^T q).

Only the odd part can meet the target w^T q. Since w and -w are as likely, the parts do not mix:

    loss = 1/2 E (odd - w^T q)^2 + 1/2 E even^2,

a polynomial in the weights, its coefficients moments of the Wishart law. The other rows of P W_V and the other column
of W_KQ do not enter. The least loss is that of p_x = 0, k = 0 and C^T = `best_preconditioner` (Ahn et al. 2023, theorem
1); gradient flow from the start of Zhang et al. 2023, theorem 4.1, descends it. One output only.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from mesascope.validation import check_count, check_shape


def head_loss(
    key_query: Float[Array, "t t"],
    output_value: Float[Array, "t t"],
    covariance: Float[Array, "d d"],
    num_examples: int,
) -> Float[Array, ""]:
    """1/2 E (prediction - target)^2 of a head with these products W_KQ and P W_V, t = d + 1; differentiable.

    The layer sums over examples, as models here do: for a layer that takes the mean, give P W_V divided by n.
    """
    dim = covariance.shape[0]
    check_count("num_examples", num_examples)
    check_shape("covariance", covariance, (dim, dim))
    for name, product in (("key_query", key_query), ("output_value", output_value)):
        check_shape(name, product, (dim + 1, dim + 1))
    reads, labels = key_query[:dim, :dim], key_query[dim, :dim]
    on_x, on_y = output_value[dim, :dim], output_value[dim, dim]
    odd = -num_examples * (on_y * reads + jnp.outer(on_x, labels))
    even = num_examples**2 * _even(reads, labels, on_x, on_y, covariance, num_examples)
    return (_odd_error(odd, covariance, num_examples) + even) / 2


def _odd_error(matrix, covariance, num_examples):
    """E (w^T S C q - w^T q)^2 = tr Sigma - 2 tr(Sigma C Sigma) + tr(E[S^2] C Sigma C^T)."""
    square = _sandwich(jnp.eye(len(covariance), dtype=covariance.dtype), covariance, num_examples)
    linear = jnp.trace(covariance @ matrix @ covariance)
    return jnp.trace(covariance) - 2 * linear + jnp.trace(square @ matrix @ covariance @ matrix.T)


def _even(reads, labels, on_x, on_y, covariance, num_examples):
    """E (p_x^T S K q + p_y (w^T S w) k^T q)^2, from E[S M S], E[tr(S) S] and E (w^T S w)^2."""
    trace, trace_of_square = jnp.trace(covariance), jnp.trace(covariance @ covariance)
    squared_trace = trace**2 + 2 / num_examples * trace_of_square
    square_trace = (1 + 1 / num_examples) * trace_of_square + trace**2 / num_examples
    trace_times = trace * covariance + 2 / num_examples * covariance @ covariance
    quadratic = on_x @ _sandwich(reads @ covariance @ reads.T, covariance, num_examples) @ on_x
    mixed = on_y * (on_x @ trace_times @ reads @ covariance @ labels)
    constant = on_y**2 * (squared_trace + 2 * square_trace) * (labels @ covariance @ labels)
    return quadratic + 2 * mixed + constant


def _sandwich(middle, covariance, num_examples):
    """E[S M S] = (1 + 1/n) Sigma M Sigma + tr(M Sigma) / n Sigma, M symmetric."""
    outer = (1 + 1 / num_examples) * covariance @ middle @ covariance
    return outer + jnp.trace(middle @ covariance) / num_examples * covariance
