"""Padding: rows behind the first `length` ones, which count for nothing and are zero."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Inexact, Int


def checked_length(value: Any, batch: tuple[int, ...], least: int, most: int) -> Int[Array, "..."]:
    """`value` as an array of lengths, of the shape of the batch; ValueError unless each is from `least` to `most`."""
    if not isinstance(value, (int, np.integer, np.ndarray, jax.Array)) or isinstance(value, bool):
        raise ValueError(f"`length` must be a whole number, or an array of them; got {type(value).__name__}.")
    # By numpy, where there are numbers: within another program's trace, JAX's comparison has none.
    lengths = value if isinstance(value, jax.core.Tracer) else np.asarray(value)
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        raise ValueError(f"`length` must be a whole number, or an array of them; got {lengths.dtype}.")
    if lengths.shape != batch:
        wanted = "one number" if not batch else f"one number a row of the batch, of shape {batch}"
        raise ValueError(f"`length` must be {wanted}; got shape {lengths.shape}.")
    if not isinstance(lengths, jax.core.Tracer) and ((lengths < least) | (lengths > most)).any():
        raise ValueError(f"`length` must be from {least} to {most}, the number of rows; got {value!r}.")
    return jnp.asarray(lengths, jnp.int32)


def mask_of(length: Int[Array, "..."], num_rows: int) -> Bool[Array, "... n"]:
    """True at the rows that count."""
    return jax.lax.broadcasted_iota(jnp.int32, (*length.shape, num_rows), length.ndim) < length[..., None]


def without_padding(rows: Inexact[Array, "... n d"], length: Int[Array, "..."]) -> Inexact[Array, "... n d"]:
    """The rows with zeros in place of those that do not count, whatever stood there."""
    return jnp.where(mask_of(length, rows.shape[-2])[..., None], rows, jnp.zeros((), rows.dtype))


def padded_rows(rows: Inexact[Array, "n d"], num_rows: int, name: str) -> Inexact[Array, "m d"]:
    """The rows and zeros behind them, `num_rows` in all; ValueError where there are more already."""
    if num_rows < len(rows):
        raise ValueError(f"`{name}` must be at least {len(rows)}, as many as there are; got {num_rows}.")
    return jnp.pad(rows, ((0, num_rows - len(rows)), (0, 0)))
