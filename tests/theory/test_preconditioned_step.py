"""One preconditioned step: its loss against simulated tasks, its best matrix against an optimiser, its limits."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from mesascope.theory.linear_regression import one_step_optimum
from mesascope.theory.preconditioned_step import (
    best_multiple,
    best_preconditioner,
    flow_limit,
    step_loss,
    zero_loss,
)

EPS = np.finfo(np.float64).eps
COVARIANCE = np.array([[1.0, 0.3, 0.0], [0.3, 0.6, -0.1], [0.0, -0.1, 0.2]])
QUERY = np.diag([0.2, 0.5, 1.5])
MATRIX = np.array([[0.5, 0.1, -0.2], [0.0, 0.7, 0.3], [0.2, -0.1, 1.2]])
LAMBDA = np.diag([2.0, 1.0, 0.5, 0.25, 0.1])


@pytest.mark.parametrize("num_examples", [1, 4])
@pytest.mark.parametrize("query", [None, QUERY])
def test_the_loss_is_the_mean_over_simulated_tasks(num_examples, query):
    """z = 5."""
    rng, num_tasks = np.random.default_rng(0), 100_000
    xs = rng.multivariate_normal(np.zeros(3), COVARIANCE, (num_tasks, num_examples))
    queries = rng.multivariate_normal(np.zeros(3), COVARIANCE if query is None else query, num_tasks)
    teachers = rng.standard_normal((num_tasks, 3))
    labels = np.einsum("bni,bi->bn", xs, teachers)
    weights = np.einsum("bn,bni->bi", labels, xs) / num_examples
    losses = (np.einsum("bi,ij,bj->b", queries, MATRIX, weights) - np.sum(teachers * queries, axis=1)) ** 2 / 2
    expected = step_loss(MATRIX, COVARIANCE, num_examples, query)
    assert abs(losses.mean() - expected) < 5 * losses.std(ddof=1) / math.sqrt(num_tasks)


@pytest.mark.parametrize("query", [None, QUERY])
def test_no_matrix_loses_less_than_the_best_whatever_the_querys_law(query):
    best = best_preconditioner(COVARIANCE, 4)

    def loss(flat):
        return step_loss(flat.reshape(3, 3), COVARIANCE, 4, query)

    found = minimize(loss, MATRIX.ravel(), method="BFGS", options={"gtol": 1e-9})
    assert loss(best.ravel()) <= found.fun * (1 + 1e3 * EPS)
    np.testing.assert_allclose(found.x.reshape(3, 3), best, rtol=0, atol=1e2 * math.sqrt(EPS))


@pytest.mark.parametrize("direction", [np.eye(3), np.linalg.inv(COVARIANCE), MATRIX])
def test_the_best_multiple_is_where_the_loss_is_least(direction):
    best = best_multiple(direction, COVARIANCE, 4)
    found = minimize_scalar(lambda scale: step_loss(scale * direction, COVARIANCE, 4))
    assert best.coefficient == pytest.approx(found.x, rel=1e2 * math.sqrt(EPS))
    assert best.loss == pytest.approx(found.fun, rel=1e3 * EPS)


def test_without_examples_to_spare_the_step_is_gradient_descents():
    """Equal variances: A* is a multiple of I, larger than for uniform inputs, whose fourth moment is smaller."""
    variance, num_examples, dim = 0.4, 6, 3
    best = best_preconditioner(variance * np.eye(dim), num_examples)
    rate = 1 / (variance * (1 + (dim + 1) / num_examples))
    np.testing.assert_allclose(best, rate * np.eye(dim), rtol=1e3 * EPS)
    assert one_step_optimum(num_examples, dim, math.sqrt(3 * variance)).learning_rate > rate


def test_with_infinitely_many_examples_the_loss_is_its_limit():
    floor = step_loss(MATRIX, COVARIANCE, math.inf, QUERY)
    excess = [step_loss(MATRIX, COVARIANCE, 10**power, QUERY) - floor for power in (2, 3)]
    assert excess[0] == pytest.approx(10 * excess[1], rel=1e-9)  # proportional to 1 / n
    assert step_loss(np.linalg.inv(COVARIANCE), COVARIANCE, math.inf) == pytest.approx(0, abs=1e3 * EPS)
    assert step_loss(0 * MATRIX, COVARIANCE, 3, QUERY) == zero_loss(QUERY)


def test_numbers_of_the_setting_that_studies_take():
    """Computed once, independently, to the digits shown; risks are twice the losses."""
    best = best_preconditioner(LAMBDA, 12)
    risks = [2 * step_loss(best, LAMBDA, length) for length in (6, 12, 50, 400, math.inf)]
    assert risks == pytest.approx([1.832, 1.111, 0.563, 0.412, 0.390], abs=5e-4)
    assert 2 * step_loss(1.1 * best, LAMBDA, 12) == pytest.approx(1.138, abs=5e-4)
    scalar = best_multiple(np.eye(5), LAMBDA, 12)
    assert (scalar.coefficient, 2 * scalar.loss) == pytest.approx((0.458, 1.410), abs=5e-4)


def test_the_flows_limit_is_balanced_and_makes_the_best_step():
    limit = flow_limit(COVARIANCE, 4)
    assert np.linalg.norm(limit.key_query) == pytest.approx(np.linalg.norm(limit.output_value), rel=1e3 * EPS)
    corner = limit.output_value[3, 3]
    np.testing.assert_allclose(corner * limit.key_query[:3, :3], best_preconditioner(COVARIANCE, 4), rtol=1e3 * EPS)
    assert np.count_nonzero(limit.output_value) == 1
    assert not limit.key_query[3].any()
    assert not limit.key_query[:, 3].any()


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (np.ones((2, 3)), "`covariance` must be a square matrix"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), "`covariance` must be symmetric with positive eigenvalues"),
        (np.diag([1.0, -0.1]), "`covariance` must be symmetric with positive eigenvalues"),
        (np.diag([1.0, np.nan]), "`covariance` must be symmetric with positive eigenvalues"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_what_is_no_covariance_is_refused(covariance, message):
    with pytest.raises(ValueError, match=message):
        best_preconditioner(covariance, 3)
