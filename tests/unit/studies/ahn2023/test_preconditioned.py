"""The measurements of the study, on layers and on endings whose every measure is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.attention import LinearSelfAttention
from mesascope.studies._shared.head_training import HeadTraining, TrainedHeads
from mesascope.studies.ahn2023.preconditioned.cells import step
from mesascope.studies.ahn2023.preconditioned.endings import Endings, EndingsCell
from mesascope.studies.ahn2023.preconditioned.readings import equal, matrix_distances, share_elsewhere
from mesascope.study.cell import Workspace
from mesascope.tasks.anisotropic_regression import AnisotropicRegression
from mesascope.theory.preconditioned_step import best_preconditioner, flow_limit, step_loss
from mesascope.training.exact import Adam

EPS = np.finfo(np.float64).eps
VARIANCES, NUM_EXAMPLES = (1.0, 0.5), 12
COVARIANCE = np.diag(VARIANCES)
TRAINING = HeadTraining(partial(LinearSelfAttention.initialise, 3), VARIANCES, NUM_EXAMPLES, Adam(3e-3), 1, seeds=2)


def heads(*products, loss=1.0):
    """Trained heads of these pairs of products, a pair a seed."""
    key_query, output_value = (np.stack(each) for each in zip(*products, strict=True))
    return TrainedHeads(np.zeros(1), np.full((len(products), 1), loss), key_query, output_value)


def best_products():
    limit = flow_limit(COVARIANCE, NUM_EXAMPLES)
    return limit.key_query, -limit.output_value / NUM_EXAMPLES


def other_minimum():
    """Near the ending that leaves the direction of the largest variance to p_x k^T."""
    key_query, output_value = np.zeros((3, 3)), np.zeros((3, 3))
    key_query[2, 0], output_value[2, 0] = 0.2, -0.25
    return key_query, output_value


def endings_from(*products):
    """What the cell makes of heads that training left at these products, the first of which lost most."""
    found = heads(*products)
    found = found._replace(losses=-np.arange(len(products), dtype=float)[:, None])
    return Endings(**EndingsCell(TRAINING).compute(Workspace(need=lambda _: found._asdict())))


def test_a_step_with_a_matrix_is_written_out():
    prompt = jax.jit(AnisotropicRegression(4, (1.0, 0.5)).sample)(jax.random.key(1))
    matrix = np.array([[0.3, 0.2], [-0.1, 0.7]])
    expected = prompt.query @ matrix @ (prompt.xs.T @ prompt.ys[:, 0]) / 4
    np.testing.assert_allclose(jax.jit(step)(jnp.asarray(matrix), prompt), [expected], rtol=1e3 * EPS)


def test_the_matrix_of_the_best_products_has_no_distance_and_twice_it_has_one():
    key_query, output_value = best_products()
    found = heads((key_query, output_value), (2 * key_query, output_value)).matrices(NUM_EXAMPLES)
    np.testing.assert_allclose(matrix_distances(found, VARIANCES, NUM_EXAMPLES), [0, 1], rtol=0, atol=1e3 * EPS)


def test_newtons_method_meets_the_minimum_that_an_ending_is_near():
    key_query, output_value = best_products()
    rng = np.random.default_rng(0)
    near = key_query + 1e-4 * rng.standard_normal((3, 3)), output_value + 1e-5 * rng.standard_normal((3, 3))
    found = endings_from(near, other_minimum())
    least = step_loss(best_preconditioner(COVARIANCE, NUM_EXAMPLES), COVARIANCE, NUM_EXAMPLES)
    assert found.worst_loss == pytest.approx(least, rel=1e3 * EPS)
    assert found.gradient < 1e-12
    assert found.curvatures.shape == (8,)  # 3 of the row, 6 of the columns, but for the gauge
    assert found.curvatures[0] > 0


def test_the_weights_of_nothing_are_no_minimum():
    """All weights near zero: the loss is stationary, and falls along some directions."""
    nothing = tuple(1e-8 * each for each in best_products())
    found = endings_from(nothing, best_products())
    assert found.curvatures[0] < 0


def test_the_share_of_other_endings_counts_losses_above_the_least():
    least = step_loss(best_preconditioner(COVARIANCE, NUM_EXAMPLES), COVARIANCE, NUM_EXAMPLES)
    losses = least * np.array([[3.0, 1.0], [3.0, 1.04], [3.0, 1.06], [3.0, 2.0]])
    found = Endings(np.arange(2), losses, np.array(1.0), np.array(0.0), np.ones(3))
    assert share_elsewhere(found, VARIANCES, NUM_EXAMPLES) == 0.5
    lost = found._replace(losses=np.array([[1.0, np.nan]]))
    assert np.isnan(share_elsewhere(lost, VARIANCES, NUM_EXAMPLES))
    assert equal((2.0, 1.0)) == (1.5, 1.5)
