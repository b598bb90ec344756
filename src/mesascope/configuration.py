"""An object is its configuration: write one down as plain data, and name it by its hash."""

import dataclasses
import functools
import hashlib
import json
from typing import Any

import jax
import numpy as np


def describe(value: Any) -> Any:
    """`value` as JSON-ready data: dataclasses and named tuples become {"class": name, field: ...},
    partial functions {"function": name, argument: ...}, arrays nested lists.

    Raises TypeError for what has no such form, so that no part of a configuration is silently left out.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: describe(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    if isinstance(value, dict):
        return {str(name): describe(entry) for name, entry in value.items()}
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple) and names is not None:
        return {"class": type(value).__name__, **dict(zip(names, map(describe, value), strict=True))}
    if isinstance(value, (tuple, list)):
        return [describe(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        return describe(np.asarray(value).tolist())
    if isinstance(value, functools.partial):
        return {"function": value.func.__qualname__, "args": describe(value.args), **describe(value.keywords)}
    if isinstance(value, type):
        return value.__name__
    raise TypeError(f"a configuration must be made of numbers, text and dataclasses; got {type(value).__name__}.")


def differences(found: Any, wanted: Any, name: str = "it") -> list[str]:
    """Where two described configurations differ, in words: "`learning_rate` was 0.04 and is 0.03"."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        names = {**found, **wanted}
        return [each for key in names for each in differences(found.get(key), wanted.get(key), key)]
    if found == wanted:
        return []
    told = [json.dumps(each) for each in (found, wanted)]
    return [f"`{name}` was {told[0]} and is {told[1]}" if max(map(len, told)) <= 60 else f"`{name}` is another"]


def fingerprint(configuration: Any) -> str:
    """Hexadecimal SHA-256 of described data; equal data, equal name, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()
