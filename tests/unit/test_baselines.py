"""What a model predicts that reads next to nothing: constants, the mean label, the last label."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.constant import Constant
from mesascope.algorithms.last_label import LastLabel
from mesascope.algorithms.mean_label import MeanLabel
from mesascope.prompt import Prompt

RNG = np.random.default_rng(2)
PROMPT = Prompt(*(jnp.asarray(RNG.normal(size=shape)) for shape in ((5, 3), (5, 2), (3,), (2,))))


def test_labels_are_averaged_and_repeated():
    ys = np.asarray(PROMPT.ys)
    mean, last = jax.jit(lambda prompt: (MeanLabel()(prompt), LastLabel()(prompt)))(PROMPT.shortened(3))
    np.testing.assert_allclose(mean, ys[:3].mean(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(last, ys[2])
    for predictor in (MeanLabel(), LastLabel()):
        np.testing.assert_array_equal(predictor(PROMPT.prefix(0)), [0, 0])


def test_a_constant_is_one_for_all_outputs_or_one_for_each():
    np.testing.assert_array_equal(Constant(0.25)(PROMPT), [0.25, 0.25])
    np.testing.assert_array_equal(Constant(jnp.array([1.0, -2.0]))(PROMPT), [1, -2])
    with pytest.raises(ValueError, match="`value` must be finite"):
        Constant(float("nan"))
