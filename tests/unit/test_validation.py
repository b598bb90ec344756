"""Checks of configurations: what they let pass, what they refuse, and what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.validation import (
    check_class,
    check_count,
    check_finite,
    check_non_negative,
    check_positive,
    check_real_array,
    check_shape,
    check_states,
)

NUMBER_CHECKS = (check_positive, check_non_negative, check_finite)


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(1)])
def test_counts_pass(value):
    check_count("n", value)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, np.True_, np.float64(2), "3", None, jnp.array(2), [1]])
def test_what_is_no_count_is_refused_by_name(value):
    with pytest.raises(ValueError, match="`n` must be an integer of at least 1; got"):
        check_count("n", value)


def test_the_least_count_is_a_choice():
    check_count("n", 0, minimum=0)
    with pytest.raises(ValueError, match="at least 2; got 1"):
        check_count("n", 1, minimum=2)


@pytest.mark.parametrize("check", NUMBER_CHECKS)
@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.array([1.0, 2.0]), jnp.ones((2, 2)), [1, 2.5], (3,)])
def test_positive_numbers_pass_every_check(check, value):
    check("scale", value)


@pytest.mark.parametrize("check", NUMBER_CHECKS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, complex(0, np.nan)])
@pytest.mark.parametrize(
    "form", [lambda v: v, lambda v: np.array([1.0, v]), lambda v: jnp.array([v, 1.0]), lambda v: [v]]
)
def test_one_entry_that_is_not_finite_is_refused(check, bad, form):
    with pytest.raises(ValueError, match=r"`scale` must be .*finite; got"):
        check("scale", form(bad))


@pytest.mark.parametrize(
    ("check", "passes", "fails"),
    [(check_positive, (1e-300,), (0.0, -1.0)), (check_non_negative, (0.0,), (-1e-300,)), (check_finite, (-1.0,), ())],
)
def test_signs(check, passes, fails):
    for value in passes:
        check("scale", value)
        check("scale", np.array([1.0, value]))
    for value in fails:
        for form in (value, np.array([1.0, value])):
            with pytest.raises(ValueError, match="`scale` must be"):
                check("scale", form)


@pytest.mark.parametrize("value", ["1", None, True, ["a"], np.array(["a"]), np.array([None])])
def test_entries_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match="`scale` must be finite"):
        check_finite("scale", value)


@pytest.mark.parametrize("check", NUMBER_CHECKS)
def test_a_traced_value_passes(check):
    jax.jit(lambda value: check("scale", value))(-jnp.ones(2) * jnp.nan)


def test_shapes():
    check_shape("weights", jnp.zeros((2, 3)), (2, 3))
    check_shape("weights", 1.0, ())
    with pytest.raises(ValueError, match=r"`weights` must have shape \(2, 3\); got \(3, 2\)"):
        check_shape("weights", np.zeros((3, 2)), (2, 3))


@pytest.mark.parametrize(
    ("states", "complaint"),
    [
        (np.ones(4), r"must be an array \[t d\], a row a state; got shape \(4,\)\."),
        (
            np.ones((4, 2), np.int32),
            r"must be an array .*; got shape \(4, 2\) of int32\. .*`jnp.asarray\(states, float\)`",
        ),
        ([[1.0, 2.0]], "must be an array .*; got list"),
        (
            jnp.ones((2, 1), jnp.bfloat16),
            r"must have numbers of 32 bits or more, .*; got bfloat16\. Convert it: `states",
        ),
        (np.ones((0, 3)), r"must be one or more, each of one number or more; got shape \(0, 3\)"),
        (np.ones((5, 3, 0)), r"must be one or more, each of one number or more; got shape \(5, 3, 0\)"),
    ],
)
def test_states_are_an_array_of_numbers(states, complaint):
    check_states("states", np.ones((1, 1), complex))
    with pytest.raises(ValueError, match=f"`states` {complaint}"):
        check_states("states", states)


def test_states_that_are_traced_are_one_or_more_too():
    with pytest.raises(ValueError, match=r"`states` must be one or more, .*; got shape \(0, 2\)"):
        jax.jit(lambda states: check_states("states", states))(jnp.ones((0, 2)))


@pytest.mark.parametrize("value", [np.ones(2), jnp.ones(2, jnp.bfloat16)])
def test_floating_real_arrays_pass(value):
    check_real_array("basis", value)
    jax.jit(lambda value: check_real_array("basis", value))(value)


@pytest.mark.parametrize(
    ("value", "got"),
    [(np.ones(2, int), r"shape \(2,\) of int64"), (np.ones(2, complex), r"shape \(2,\) of complex128"), (1.0, "float")],
)
def test_other_arrays_are_refused(value, got):
    with pytest.raises(ValueError, match=f"`basis` must be an array of real floating numbers; got {got}"):
        check_real_array("basis", value)


def test_an_object_is_of_its_class():
    check_class("n", True, int, "Count.")
    for value, got in (("1", "str"), (int, "the class int itself"), (np.ones(2), r"shape \(2,\) of float64")):
        with pytest.raises(ValueError, match=f"`n` must be an object of class int; got {got}. Count."):
            check_class("n", value, int, "Count.")
