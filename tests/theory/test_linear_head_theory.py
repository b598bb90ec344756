"""The exact loss of a linear head against simulated prompts, and what is stationary in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_preconditioner
from mesascope.tasks.anisotropic_regression import AnisotropicRegression
from mesascope.theory.linear_head import head_loss
from mesascope.theory.preconditioned_step import best_preconditioner, flow_limit, step_loss

EPS = np.finfo(np.float64).eps
VARIANCES, NUM_EXAMPLES = (1.0, 0.5, 0.2), 4
COVARIANCE = np.diag(VARIANCES)
exact = jax.jit(lambda products: head_loss(*products, jnp.asarray(COVARIANCE), NUM_EXAMPLES))
slope = jax.jit(jax.grad(lambda products: head_loss(*products, jnp.asarray(COVARIANCE), NUM_EXAMPLES)))


def products(seed, scale=0.3):
    """W_KQ and P W_V, all entries normal."""
    rng = np.random.default_rng(seed)
    return tuple(jnp.asarray(scale * rng.standard_normal((4, 4))) for _ in range(2))


@jax.jit
def losses(key_query, output_value, key):
    """Of the model with these products, on prompts."""
    identity = jnp.eye(4)[None]
    layer = LinearSelfAttention(identity, key_query[None], output_value[None], identity)
    prompts = AnisotropicRegression(NUM_EXAMPLES, VARIANCES).sample_batch(key, 50_000)
    answers = jax.vmap(Transformer((layer,), JoinedTokens(3)))(prompts)
    return jnp.sum((answers - prompts.target) ** 2, axis=1) / 2


def test_the_loss_is_that_of_the_model_on_prompts():
    """Every entry of the weights is there; z = 5."""
    for seed in range(3):
        drawn = np.asarray(losses(*products(seed), jax.random.key(seed)))
        assert abs(drawn.mean() - exact(products(seed))) < 5 * drawn.std(ddof=1) / np.sqrt(drawn.size)


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
