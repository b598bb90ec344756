"""The study of task diversity: rivals as models, and the readings on numbers set by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.pool_posterior import PoolPosterior
from mesascope.algorithms.ridge import Ridge
from mesascope.studies.raventos2023.diversity.cells import PoolDistances
from mesascope.studies.raventos2023.diversity.readings import Summary, readings
from mesascope.studies.raventos2023.diversity.study import Diversity


def test_a_rival_in_the_place_of_the_model_is_at_no_distance_from_itself():
    """And from the other rival as far as the two are apart; the posterior has the least loss on the pool's tasks."""
    cell = Diversity.preset("smoke", sizes=(2, 3), num_validation=2000).cells()[1].config
    pool = cell.training.task
    posterior, ridge = PoolPosterior(eqx.filter_jit(lambda: pool.teachers())(), 0.5), Ridge(jnp.asarray(0.25))
    stacked = [jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), each) for each in (posterior, ridge)]
    (to_pool, to_ridge, loss, apart, pool_loss, ridge_loss), by_ridge = (
        cell._of_law(each, posterior, pool) for each in stacked
    )
    np.testing.assert_allclose([to_pool, by_ridge[1]], 0, atol=1e-12)
    np.testing.assert_allclose(to_ridge, apart, rtol=1e-12)
    np.testing.assert_allclose((loss[1], by_ridge[2][1]), (pool_loss, ridge_loss), rtol=1e-12)
    assert pool_loss < ridge_loss
    fresh = cell._of_law(stacked[1], posterior, cell.fresh)
    assert fresh[4] > fresh[5]


def test_the_claims_are_about_the_smallest_and_the_largest_pool():
    """Three pools, two laws, one seed: every reading has one possible origin."""
    to_pool, to_ridge = np.array([[1.2, 2.0], [3.0, 4.0], [6.0, 8.0]]), np.array([[4.0, 3.0], [1.0, 1.0], [1.5, 1.6]])
    loss, pool_loss = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 0.5]]), np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 4.0]])
    rivals = np.ones((3, 2))
    found = PoolDistances(
        to_pool[..., None], to_ridge[..., None], loss[..., None], rivals, pool_loss[..., None], rivals
    )
    claims = readings(Summary((2, 3, 5), found))
    expected = {"few": 0.3, "few-fresh": 2 / 3, "many": 1 / 4, "many-fresh": 0.2, "better": 1 / 8}
    for name, value in expected.items():
        assert float(claims[name][0]) == pytest.approx(value, rel=1e-12), name
    assert float(claims["crossover"][0]) == pytest.approx(np.log(4 / 3), rel=1e-12)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("changes", "message"), [
    ({"sizes": (4,)}, "`sizes` must be two numbers of tasks or more, the smallest first; got"),
    ({"sizes": (8, 4)}, "the smallest first"),
    ({"num_heads": 5}, "`dim_token` must be a multiple of `num_heads`, 5; got 32"),
    ({"noise_std": 0.0}, "`noise_std` must be positive and finite"),
])  # fmt: skip
def test_settings_that_make_no_study_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Diversity.preset("quick", **changes)
