"""Descriptions of configurations and the names made from them."""

import dataclasses
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.configuration import describe, differences, fingerprint
from mesascope.tasks.corrupted import CorruptedTargets
from mesascope.tasks.linear_regression import LinearRegression


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: Any = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    also: tuple = ()


class Named(NamedTuple):
    scale: float
    inner: Inner


def test_plain_data_describes_itself():
    for value in (None, True, 3, 0.25, "text", [1, [2.5, None]], {"a": {"b": False}}):
        assert describe(value) == value


def test_nested_configurations_carry_their_class_and_every_field():
    assert describe(Outer("a", Inner(2), (Inner(), Named(1.5, Inner(3))))) == {
        "class": "Outer",
        "name": "a",
        "inner": {"class": "Inner", "rate": 2},
        "also": [
            {"class": "Inner", "rate": 0.5},
            {"class": "Named", "scale": 1.5, "inner": {"class": "Inner", "rate": 3}},
        ],
    }


def test_an_equinox_module_is_a_configuration():
    assert describe(CorruptedTargets(LinearRegression(4, 2), 1)) == {
        "class": "CorruptedTargets",
        "task": {
            "class": "LinearRegression",
            "num_examples": 4,
            "dim_x": 2,
            "dim_y": 1,
            "input_scale": 0.5,
            "noise_std": 0.0,
        },
        "num_corrupted": 1,
        "corruption_std": 1.0,
    }


@pytest.mark.parametrize("make", [np.array, jnp.array])
def test_arrays_become_lists_of_their_values(make):
    assert describe(make([[1.0, 2.0], [3.0, 4.5]])) == [[1.0, 2.0], [3.0, 4.5]]
    assert describe(make(7)) == 7
    assert describe(np.int64(7)) == 7
    assert describe(Inner) == "Inner"


UNDESCRIBABLE = [lambda: 0, object(), {1, 2}, 1j, b"bytes", np.array([1j]), np.array([object()]), Inner(np.sum)]


@pytest.mark.parametrize("value", UNDESCRIBABLE, ids=lambda value: type(value).__name__)
def test_what_has_no_description_is_refused(value):
    for form in (value, [value], {"a": value}, Inner(value)):
        with pytest.raises(TypeError, match="a configuration must be made of"):
            describe(form)


def test_a_traced_value_has_no_description():
    with pytest.raises(TypeError):
        jax.jit(lambda rate: describe(Inner(rate)))(1.0)


def test_a_description_survives_json():
    described = describe(Outer("a", Inner(np.array([1.0, 2.0])), (LinearRegression(),)))
    assert json.loads(json.dumps(described)) == described


def test_the_fingerprint_is_the_sha256_of_sorted_json():
    """The stored number is `printf '{"a": 1, "b": [2.5]}' | sha256sum`."""
    expected = "85aab50d1927ebc07ebe5f0c7ef70a21fde353c2ca2719e08198d43a2c4542ff"
    assert fingerprint({"b": [2.5], "a": 1}) == fingerprint({"a": 1, "b": [2.5]}) == expected


def test_every_part_of_a_configuration_is_in_its_fingerprint():
    variants = [
        Outer("a", Inner()),
        Outer("b", Inner()),
        Outer("a", Inner(0.5 + 2**-52)),
        Outer("a", Inner(np.array([0.5]))),
        Outer("a", Inner(np.array([[0.5]]))),
        Outer("a", Inner(), (1,)),
        Outer("a", Inner(), (Inner(),)),
        Outer("a", Inner(), (Named(0.5, Inner()),)),
    ]
    assert len({fingerprint(describe(variant)) for variant in variants}) == len(variants)
    assert fingerprint(describe(Outer("a", Inner()))) == fingerprint(describe(variants[0]))


def test_where_two_configurations_differ_is_said_in_words():
    """By the innermost name; what is too long for a sentence is named alone."""
    found, wanted = describe(Outer("a", Inner(2), ("b",))), describe(Outer("a", Inner(3), ("b" * 100,)))
    assert differences(found, found) == []
    assert differences(found, wanted) == ["`rate` was 2 and is 3", "`also` is another"]
    assert differences({"rate": 2}, {"size": 1}) == ["`rate` was 2 and is null", "`size` was null and is 1"]
    assert differences([1], {"size": 1}, "file") == ['`file` was [1] and is {"size": 1}']
