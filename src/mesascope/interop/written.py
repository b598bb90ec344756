"""Objects as JSON-ready text and arrays, and back: only of classes that are this package's or layers of Equinox's.

What is not a plain number or text is a dictionary with one of the keys of `KINDS`.
"""

import dataclasses
import importlib
import inspect
from types import FunctionType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

KINDS = ("array", "tuple", "list", "dict", "complex", "class", "named", "name")
OWN = "mesascope"


class NotReadable(ValueError):
    """The text describes what cannot be made; the message says what, of "the file"."""


class OtherPrecision(ValueError):
    """An array of JAX's has a type that JAX, as it is set, would make narrower; the message names the type."""


class Writer:
    """Describes objects, and gathers their arrays."""

    def __init__(self):
        self.arrays: dict[str, np.ndarray] = {}

    def describe(self, value: Any, place: str = "model") -> Any:
        """`value` as JSON-ready data; ValueError, with the place, for what it cannot hold."""
        if isinstance(value, (jax.Array, np.ndarray, np.generic)):
            return self._keep(value, place)
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, complex):
            return {"complex": [value.real, value.imag]}
        if isinstance(value, (type, FunctionType)):
            return {"name": self._name(value, place)}
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {"dict": {key: self.describe(each, f"{place}.{key}") for key, each in value.items()}}
        if isinstance(value, tuple) and (names := getattr(value, "_fields", None)):
            return {"named": self._name(type(value), place), "fields": self._fields(value, names, place)}
        if type(value) in (tuple, list):
            return {type(value).__name__: [self.describe(each, f"{place}[{i}]") for i, each in enumerate(value)]}
        if isinstance(value, eqx.Module):
            names = [field.name for field in dataclasses.fields(value)]
            return {"class": self._name(type(value), place), "fields": self._fields(value, names, place)}
        raise ValueError(f"`{place}` must be something that a file can hold; got {type(value).__name__}.")

    def _fields(self, value: Any, names: Any, place: str) -> dict[str, Any]:
        return {name: self.describe(getattr(value, name), f"{place}.{name}") for name in names}

    def _keep(self, value: Any, place: str) -> Any:
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            raise ValueError(f"`{place}` must be something that a file can hold; got a key of random numbers.")
        name = f"{len(self.arrays):05d} {place}"
        self.arrays[name] = np.asarray(value)
        return {"array": name, "of": "jax" if isinstance(value, jax.Array) else "numpy"}

    def _name(self, value: Any, place: str) -> str:
        name = f"{value.__module__}:{value.__qualname__}"
        try:
            if named(name) is value:
                return name
        except NotReadable:
            pass
        raise ValueError(
            f"`{place}` must be a class or a function of this package, or an object of one, so that reading the file "
            f"runs no other code; got {value.__qualname__} of {value.__module__}. Keep it in code."
        )


class Reader:
    """Makes what a `Writer` described, of its arrays."""

    def __init__(self, arrays: dict[str, np.ndarray]):
        self.arrays = arrays

    def build(self, text: Any) -> Any:
        """The object; NotReadable for names that are not allowed or fields that the class has not; OtherPrecision."""
        if not isinstance(text, dict):
            return text
        kind = next((each for each in KINDS if each in text), None)
        if kind is None:
            raise NotReadable(f"describes something unknown, with {', '.join(map(repr, list(text)[:3]))}")
        value = text[kind]
        if kind == "array":
            return self._array(self.arrays[value], text["of"])
        if kind == "name":
            return named(value)
        if kind == "complex":
            return complex(*value)
        if kind == "dict":
            return {key: self.build(each) for key, each in value.items()}
        if kind in ("tuple", "list"):
            return (tuple if kind == "tuple" else list)(map(self.build, value))
        return _made(named(value), kind, {name: self.build(each) for name, each in text["fields"].items()})

    def _array(self, array: np.ndarray, of: str) -> Any:
        """NumPy's as they are: they have the same types whatever JAX is set to."""
        if of != "jax":
            return array
        if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
            raise OtherPrecision(str(array.dtype))
        return jnp.asarray(array)


def named(name: str) -> Any:
    """A class or a function by "module:name"; NotReadable unless the module is this package's or `equinox.nn`.

    Of Equinox only its layers, and nothing that such a module merely imports.
    """
    module_name, _, path = name.partition(":")
    if module_name.split(".")[0] != OWN and not module_name.startswith("equinox.nn."):
        raise NotReadable(f"names {name!r}, which is no part of {OWN}")
    try:
        found: Any = importlib.import_module(module_name)
        for part in path.split("."):
            found = vars(found)[part]
    except (ImportError, LookupError, TypeError) as error:
        raise NotReadable(f"names {name!r}, which {OWN} does not have") from error
    found = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    if not isinstance(found, (type, FunctionType)) or found.__module__ != module_name:
        raise NotReadable(f"names {name!r}, which is no class or function defined there")
    return found


def _made(cls: Any, kind: str, values: dict[str, Any]) -> Any:
    """An object with these fields, made as JAX makes it of its leaves, and checked as a new one is."""
    names = getattr(cls, "_fields", None)
    if kind == "named" and inspect.isclass(cls) and issubclass(cls, tuple) and names:
        _check_fields(cls, values, names)
        return cls(**values)
    if kind != "class" or not inspect.isclass(cls) or not issubclass(cls, eqx.Module):
        raise NotReadable(f"names {cls!r} where an object of a model's class must be")
    _check_fields(cls, values, [field.name for field in dataclasses.fields(cls)])
    made = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    for base in cls.__mro__:
        if "__check_init__" in vars(base):
            vars(base)["__check_init__"](made)
    return made


def _check_fields(cls: type, values: dict[str, Any], known: Any) -> None:
    if odd := sorted(set(values) ^ set(known)):
        raise NotReadable(f"holds a {cls.__name__} with other fields: {', '.join(map(repr, odd))}")
