"""The best shared rates, with and without noise: against closed forms and stored numbers."""

import numpy as np
import pytest

from mesascope.studies.oswald2023._shared.best_rates import best_gdpp, best_gradient_descent
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum

NUM_SPECTRA = 10_000  # theory's default


@pytest.mark.parametrize("noise_std", [0.0, 0.5])
def test_one_step_is_the_closed_form(noise_std):
    """z = 5: over samples of this size the best rate varies by 0.5%, and so does the loss."""
    task = LinearRegression(noise_std=noise_std)
    found, expected = best_gradient_descent(task, 1), one_step_optimum(10, 10, 0.5, noise_std)
    assert found.curvature == 0
    np.testing.assert_allclose(found.learning_rate, expected.learning_rate, rtol=5 * 0.3 / NUM_SPECTRA**0.5)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=5 * 0.3 / NUM_SPECTRA**0.5)


@pytest.mark.parametrize(
    ("num_steps", "learning_rate", "curvature", "loss"),
    [(3, 20.1, 0.195, 0.0779), (5, 31.0, 0.204, 0.0519)],
)
def test_without_noise_gdpp_s_rates_are_the_known_ones(num_steps, learning_rate, curvature, loss):
    """Found elsewhere by another optimiser, on another sample; the rates of 5 steps lie in a flat valley."""
    found = best_gdpp(LinearRegression(), num_steps)
    np.testing.assert_allclose(found, (learning_rate, curvature, loss), rtol=0.03)


def test_gdpp_is_never_worse_than_gradient_descent():
    for noise_std in (0.0, 1.0):
        task = LinearRegression(4, 3, noise_std=noise_std)
        assert best_gdpp(task, 2).loss < best_gradient_descent(task, 2).loss
        assert np.isfinite(best_gdpp(task, 3).loss)
