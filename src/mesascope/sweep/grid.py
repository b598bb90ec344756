"""Settings as text to typed values, and the points of a grid: every combination of them."""

import ast
import itertools
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Union

from mesascope.spelling import did_you_mean

MOST_POINTS = 10_000


class Axis(NamedTuple):
    """A setting and the values it takes, each once."""

    name: str
    values: tuple[Any, ...]


def axes_of(words: Iterable[str], kinds: Mapping[str, Any], what: str) -> tuple[Axis, ...]:
    """The axes that words as `noise_std=0,0.1` give; `kinds` are the types of the settings of `what`.

    Raises ValueError for a setting that there is not, with the nearest, and for a value of another type.
    """
    found: dict[str, Axis] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.replace("-", "_")
        if not equals or not text.strip():
            raise ValueError(f"`--grid` must be settings as num_steps=100,200; got {word!r}. Give name=value,value.")
        if name not in kinds:
            known = ", ".join(kinds) or "none"
            raise ValueError(
                f"`--grid` must name settings of {what}; got {name!r}.{did_you_mean(name, kinds)} There are: {known}."
            )
        if name in found:
            raise ValueError(f"`--grid` must name a setting once; got {name!r} twice. Give all its values in one list.")
        found[name] = Axis(name, _values(name, text, kinds[name]))
    return tuple(found.values())


def combinations(axes: Sequence[Axis]) -> tuple[dict[str, Any], ...]:
    """Every combination of the axes' values, the last axis fastest; ValueError for more than there is time for."""
    number = math.prod(len(axis.values) for axis in axes)
    if number > MOST_POINTS:
        raise ValueError(f"`--grid` must have at most {MOST_POINTS} points; got {number}. Give fewer values.")
    names = [axis.name for axis in axes]
    return tuple(dict(zip(names, values, strict=True)) for values in itertools.product(*(axis.values for axis in axes)))


def in_words(settings: Mapping[str, Any]) -> str:
    """ "noise_std=0.1, num_layers=2"."""
    return ", ".join(f"{name}={shown(value)}" for name, value in settings.items())


def shown(value: Any) -> str:
    """A value as a grid has it."""
    if isinstance(value, tuple):
        return f"[{','.join(map(shown, value))}]"
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short


def _values(name: str, text: str, kind: Any) -> tuple[Any, ...]:
    values = tuple(_converted(name, part, kind) for part in _parts(name, text))
    for i, value in enumerate(values):
        if value in values[:i]:
            raise ValueError(f"`{name}` must list a value once; got {shown(value)} twice. Leave one out.")
    return values


def _parts(name: str, text: str) -> list[str]:
    """The text cut at commas outside of brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth or not all(part.strip() for part in parts):
        raise ValueError(f"`{name}` must have values apart by commas, tuples in brackets as [1,2]; got {text!r}.")
    return [part.strip() for part in parts]


def _converted(name: str, text: str, kind: Any) -> Any:
    try:
        return _as_kind(_literal(text), kind, text)
    except (TypeError, OverflowError):
        raise ValueError(f"`{name}` must be {_in_words(kind)}; got {text!r}. Give such a value.") from None


def _literal(text: str) -> Any:
    """A number, a truth value, None or a list as Python has them, and any other text as it is."""
    try:
        return ast.literal_eval(re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", text)))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _as_kind(value: Any, kind: Any, text: str) -> Any:
    """The value as a type has it; TypeError where it is of another."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _first_that_takes(value, arguments, text)
    if origin is Literal and (value in arguments or text in arguments):
        return value if value in arguments else text
    if origin is tuple and isinstance(value, list | tuple):
        return _as_tuple(value, arguments)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is str:
        return text.strip("'\"")
    if kind in (int, bool) and type(value) is kind:
        return value
    if kind is types.NoneType and value is None:
        return None
    raise TypeError


def _first_that_takes(value: Any, kinds: Sequence[Any], text: str) -> Any:
    for kind in kinds:
        try:
            return _as_kind(value, kind, text)
        except TypeError:
            continue
    raise TypeError


def _as_tuple(value: Sequence[Any], kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    of_each = [kinds[0]] * len(value) if kinds[1:] == (Ellipsis,) else list(kinds)
    if len(of_each) != len(value):
        raise TypeError
    return tuple(_as_kind(each, kind, str(each)) for each, kind in zip(value, of_each, strict=True))


def _in_words(kind: Any) -> str:
    """What a type takes, for people."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(_in_words(each) for each in arguments)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple:
        inner = _in_words(arguments[0])
        return f"a list in brackets, as [{_EXAMPLES.get(arguments[0], '...')}], each {inner}"
    return _NAMES.get(kind, getattr(kind, "__name__", str(kind)))


_NAMES = {int: "an integer", float: "a number", bool: "true or false", str: "a word", types.NoneType: "None"}
_EXAMPLES = {int: "1,2,3", float: "0.1,0.2", str: "a,b"}
