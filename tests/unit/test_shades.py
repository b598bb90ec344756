"""Tints of a colour."""

import pytest
from matplotlib.colors import to_rgb

from mesascope.drawing.roles import GDPP
from mesascope.studies._shared.shades import shades


@pytest.mark.parametrize("number", [1, 2, 4])
def test_shades_grow_from_pale_to_the_role_s_own_colour_and_keep_its_line(number):
    found = shades(GDPP, number)
    assert len({each["color"] for each in found}) == len(found) == number
    assert found[-1]["color"] == pytest.approx(to_rgb(GDPP["color"]))
    assert {each["linestyle"] for each in found} == {GDPP["linestyle"]}
    sums = [sum(each["color"]) for each in found]
    assert sums == sorted(sums, reverse=True)
    assert all(0 <= part <= 1 for each in found for part in each["color"])
