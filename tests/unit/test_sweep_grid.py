"""Settings as text: typed, checked against a study before anything runs, and combined."""

from typing import Literal

import pytest

from mesascope.studies import find_study
from mesascope.sweep.grid import axes_of, combinations, in_words
from mesascope.sweep.points import points_of, settings_of

KINDS = {
    "noise_std": float,
    "num_layers": int,
    "tied": bool,
    "law": Literal["normal", "uniform"],
    "levels": tuple[float, ...],
    "shapes": tuple[tuple[int, int], ...],
    "limit": int | None,
    "name": str,
}


def values_of(word):
    (axis,) = axes_of([word], KINDS, "a study")
    return axis.values


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("noise_std=0,0.1,1e-3", (0.0, 0.1, 1e-3)),
        ("noise-std=2", (2.0,)),
        ("num_layers=1,2,5", (1, 2, 5)),
        ("tied=true,False", (True, False)),
        ("law=uniform", ("uniform",)),
        ("levels=[0,0.5],[1]", ((0.0, 0.5), (1.0,))),
        ("shapes=[[1,2],[3,4]]", (((1, 2), (3, 4)),)),
        ("limit=3,None", (3, None)),
        ("name=one,two", ("one", "two")),
    ],
)
def test_values_are_of_the_settings_type(word, values):
    found = values_of(word)
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("word", "pattern"),
    [
        ("noise_std", "must be settings as num_steps=100,200; got 'noise_std'"),
        ("noise_std=", "must be settings as"),
        ("nois_std=1", "must name settings of a study; got 'nois_std'. Did you mean 'noise_std'"),
        ("noise_std=0,x", "`noise_std` must be a number; got 'x'"),
        ("noise_std=true", "`noise_std` must be a number; got 'true'"),
        ("noise_std=0.1,0.10", "`noise_std` must list a value once; got 0.1 twice"),
        ("noise_std=1,,2", "`noise_std` must have values apart by commas"),
        ("num_layers=1.5", "`num_layers` must be an integer; got '1.5'"),
        ("num_layers=true", "`num_layers` must be an integer; got 'true'"),
        ("tied=1", "`tied` must be true or false; got '1'"),
        ("law=cauchy", "`law` must be one of normal, uniform; got 'cauchy'"),
        ("levels=0.1,0.2", "`levels` must be a list in brackets"),
        ("levels=[0.1", "`levels` must have values apart by commas, tuples in brackets"),
        ("shapes=[[1,2,3]]", "`shapes` must be a list in brackets"),
        ("limit=x", "`limit` must be an integer or None; got 'x'"),
    ],
)
def test_what_is_no_value_is_refused(word, pattern):
    with pytest.raises(ValueError, match=pattern):
        values_of(word)


def test_a_setting_is_named_once_and_points_are_countable():
    with pytest.raises(ValueError, match="must name a setting once; got 'noise_std' twice"):
        axes_of(["noise_std=1", "noise_std=2"], KINDS, "a study")
    many = ",".join(map(str, range(200)))
    with pytest.raises(ValueError, match="at most 10000 points; got 40000"):
        combinations(axes_of([f"num_layers={many}", f"noise_std={many}"], KINDS, "a study"))


def test_points_are_all_combinations_each_a_study():
    cls = find_study("oswald2023-prop1")
    axes = axes_of(["shapes=[[1,2,3]],[[2,2,2]]", "num_steps=1,2"], settings_of(cls), cls.name())
    points = points_of(cls, "smoke", axes, {"seeds": 2})
    assert [in_words(point.settings) for point in points] == [
        "shapes=[[1,2,3]], num_steps=1",
        "shapes=[[1,2,3]], num_steps=2",
        "shapes=[[2,2,2]], num_steps=1",
        "shapes=[[2,2,2]], num_steps=2",
    ]
    last = points[-1].planned
    assert last.study == cls.preset("smoke", seeds=2, shapes=((2, 2, 2),), num_steps=2)
    assert last.label(last.cells[0]) == f"{cls.name()} at shapes=[[2,2,2]], num_steps=2: {last.cells[0].label}"
    with pytest.raises(ValueError, match=r"oswald2023-prop1 refuses num_steps=0: `num_steps` must be an integer of at"):
        points_of(cls, "smoke", axes_of(["num_steps=0"], settings_of(cls), cls.name()), {})


def test_points_that_differ_are_told_apart():
    assert in_words({"a": 0.1, "b": 0.1 + 1e-9, "c": (1, 2.0), "d": 1e-3}) == "a=0.1, b=0.100000001, c=[1,2], d=0.001"
