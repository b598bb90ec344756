"""What the study of finitely many tasks reads, and the models that it stacks."""

import jax.numpy as jnp
import numpy as np

from mesascope.studies.oswald2023.fig16_finite_tasks.cells import PoolMeasures, stack
from mesascope.studies.oswald2023.fig16_finite_tasks.readings import off_by, readings

EPS = np.finfo(np.float64).eps


def test_stacked_models_are_on_a_new_axis_in_order():
    stacked = stack([{"weights": jnp.array([1.0, 2.0]), "size": 3}, {"weights": jnp.array([5.0, 6.0]), "size": 3}])
    assert stacked["size"] == 3
    np.testing.assert_array_equal(stacked["weights"], [[1, 2], [5, 6]])


def test_what_is_read_of_pools_by_hand():
    """Three pools, two seeds; the best step's loss is 0.2, and p = 3 weights of dim_x = 1.

    What least squares loses is 3 / 2044 and 3 / 8188; the second seed's gaps are 0.1 and 0.05, the first's last is
    below zero.
    """
    loss = np.array([[0.4, 0.6], [0.3, 0.22], [0.19, 0.21]])
    cosine = np.array([[0.2, 0.3], [0.9, 0.8], [0.95, 0.99]])
    pool = loss / 2
    steps, along = np.array([0, 10]), np.zeros((3, 2, 2))
    found = PoolMeasures(loss, pool, pool, cosine, pool, steps, along, np.asarray(0.2), np.asarray(6.0))
    numbers = readings((128, 2048, 8192), 1, found)
    expected = {
        "loss-8192": [0.05, 0.05],
        "cosine-8192": [0.95, 0.99],
        "cosine-2048": [0.9, 0.8],
        "loss-128": [1, 2],
        "rises": [0.05, 0.19],
        "by-heart": [1, 1.5],
        "loss on its own tasks, 2048 tasks": [0.15, 0.11],
        "the same of least squares, 128 tasks": 3 / 124,
    }
    for name, number in expected.items():
        np.testing.assert_allclose(numbers[name], number, rtol=0, atol=1e3 * EPS)
    np.testing.assert_allclose(numbers["least-squares"], [np.inf, 0.05 * 8188 / 3], rtol=1e4 * EPS)
    assert np.ma.count(readings((1, 2048, 4096), 1, found)["least-squares"]) == 0
    assert np.isnan(
        readings((4, 128, 2048, 8192), 1, found._replace(**four(found)))["the same of least squares, 4 tasks"]
    )


def four(found):
    """The same with a fourth size in front."""
    names = ("loss", "pool_loss", "prediction_distance", "sensitivity_cosine", "sensitivity_distance")
    return {name: np.concatenate([getattr(found, name)[:1], getattr(found, name)]) for name in names}


def test_a_gap_and_what_is_expected_are_off_by_a_factor_either_way():
    """Twice, half, and no gap at all; a size that was not trained stays masked."""
    np.testing.assert_allclose(off_by(np.array([0.2, 0.05, 0.0, -0.1]), 0.1), [2, 2, np.inf, np.inf], rtol=1e3 * EPS)
    assert np.ma.count(off_by(np.ma.masked_all(2), 0.1)) == 0
