"""The task whose inputs have variances of their own."""

import jax
import numpy as np
import pytest

from mesascope.tasks.anisotropic_regression import AnisotropicRegression

SIZE = 20_000


def test_inputs_and_query_have_their_variances_and_labels_are_linear():
    """z = 5: a mean of m squares of N(0, v) is v with a standard error of v sqrt(2 / m)."""
    task = AnisotropicRegression(3, (2.0, 0.1), (0.5, 1.0), dim_y=2)
    prompts = jax.tree.map(np.asarray, jax.jit(lambda key: task.sample_batch(key, SIZE))(jax.random.key(0)))
    for inputs, variances in ((prompts.xs.reshape(-1, 2), task.variances), (prompts.query, task.query_variances)):
        found = (inputs**2).mean(axis=0) / variances
        assert np.abs(found - 1).max() < 5 * np.sqrt(2 / len(inputs))
        correlation = np.mean(inputs[:, 0] * inputs[:, 1]) / np.sqrt(np.prod(variances))
        assert abs(correlation) < 5 / np.sqrt(len(inputs))
    teacher = np.linalg.lstsq(prompts.xs[0], prompts.ys[0], rcond=None)[0]
    np.testing.assert_allclose(prompts.query[0] @ teacher, prompts.target[0], rtol=1e-10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variances": ()}, "`variances` must be a tuple of one number or more"),
        ({"variances": [1.0, 2.0]}, "`variances` must be a tuple"),
        ({"variances": (1.0, 0.0)}, "`variances` must be positive"),
        ({"variances": (1.0,), "query_variances": (1.0, 2.0)}, "`query_variances` must be 1 numbers"),
        ({"num_examples": 0}, "`num_examples` must be an integer of at least 1"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        AnisotropicRegression(**settings)
