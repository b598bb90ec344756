"""Weights of positions set by hand, and how large some would have to be; losses set by hand, and what is read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.positions import SinusoidalPositions
from mesascope.studies.sander2024.position_schemes.cells import SchemesCell, TrainedSchemes, concentrated_loss
from mesascope.studies.sander2024.position_schemes.digits import bilinear_digits
from mesascope.studies.sander2024.position_schemes.held import Held, HeldCell, spread
from mesascope.studies.sander2024.position_schemes.readings import readings
from mesascope.study.cell import Workspace
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses
from mesascope.training.exact import Adam

LAWS = (("unitary", 4), ("orthogonal", 4), ("orthogonal", 2), ("concentrated", 4))


def test_cosines_cancel_on_as_many_lags_as_they_can():
    weights = np.cos(np.arange(17)[:, None] * np.asarray(jax.jit(spread, static_argnums=0)(8))).mean(axis=1)
    np.testing.assert_allclose(weights, [1, *np.zeros(15), -1], atol=1e-12)


def test_the_size_of_a_bilinear_form_is_that_which_floats_find_where_they_can():
    codes = np.asarray(SinusoidalPositions(16).encode(5), np.float64)
    inverse = np.linalg.pinv(codes)
    largest = np.abs(inverse @ np.eye(5, k=1) @ inverse.T).max()
    assert bilinear_digits(16, 5) == pytest.approx(np.log10(largest), abs=1e-2)
    assert bilinear_digits(4, 5) == np.inf


def test_what_equal_weights_leave_is_what_a_free_optimiser_finds():
    dim, num_states, mu = 4, 5, 20.0
    held = Held(**HeldCell(dim, num_states, mu).compute(Workspace()))
    assert np.abs(held.newest).max() < 1e-12
    assert held.digits == pytest.approx(bilinear_digits(16, num_states))
    rows, concentrated = jnp.ones((num_states - 1, num_states)), concentrated_loss(num_states, mu)
    for loss_fn, size, expected in (
        (lambda c: unitary_losses(c.reshape(dim, dim), rows).mean() / dim, dim**2, held.least[0]),
        (lambda c: orthogonal_losses(c.reshape(dim, dim), rows).mean() / dim, dim**2, held.least[1]),
        (lambda c: concentrated(c[0] * rows), 1, held.least[2]),
    ):
        found = minimize(jax.jit(jax.value_and_grad(loss_fn)), np.zeros(size), jac=True, method="BFGS")
        assert found.fun == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def trained():
    with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in 32 bits
        return TrainedSchemes(**SchemesCell(LAWS, 20.0, 4, 5, Adam(1e-2), 20, 2, 0).compute(Workspace()))


def test_training_starts_at_the_losses_that_theory_says(trained):
    """Each law's by itself, with its own number of heads, of a scheme whose weights are known: none."""
    assert trained.losses.shape == (2, 21, 4, 7)
    rows, concentrated = jnp.ones((4, 5)), concentrated_loss(5, 20.0)
    of_laws = {
        "unitary": lambda mixing: unitary_losses(mixing, rows).mean() / 4,
        "orthogonal": lambda mixing: orthogonal_losses(mixing, rows).mean() / 4,
        "concentrated": lambda mixing: concentrated(jnp.trace(mixing) / 4 * rows),
    }

    @jax.jit
    def expected(key):
        heads = [DiagonalHeads.initialise(4, num_heads, 5, key=jax.random.clone(key)) for _, num_heads in LAWS]
        return [of_laws[law](each.mixing) for (law, _), each in zip(LAWS, heads, strict=True)]

    np.testing.assert_allclose(trained.losses[0, 0, :, -1], expected(jax.random.split(jax.random.key(0))[0]), rtol=1e-6)


def test_training_lowers_every_loss_and_equal_weights_stay_equal(trained):
    assert (trained.losses[:, -1] < trained.losses[:, 0]).all()
    assert trained.last_rows.shape == (2, 4, 7, 5)
    np.testing.assert_allclose(trained.last_rows[:, :, -1], trained.last_rows[:, :, -1, :1] * np.ones(5))


def test_readings_of_losses_set_by_hand():
    """Two seeds, the second worse; the loss of law k and scheme i is k + i / 10, and weights fall by law."""
    ends = np.arange(5.0)[:, None] + np.arange(7.0) / 10
    losses = np.stack([ends, ends + 1])[:, None]
    rows = np.ones((2, 5, 7, 3))
    rows[0, :, :, -2] = np.arange(5.0)[:, None]
    held = Held(np.array([0.0, 1e-13]), np.array([0.6, 1.6, 4.0]), np.array(3.0))
    found = readings(TrainedSchemes(losses, rows, np.array([1])), held)
    assert found["held"] == 1e-13
    assert found["learned"] == 2  # the largest over unitary, orthogonal and few heads
    assert found["toeplitz"] == pytest.approx(2.1)
    assert found["softmax-holds"] == pytest.approx(0.2)
    assert found["softmax-lacks"] == pytest.approx(2.2)
    assert (found["half"], found["half-lacks"]) == (3, pytest.approx(3.2))
    assert (found["bias-holds"], found["rotary"], found["sinusoidal"]) == pytest.approx((0.4, 0.5, 0.3))
    assert found["none"] == pytest.approx(0.6)
    assert found["none-least"] == pytest.approx(4.6 / 4 - 1)
    np.testing.assert_allclose(found["least loss of Toeplitz, by law"], np.arange(5) + 0.1)
    np.testing.assert_allclose(found["p_{T-1} / p_T of softmax, best seed, by law"], np.arange(5))
