"""How results print in a notebook: short, by what they hold."""

from collections.abc import Iterable
from typing import Any

import equinox as eqx
import numpy as np
from jax.core import Tracer

MOST_NUMBERS = 6


def in_short(self: Any) -> str:
    """`__repr__` of a NamedTuple of arrays: few numbers by value, many by type and shape, as an equinox module's."""
    fields = (f"{name}={_short(value)}" for name, value in zip(self._fields, self, strict=True))
    return f"{type(self).__name__}({', '.join(fields)})"


def numbers(values: Iterable[float]) -> str:
    """A few numbers side by side; of many, how many there are and between what they lie."""
    found = list(values)
    if len(found) <= MOST_NUMBERS:
        return ", ".join(f"{each:.4g}" for each in found)
    return f"{min(found):.4g} to {max(found):.4g}"


def _short(value: Any) -> str:
    if not eqx.is_array_like(value) or isinstance(value, str | Tracer) or np.size(value) > MOST_NUMBERS:
        return eqx.tree_pformat(value)
    array = np.asarray(value)
    if array.dtype.kind not in "iufc":
        return eqx.tree_pformat(value)
    return f"{array:.4g}" if array.ndim == 0 else np.array2string(array, precision=4, separator=", ").replace("\n", "")
