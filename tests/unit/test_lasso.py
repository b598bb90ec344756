"""The lasso against scikit-learn, its conditions of optimality and its closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.lasso import Lasso
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
RNG = np.random.default_rng(8)
XS = RNG.normal(size=(30, 6)) @ np.diag([1, 2, 1, 0.5, 1, 1])
YS = XS @ RNG.normal(size=(6, 2)) * [1, 0.3] + 0.1 * RNG.normal(size=(30, 2))


def weights_of(penalty, xs=XS, ys=YS, intercept=False):
    prompt = Prompt(*jax.device_put([xs, ys, xs[0], ys[0]]))
    return np.asarray(jax.jit(lambda prompt: Lasso(penalty, intercept=intercept).weights(prompt))(prompt))


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("penalty", [0.01, 0.3])
def test_it_is_scikit_learns(penalty, intercept):
    """Who stops where the duality gap is below 1e-14 of |y|^2: weights then differ by its root over s_min."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    xs, ys = (XS + 1, YS - [2, 0.5]) if intercept else (XS, YS)
    found, smallest = weights_of(penalty, xs, ys, intercept), np.linalg.svd(xs - intercept * xs.mean(axis=0))[1][-1]
    answers = jax.jit(Lasso(penalty, intercept=intercept))(Prompt(*jax.device_put([xs, ys, xs[0], ys[0]])))
    for column in range(2):
        model = linear_model.Lasso(penalty, fit_intercept=intercept, tol=1e-14, max_iter=100_000)
        expected = model.fit(xs, ys[:, column])
        atol = 2 * np.sqrt(1e-14) * np.linalg.norm(ys[:, column]) / smallest
        np.testing.assert_allclose(found[column], expected.coef_, rtol=0, atol=atol)
        sizes = 1 + np.linalg.norm(xs[0]) + np.linalg.norm(xs.mean(axis=0))
        np.testing.assert_allclose(answers[column], expected.predict(xs[:1])[0], rtol=0, atol=sizes * atol)


@pytest.mark.parametrize("kind", [float, complex])
def test_its_weights_are_optimal(kind):
    """The gradient of the mean is the penalty along each weight, and at most the penalty where a weight is zero."""
    turn = (1 + 0.5j) if kind is complex else 1.0
    xs, ys, penalty = XS * turn, YS + (0.3j * YS[::-1] if kind is complex else 0), 0.3
    found = weights_of(penalty, xs, ys)
    pull = (ys - xs @ found.T).T @ xs.conj() / len(xs)
    is_zero = found == 0
    assert 0 < is_zero.sum() < found.size
    assert (np.abs(pull[is_zero]) <= penalty).all()
    directions = found[~is_zero] / np.abs(found[~is_zero])
    np.testing.assert_allclose(pull[~is_zero], penalty * directions, rtol=0, atol=1e4 * EPS)


def test_of_orthogonal_inputs_it_is_least_squares_with_each_weight_shrunk():
    """By the penalty; all of them are zero from the largest correlation on."""
    xs = np.linalg.qr(XS)[0] * np.sqrt(30)
    plain = YS.T @ xs / 30
    found = weights_of(0.2, xs)
    np.testing.assert_allclose(found, np.sign(plain) * np.maximum(np.abs(plain) - 0.2, 0), rtol=0, atol=1e4 * EPS)
    np.testing.assert_array_equal(weights_of(np.abs(plain).max() * (1 + 1e-9), xs), np.zeros((2, 6)))


def test_an_input_of_zeros_has_no_weight():
    found = weights_of(0.01, XS * [1, 1, 0, 1, 1, 1])
    np.testing.assert_array_equal(found[:, 2], [0, 0])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("num_examples", [4, 10])
def test_its_iterations_suffice_for_few_examples_and_small_penalties(num_examples):
    """At a thousandth of the labels' size predictions are within 1% of converged ones, far below a verdict's 5%."""
    rng = np.random.default_rng(0)
    shapes = ((40, num_examples, 8), (40, 8, 1), (40, 8))
    xs, teachers, queries = (rng.normal(size=shape) for shape in shapes)
    prompts = jax.vmap(Prompt)(*jax.device_put([xs, xs @ teachers / np.sqrt(8), queries, np.zeros((40, 1))]))
    learners = Lasso(1e-3), Lasso(1e-3, 20_000)
    found, converged = jax.jit(lambda prompts: [jax.vmap(each)(prompts) for each in learners])(prompts)
    assert np.linalg.norm(found - converged) <= 0.01 * np.linalg.norm(converged)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="`penalty` must be positive"):
        Lasso(0.0)
    with pytest.raises(ValueError, match="`num_iterations` must be an integer of at least 1"):
        Lasso(jnp.asarray(0.1), 0)
