"""The few solves that algorithms share, of V in inputs V = labels: no normal equations, which square the condition.

Columns are made orthogonal, the longest left first (modified Gram and Schmidt with pivots), labels with them. That is
backward stable (Björck, "Solving linear least squares problems by Gram-Schmidt orthogonalization", 1967): an error is
about machine epsilon times sqrt(condition) of what would be inverted. It needs no LAPACK, to which jaxlib hands a batch
from one core and waits for it there: of two batches at once, a solution's and its derivative's, each can wait for the
other's core forever.

Long lists of examples are first made short, part after part, so that nothing depends on how many there are. What is
left of a column, when others are taken away, counts as zero where it is less than ten times what rounding can have left
there: an epsilon of the column, and of those others their own, as much as of them was taken. Entries below 1e-19 of the
largest, whose squares single precision can't hold, count as zero, too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact

SHORT = 64  # rows that are made few at once, or eight times the columns


class Factor(NamedTuple):
    """`rows` [d d] and `right` [d k], which ask the same of V as all inputs and labels."""

    rows: Inexact[Array, "d d"]
    right: Inexact[Array, "d k"]


def ridge(
    inputs: Inexact[Array, "n d"], labels: Inexact[Array, "n k"], penalty: float | Float[Array, ""]
) -> Inexact[Array, "d k"]:
    """The V that minimises |inputs V - labels|^2 + penalty |V|^2, for any penalty above zero, however small."""
    inputs, labels = _alike(inputs, labels)
    root = jnp.sqrt(jnp.asarray(penalty, inputs.real.dtype))
    scale = _power_of_two(jnp.maximum(_largest(inputs), root))
    return _solve(inputs, labels, scale, root / scale)


def least_norm(inputs: Inexact[Array, "n d"], labels: Inexact[Array, "n k"]) -> Inexact[Array, "d k"]:
    """The V of least norm among the minimisers of |inputs V - labels|^2: ridge regression's as its penalty vanishes."""
    inputs, labels = _alike(inputs, labels)
    return _solve(inputs, labels, _power_of_two(_largest(inputs)), None)


def few(inputs: Inexact[Array, "n d"], labels: Inexact[Array, "n k"]) -> Factor:
    """d rows that stand for all examples: rows* rows = inputs* inputs and rows* right = inputs* labels."""
    inputs, labels = _alike(inputs, labels)
    scales = [_power_of_two(_largest(each)).astype(inputs.dtype) for each in (inputs, labels)]
    found, _ = _orthogonalise(inputs / scales[0], labels / scales[1])
    return Factor(found.rows * scales[0], found.right * scales[1])


def root_of(covariance: Inexact[Array, "d d"]) -> Inexact[Array, "d d"]:
    """Rows with rows* rows = covariance, which may be singular: Cholesky's method with pivots.

    What is left on the diagonal counts as zero below d epsilons of the largest entry.
    """
    epsilon = len(covariance) * jnp.finfo(covariance.dtype).eps * _largest(covariance)

    def take_away(left: Inexact[Array, "d d"], _: None) -> tuple[Inexact[Array, "d d"], Inexact[Array, " d"]]:
        diagonal = jnp.diagonal(left).real
        i = jnp.argmax(diagonal)
        counts = diagonal[i] > epsilon
        row = left[i] / jnp.sqrt(jnp.where(counts, diagonal[i], 1)).astype(left.dtype)
        row = jnp.where(counts, row, jnp.zeros_like(row))
        left = left - jnp.conj(row)[:, None] * row[None]
        return left.at[i].set(0).at[:, i].set(0), row

    return lax.scan(take_away, covariance, length=len(covariance))[1]


def factors_along(inputs: Inexact[Array, "t d"], labels: Inexact[Array, "t k"]) -> Factor:
    """For every prefix, from none of the examples to all, d rows that stand for them; a leading axis over prefixes.

    They are the examples themselves while there are at most d, and else each follows from the one before: the cost is
    linear in t.
    """
    inputs, labels = _alike(inputs, labels)
    dim = inputs.shape[1]
    num_first = min(dim, len(inputs))
    first, later = ([each[part] for each in (inputs, labels)] for part in (slice(num_first), slice(num_first, None)))
    start = Factor(*(jnp.pad(each, ((0, dim - num_first), (0, 0))) for each in first))
    seen = np.tri(num_first + 1, dim, -1, dtype=bool)
    short = Factor(*(jnp.where(seen[:, :, None], each[None], 0) for each in start))

    def absorb(factor: Factor, example: Factor) -> tuple[Factor, Factor]:
        factor = few(*(jnp.concatenate([before, new[None]]) for before, new in zip(factor, example, strict=True)))
        return factor, factor

    long = lax.scan(absorb, start, Factor(later[0], later[1]))[1]
    return Factor(*(jnp.concatenate(each) for each in zip(short, long, strict=True)))


def order_of(array: Inexact[Array, "..."]) -> Float[Array, ""]:
    """The power of two above the largest entry, one for zeros: entries divided by it are at most one, their bits kept.

    What does not depend on the scale of its inputs is best computed at theirs, where squares of squares are held, too.
    """
    return _power_of_two(_largest(array))


