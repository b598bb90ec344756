"""Diagonal heads of several widths, trained at once on exact losses."""

import jax
import numpy as np
import pytest

from mesascope.studies.sander2024._shared.exact_heads import HeadsCell, train_heads, with_each
from mesascope.study.base import Workspace
from mesascope.training.exact import AbstractOptimiser, Adam, Descent


def train(*all_heads: int, optimiser: AbstractOptimiser):
    cell = HeadsCell("orthogonal", 4, all_heads, 5, 0.3, optimiser, 300, 2, 0)
    with jax.numpy_dtype_promotion("standard"):  # for optax
        arrays = train_heads(cell, Workspace())
    return arrays, with_each(cell, arrays)


@pytest.mark.parametrize("optimiser", [Descent(0.01), Adam(0.01)])
def test_each_width_is_trained_as_if_it_were_alone(optimiser):
    together, by_heads = train(3, 1, 4, optimiser=optimiser)
    for num_heads, trained in by_heads.items():
        alone = train(num_heads, optimiser=optimiser)[1][num_heads]
        assert trained["key_query"].shape == (2, num_heads, 4)
        assert alone["losses"][0, -1] < 0.9 * alone["losses"][0, 0]
        for name, array in trained.items():
            np.testing.assert_allclose(array, alone[name], rtol=1e-9, atol=1e-11, err_msg=name)
    for name in ("key_query", "output_value"):
        assert not together[name][:, 1, 1:].any()
