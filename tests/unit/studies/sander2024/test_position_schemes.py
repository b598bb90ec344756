"""Weights of positions set by hand, how training starts, and what is read of losses set by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.diagonal_heads import DiagonalHeads
from mesascope.models.position_weights import (
    LearnedWeights,
    LinearBiasWeights,
    RotaryWeights,
    SoftmaxWeights,
    ToeplitzWeights,
)
from mesascope.studies.sander2024.position_schemes.cells import SchemesCell, TrainedSchemes, concentrated_loss
from mesascope.studies.sander2024.position_schemes.readings import readings
from mesascope.study.cell import Workspace
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses
from mesascope.training.exact import Adam

LAWS = (("unitary", 4), ("orthogonal", 4), ("orthogonal", 2), ("concentrated", 4))


def test_weights_set_by_hand_hold_the_newest_state_alone():
    """Five schemes, A = B = I on unitary dynamics: no loss. exp(-40) is below the rounding of float64."""
    size, newest = 12, jnp.eye(12, k=1)
    spread = jnp.pi * (jnp.arange(8.0) + 0.5) / 8  # their cosines cancel at every lag from 1 to 15
    schemes = (
        LearnedWeights(newest),
        ToeplitzWeights(jnp.zeros(size + 1).at[0].set(1.0)),
        SoftmaxWeights(40.0 * newest),
        LinearBiasWeights(40.0),
        RotaryWeights(spread),
    )
    losses = jax.jit(lambda: [unitary_losses(jnp.eye(6), each.matrix(size)[:-1]).max() for each in schemes])()
    np.testing.assert_allclose(losses, 0, atol=1e-12)


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
    """Two seeds, the second worse by one; the loss of law k and scheme i is k + i / 10, and weights fall by law."""
    ends = np.arange(5.0)[:, None] + np.arange(7.0) / 10
    losses = np.stack([ends, ends + 1])[:, None]
    rows = np.full((2, 5, 7, 3), 2.0)
    rows[0, :, :, -2] = 2 * np.arange(5.0)[:, None]
    laws = ("a", "b", "c", "d", "e")
    found = readings(TrainedSchemes(losses, rows, np.array([1])), laws)
    expected = {
        "learned": 2,  # the largest over unitary, orthogonal and few heads
        "toeplitz": 2.1,
        "shapes": 0.5,
        "softmax-few": 2.2,
        "half-lacks": 3.2,
        "sinusoidal": 0.3,
        "smooth": 4.3,
        "none": 0.6,
        "loss per coordinate, d, one a lag": 3.1,
    }
    for name, number in expected.items():
        np.testing.assert_allclose(found[name], [number, number + 1], err_msg=name)
    assert found["half"] == 3
    np.testing.assert_allclose(found["p_{T-1} / p_T of softmax, best seed, by law"], np.arange(5))
