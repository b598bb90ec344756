"""Training on exact losses against recursions with a closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mesascope.training.exact import Adam, Descent, fit_exact

EPS = np.finfo(np.float64).eps
KEYS = jax.random.split(jax.random.key(0), 3)


def start(key):
    return {"x": jax.random.normal(key, (2,))}


def bowl(params):
    return jnp.sum(params["x"] ** 2) / 2


def test_descent_on_a_bowl_shrinks_by_the_rate_each_step():
    """x_k = (1 - rate)^k x_0, recorded at every seventh step and at the last."""
    trained = fit_exact(bowl, start, Descent(0.1), keys=jax.random.clone(KEYS), num_steps=30, num_records=5)
    first = np.asarray(jax.vmap(start)(jax.random.clone(KEYS))["x"])
    np.testing.assert_array_equal(trained.steps, [0, 6, 12, 18, 24, 30])
    expected = 0.9 ** (2 * trained.steps)[None] * np.sum(first**2, axis=1)[:, None] / 2
    np.testing.assert_allclose(trained.losses, expected, rtol=1e3 * EPS)
    np.testing.assert_allclose(trained.params["x"], 0.9**30 * first, rtol=1e3 * EPS)


def test_a_last_stretch_may_be_shorter():
    trained = fit_exact(bowl, start, Descent(0.1), keys=jax.random.clone(KEYS), num_steps=10, num_records=4)
    np.testing.assert_array_equal(trained.steps, [0, 3, 6, 9, 10])
    np.testing.assert_allclose(trained.losses[:, -1], 0.9**20 * np.asarray(trained.losses[:, 0]), rtol=1e3 * EPS)


def test_several_losses_are_minimised_as_if_each_were_alone():
    def both(params):
        return jnp.stack([bowl(params[0]), jnp.sum((params[1]["x"] - 1) ** 4)])

    def starts(key):
        return start(jax.random.clone(key)), start(key)

    trained = fit_exact(both, starts, Descent(0.05), keys=jax.random.clone(KEYS), num_steps=20, num_records=5)
    alone = fit_exact(bowl, start, Descent(0.05), keys=jax.random.clone(KEYS), num_steps=20, num_records=5)
    assert trained.losses.shape == (3, 6, 2)
    np.testing.assert_allclose(trained.losses[..., 0], alone.losses, rtol=1e3 * EPS)
    np.testing.assert_allclose(trained.params[0]["x"], alone.params["x"], rtol=1e3 * EPS)


def test_adam_is_optaxs():
    with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in 32 bits
        trained = fit_exact(bowl, start, Adam(0.05), keys=jax.random.clone(KEYS), num_steps=4)
        params, rule = start(jax.random.split(jax.random.key(0), 3)[1]), optax.adam(0.05)
        memory = rule.init(params)
        for _ in range(4):
            change, memory = rule.update(jax.grad(bowl)(params), memory)
            params = optax.apply_updates(params, change)
    np.testing.assert_allclose(trained.params["x"][1], params["x"], rtol=1e3 * EPS)


def test_a_rate_must_be_positive():
    with pytest.raises(ValueError, match="`learning_rate` must be positive"):
        Descent(0.0)
