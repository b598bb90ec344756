"""Weights of positions set by hand, and how large some would have to be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from mesascope.models.position_weights import visible_keys
from mesascope.models.positions import SinusoidalPositions
from mesascope.studies.sander2024.position_schemes.cells import concentrated_loss
from mesascope.studies.sander2024.position_schemes.held import (
    NEWEST,
    bilinear_digits,
    held_losses,
    least_without_positions,
)
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses


@pytest.mark.parametrize("scheme", NEWEST)
def test_the_newest_key_has_all_the_weight(scheme):
    weights = np.where(visible_keys(12), NEWEST[scheme](12).matrix(12), 0.0)[:-1]
    np.testing.assert_allclose(weights, np.eye(12, k=1)[:-1], atol=1e-6)  # cosines in float32


def test_cosines_cancel_on_as_many_lags_as_they_can():
    assert held_losses(4, 16).max() < 1e-12
    assert held_losses(4, 17)[list(NEWEST).index("rotary")] > 1e-2


def test_the_size_of_a_bilinear_form_is_that_which_floats_find_where_they_can():
    codes = np.asarray(SinusoidalPositions(16).encode(5), np.float64)
    inverse = np.linalg.pinv(codes)
    largest = np.abs(inverse @ np.eye(5, k=1) @ inverse.T).max()
    assert bilinear_digits(16, 5) == pytest.approx(np.log10(largest), abs=1e-2)
    assert bilinear_digits(4, 5) == np.inf


def test_what_equal_weights_leave_is_what_a_free_optimiser_finds():
    dim, num_states, mu = 4, 5, 20.0
    least = least_without_positions(dim, num_states, mu)
    rows, concentrated = jnp.ones((num_states - 1, num_states)), concentrated_loss(num_states, mu)
    for loss_fn, size, expected in (
        (lambda c: unitary_losses(c.reshape(dim, dim), rows).mean() / dim, dim**2, least[0]),
        (lambda c: orthogonal_losses(c.reshape(dim, dim), rows).mean() / dim, dim**2, least[1]),
        (lambda c: concentrated(c[0] * rows), 1, least[2]),
    ):
        with jax.enable_x64(True):
            found = minimize(jax.jit(jax.value_and_grad(loss_fn)), np.zeros(size), jac=True, method="BFGS")
        assert found.fun == pytest.approx(expected, rel=1e-6)