def length(array: Inexact[Array, "..."]) -> Float[Array, ""]:
    """The root of the sum of squares of all entries, also where a square would not fit into their type."""
    scale = _power_of_two(_largest(array))
    return jnp.linalg.norm((array / scale.astype(array.dtype)).ravel()) * scale


class _Prior(NamedTuple):
    """Rows below the inputs, labelled zero; where they vanish, they count only if nothing else is left of a column."""

    rows: Inexact[Array, "m d"]
    vanishing: bool


def _solve(inputs, labels, scale, root):
    """V, from inputs and labels of order one."""
    dtype, of_labels = inputs.dtype, _power_of_two(_largest(labels))
    identity = jnp.eye(inputs.shape[1], dtype=dtype)
    prior = _Prior(identity if root is None else root.astype(dtype) * identity, vanishing=root is None)
    few = _reduce(inputs / scale.astype(dtype), labels / of_labels.astype(dtype))
    return _substitute(*_orthogonalise(*few, prior)) * (of_labels / scale).astype(dtype)


def _reduce(inputs, labels):
    """Fewer rows that ask the same: parts of them made few, and again; so rounding hardly grows with their number."""
    dim, num_labels = inputs.shape[1], labels.shape[1]
    size = max(SHORT, 8 * dim)
    while len(inputs) > 2 * size:
        padding = -len(inputs) % size
        parts = (jnp.pad(each, ((0, padding), (0, 0))).reshape(-1, size, each.shape[1]) for each in (inputs, labels))
        factor = jax.vmap(lambda inputs, labels: _orthogonalise(inputs, labels)[0])(*parts)
        inputs, labels = factor.rows.reshape(-1, dim), factor.right.reshape(-1, num_labels)
    return inputs, labels


def _orthogonalise(inputs, labels, prior: _Prior | None = None):
    """A factor of the inputs, or of them and a prior below them, and the order in which its rows took the columns.

    With a prior, what is left of a column by rounding is taken for zero.
    """
    dim, dtype = inputs.shape[1], inputs.dtype
    table = jnp.concatenate([inputs, labels], axis=1)
    rows = jnp.zeros((0, dim), dtype) if prior is None else prior.rows
    below = jnp.pad(rows, ((0, 0), (0, labels.shape[1])))
    epsilon = 0 if prior is None else float(jnp.finfo(dtype).eps)

    def take_away(state, _):
        table, below, noise, waits = state
        squares = _square(table[:, :dim])
        squares = jnp.where(waits & (squares > 100 * noise), squares, 0)
        weight = jnp.where(jnp.any(squares > 0) & (prior is not None and prior.vanishing), 0, 1).astype(squares.dtype)
        whole = squares + jnp.where(waits, weight * _square(below[:, :dim]), 0)
        i = jnp.argmax(whole)
        length = jnp.where(whole[i] > 0, jnp.sqrt(jnp.where(whole[i] > 0, whole[i], 1)), 0)
        over = jnp.where(whole[i] > 0, 1 / jnp.where(whole[i] > 0, length, 1), 0).astype(dtype)
        column, under = over * jnp.where(squares[i] > 0, table[:, i], 0), over * below[:, i]
        row = jnp.conj(column) @ table + weight.astype(dtype) * (jnp.conj(under) @ below)
        row = jnp.concatenate([jnp.where(waits, row[:dim], 0).at[i].set(length.astype(dtype)), row[dim:]])
        table, below = table - column[:, None] * row[None], below - under[:, None] * row[None]
        noise = noise + jnp.where(squares[i] > 0, jnp.abs(over * row[:dim]) ** 2 * noise[i], 0)
        return (table, below, noise, waits.at[i].set(False)), (row, i)

    state = (table, below, lax.stop_gradient(epsilon**2 * _square(inputs)), jnp.ones(dim, bool))
    rows, order = lax.scan(take_away, state, length=dim)[1]
    return Factor(rows[:, :dim], rows[:, dim:]), order


def _substitute(factor: Factor, order):
    """The V of rows V = right, from the last row to the first; zero where a row asks nothing."""

    def row_of(found, which):
        row, right, i = which
        left = right - row @ found
        return found.at[i].set(jnp.where(row[i] != 0, left / jnp.where(row[i] != 0, row[i], 1), 0)), None

    return lax.scan(row_of, jnp.zeros_like(factor.right), (*factor, order), reverse=True)[0]


def _alike(inputs, labels):
    """Both complex, where one is."""
    dtype = np.promote_types(inputs.dtype, labels.dtype)
    return inputs.astype(dtype), labels.astype(dtype)


def _square(table):
    """Of the length of every column."""
    return jnp.sum(table.real**2 + table.imag**2 if jnp.iscomplexobj(table) else table**2, axis=0)


def _largest(table):
    return jnp.max(jnp.abs(table), initial=0.0)


def _power_of_two(size):
    """The next one above `size`, one for zero: divided by it, numbers are of order one and their bits the same."""
    return lax.stop_gradient(jnp.ldexp(jnp.ones_like(size), jnp.where(size > 0, jnp.frexp(size)[1], 0)))
