"""Numbers as JSON has them: of few digits, null where there is none."""

import math
from typing import Any

import numpy as np

DIGITS, DIGITS_OF_MAPS = 6, 5


def plain(values: Any, digits: int = DIGITS) -> list[Any]:
    """Nested lists of an array [...]; masked and not finite is None, whole numbers are written whole."""
    array = np.ma.filled(np.ma.asarray(values).astype(float), np.nan)
    return [_row(each, digits) for each in array]


def one(value: Any, digits: int = DIGITS) -> float | int | None:
    """A single number."""
    value = float(value)
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _row(value: Any, digits: int) -> Any:
    return [_row(each, digits) for each in value] if np.ndim(value) else one(value, digits)
