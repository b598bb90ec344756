"""The exact loss of a linear head against the model on prompts, and what is stationary in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_preconditioner
from mesascope.prompt import Prompt
from mesascope.theory.linear_head import head_loss
from mesascope.theory.preconditioned_step import best_preconditioner, flow_limit, step_loss

EPS = np.finfo(np.float64).eps
VARIANCES, NUM_EXAMPLES = (1.0, 0.5, 0.2), 4
COVARIANCE = np.diag(VARIANCES)
exact = jax.jit(lambda products: head_loss(*products, jnp.asarray(COVARIANCE), NUM_EXAMPLES))
slope = jax.jit(jax.grad(lambda products: head_loss(*products, jnp.asarray(COVARIANCE), NUM_EXAMPLES)))


def products(seed, scale=0.3, dim_token=4):
    """W_KQ and P W_V, all entries normal."""
    rng = np.random.default_rng(seed)
    return tuple(jnp.asarray(scale * rng.standard_normal((dim_token, dim_token))) for _ in range(2))


def gauss_hermite(orders):
    """Points and weights that give the mean of a polynomial in independent standard normals exactly.

    It may be of degree 2 m - 1 in the coordinate with m points.
    """
    axes = [np.polynomial.hermite_e.hermegauss(order) for order in orders]
    points = np.stack([each.ravel() for each in np.meshgrid(*(nodes for nodes, _ in axes), indexing="ij")], axis=1)
    grid = np.meshgrid(*(weights / weights.sum() for _, weights in axes), indexing="ij")
    return points, np.prod([each.ravel() for each in grid], axis=0)


@jax.jit
def losses(key_query, output_value, xs, teachers, queries):
    """Of the model with these products, on every prompt."""
    identity = jnp.eye(3)[None]
    model = Transformer(
        (LinearSelfAttention(identity, key_query[None], output_value[None], identity),), JoinedTokens(2)
    )

    def loss(xs, teacher, query):
        prompt = Prompt(xs, (xs @ teacher)[:, None], query, (query @ teacher)[None])
        return jnp.sum((model(prompt) - prompt.target) ** 2) / 2

    return jax.vmap(loss)(xs, teachers, queries)


@pytest.mark.parametrize("num_examples", [1, 2])
def test_the_loss_is_that_of_the_model_averaged_exactly(num_examples):
    """Every entry of the weights is there. The squared error is of degree 4 in inputs and teacher, 2 in the query."""
    covariance = np.array([[1.0, 0.3], [0.3, 0.5]])
    points, weights = gauss_hermite([3] * (2 * num_examples + 2) + [2] * 2)
    inputs, teachers, queries = np.split(points, [2 * num_examples, 2 * num_examples + 2], axis=1)
    factor = np.linalg.cholesky(covariance).T
    xs = inputs.reshape(-1, num_examples, 2) @ factor
    expected = jax.jit(lambda *products: head_loss(*products, jnp.asarray(covariance), num_examples))
    for seed in range(3):
        weights_of_head = products(seed, dim_token=3)
        mean = weights @ np.asarray(losses(*weights_of_head, xs, teachers, queries @ factor))
        assert expected(*weights_of_head) == pytest.approx(mean, rel=1e3 * EPS)


def test_a_head_that_makes_a_step_alone_loses_what_the_step_does():
    key_query, output_value = products(3)
    key_query, output_value = key_query.at[3, :3].set(0.0), output_value.at[3, :3].set(0.0)
    read = learned_preconditioner(key_query, output_value, 3, NUM_EXAMPLES)
    assert read.rest == 0
    loss = step_loss(np.asarray(read.matrix), COVARIANCE, NUM_EXAMPLES)
    assert exact((key_query, output_value)) == pytest.approx(loss, rel=1e3 * EPS)


def test_only_a_row_and_some_columns_count_and_the_scale_gauge_drops_out():
    key_query, output_value = products(4)
    loss = exact((key_query, output_value))
    other = key_query.at[:, 3].set(7.0), output_value.at[:3].set(7.0)
    assert exact(other) == loss
    assert exact((key_query / 3, 3 * output_value)) == pytest.approx(float(loss), rel=1e3 * EPS)


def test_the_best_step_is_stationary_and_no_other_weights_lose_less():
    limit = flow_limit(COVARIANCE, NUM_EXAMPLES)
    best = jnp.asarray(limit.key_query), -jnp.asarray(limit.output_value) / NUM_EXAMPLES
    read = learned_preconditioner(*best, 3, NUM_EXAMPLES)
    np.testing.assert_allclose(read.matrix, best_preconditioner(COVARIANCE, NUM_EXAMPLES), rtol=1e3 * EPS, atol=EPS)
    assert max(float(jnp.abs(each).max()) for each in slope(best)) < 1e3 * EPS
    least = exact(best)
    for seed in range(20):
        away = tuple(point + move for point, move in zip(best, products(seed, 0.1), strict=True))
        assert exact(away) > least
