"""Models between two models."""

from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np

from mesascope.validation import check_finite

Model = TypeVar("Model")


def interpolate(first: Model, second: Model, fraction: float = 0.5) -> Model:
    """(1 - fraction) first + fraction second, weight by weight (von Oswald et al. 2023, section 3: theta_I).

    Weights are floating arrays and plain floats, as the penalty of ridge regression; complex ones as well.

    Both must be of one structure, with their gauges fixed the same way: weights that differ by a symmetry of the
    model have meaningless averages. Raises ValueError when the structures or shapes differ, or there are no weights.
    """
    check_finite("fraction", fraction)
    ours, static = eqx.partition(first, _is_weight)
    theirs = eqx.filter(second, _is_weight)
    shapes = [jax.tree.map(np.shape, tree) for tree in (ours, theirs)]
    if jax.tree.structure(ours) != jax.tree.structure(theirs) or shapes[0] != shapes[1]:
        raise ValueError(
            "`first` and `second` must have the same weights, of the same shapes; got "
            f"{type(first).__name__}, {_sizes(shapes[0])}, and {type(second).__name__}, {_sizes(shapes[1])}."
        )
    if not jax.tree.leaves(ours):
        raise ValueError(f"`first` and `second` must have weights; got {first!r} and {second!r}, which have none.")
    mixed = jax.tree.map(lambda a, b: (1 - fraction) * a + fraction * b, ours, theirs)
    return eqx.combine(mixed, static)


def _is_weight(leaf: Any) -> bool:
    return eqx.is_inexact_array(leaf) or isinstance(leaf, float | complex)


def _sizes(shapes: Any) -> str:
    found = jax.tree.leaves(shapes, is_leaf=lambda leaf: isinstance(leaf, tuple) and all(map(np.isscalar, leaf)))
    return ", ".join(map(str, found)) or "none"
