"""Pieces that figures share."""

import numpy as np
from matplotlib.figure import Figure

from mesascope.studies._shared.panels import count_entries, signed_map


def test_entries_are_counted_from_their_first_row_and_from_one():
    axes = Figure().subplots()
    signed_map(axes, np.eye(3, 4), "a map")
    count_entries(axes, "length", "key", first_row=2)
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("length", "key")
    assert axes.get_ylim() == (4.5, 1.5)
    assert axes.get_xlim() == (0.5, 4.5)
    assert all(tick == round(tick) for tick in [*axes.get_xticks(), *axes.get_yticks()])
