"""What is left of diagonal heads in dense ones: how far K_{ij,kl} is from what diagonal heads make."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Inexact

from mesascope.studies._shared.measure import jit_once
from mesascope.theory.dense_heads import visible_tensor


class Leftovers(NamedTuple):
    """Of K, and of the part of K that predictions see, averaged over the exchange of key and value.

    `energy` [*n] is the part of |K|^2 off j = i, l = k. C_ik is K_{ii,kk}; `mixing` [*n d d] is |C_ik| over the largest
    of them, `defect` [*n] the norm of C off the diagonal, or on pairs off its blocks, over that of all.
    """

    energy: np.ndarray
    visible_energy: np.ndarray
    defect: np.ndarray
    mixing: np.ndarray
    visible_mixing: np.ndarray


def leftovers(tensor: Inexact[np.ndarray, "*n d d d d"], in_pairs: bool) -> Leftovers:
    """`Leftovers` of K where W is diagonal."""
    dim = tensor.shape[-1]
    same = np.eye(dim, dtype=bool)
    diagonal = same[:, :, None, None] & same[None, None, :, :]
    blocks = np.kron(np.eye(dim // 2), np.ones((2, 2))).astype(bool) if in_pairs else same
    visible = np.asarray(jit_once(visible_tensor)(jnp.asarray(tensor)))
    heads, seen = (np.einsum("...iikk->...ik", each) for each in (tensor, visible))
    return Leftovers(
        _energy_off(diagonal, tensor),
        _energy_off(diagonal | np.swapaxes(diagonal, 1, 3), visible),
        np.linalg.norm(np.where(blocks, 0.0, heads), axis=(-2, -1)) / np.linalg.norm(heads, axis=(-2, -1)),
        _over_largest(heads),
        _over_largest(seen),
    )


def _energy_off(
    kept: Bool[np.ndarray, "d d d d"], tensor: Inexact[np.ndarray, "*n d d d d"]
) -> Float[np.ndarray, "*n"]:
    squares, entries = np.abs(tensor) ** 2, (-4, -3, -2, -1)
    return np.where(kept, 0.0, squares).sum(axis=entries) / squares.sum(axis=entries)


def _over_largest(matrix: Inexact[np.ndarray, "*n d d"]) -> Float[np.ndarray, "*n d d"]:
    return np.abs(matrix) / np.abs(matrix).max(axis=(-2, -1), keepdims=True)
