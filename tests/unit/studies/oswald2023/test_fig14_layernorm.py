"""The numbers that claims on normalised layers are about, read off losses set by hand."""

import numpy as np

from mesascope.studies.oswald2023.fig14_layernorm.cells import NormalisedLosses
from mesascope.studies.oswald2023.fig14_layernorm.study import INPUT_SCALES, Figure14


def of_layer(trained, descent):
    """Losses of one seed on inputs of every scale; gradient descent's; nothing along the training."""
    scales = np.array(INPUT_SCALES)
    along = [np.zeros((1, 2))] * 4
    return NormalisedLosses(np.arange(2), *along, trained(scales)[None], descent(scales), scales**2)


def test_ratios_are_read_where_the_layer_was_trained_and_at_the_worse_of_two_large_scales():
    """Losses 2 a^2 against a^6: twice as large at 1, 2 / 1.5^4 at 1.5. Losses 3 against 1: three times everywhere."""
    found = Figure14().readings(
        {1: of_layer(lambda a: 2 * a**2, lambda a: a**6), 2: of_layer(lambda a: 3 + 0 * a, lambda a: 1 + 0 * a)}
    )
    np.testing.assert_allclose(found["one-layer"], [2.0])
    np.testing.assert_allclose(found["one-layer-large"], [2 / 1.5**4])
    np.testing.assert_allclose(found["two-layers"], [3.0])
    np.testing.assert_allclose(found["two-layers-large"], [3.0])
