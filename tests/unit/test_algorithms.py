"""Learning algorithms against loops and solvers written in numpy and scipy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from mesascope.algorithms.deep_features import OnFeatures
from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.kernel_smoother import FeatureKernel, KernelSmoother, NadarayaWatson
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.algorithms.zero import ZeroPredictor
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
N, DX, DY = 7, 3, 2


def make_prompt(num_examples=N, kind=float, seed=0):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0)

    return Prompt(*jax.device_put([draw(num_examples, DX), draw(num_examples, DY), draw(DX), draw(DY)]))


@eqx.filter_jit
def answer(learner, prompt):
    """Weights and prediction."""
    return learner.weights(prompt), learner(prompt)


def descend(prompt, rates, start):
    """Gradient descent, one example and one entry at a time."""
    xs, ys = np.asarray(prompt.xs), np.asarray(prompt.ys)
    weights, trajectory = np.array(start), []
    for rate in rates:
        gradient = np.zeros_like(weights)
        for x, y in zip(xs, ys, strict=True):
            gradient += np.outer(weights @ x - y, x.conj())
        weights = weights - rate / len(xs) * gradient
        trajectory.append(weights)
    return np.array(trajectory)


@pytest.mark.parametrize("kind", [float, complex])
def test_gradient_descent_is_the_loop(kind):
    """For all steps one rate, as a number or as an array, or one a step; from zero and from other weights."""
    prompt, one_a_step = make_prompt(kind=kind), np.array([0.1, 0.5, 0.2, 0.4])
    other = np.arange(DY * DX, dtype=kind).reshape(DY, DX) * (1 - kind(0.5))
    rates = [(0.3, [0.3] * 4), (jax.device_put(np.array(0.3)), [0.3] * 4), (jax.device_put(one_a_step), one_a_step)]
    cases = [(rate, each, start) for rate, each in rates for start in (None, other)]
    learners = [GradientDescent(rate, 4, None if start is None else jax.device_put(start)) for rate, _, start in cases]
    walk = jax.jit(
        lambda prompt: [(of.weight_trajectory(prompt), of.trajectory(prompt), of(prompt)) for of in learners]
    )
    for (weights, predictions, last), (_, each, start) in zip(walk(prompt), cases, strict=True):
        expected = descend(prompt, each, np.zeros((DY, DX), kind) if start is None else start)
        tolerance = 1e3 * EPS * np.abs(expected).max()
        np.testing.assert_allclose(weights, expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(predictions, expected @ np.asarray(prompt.query), rtol=0, atol=10 * tolerance)
        np.testing.assert_allclose(last, expected[-1] @ np.asarray(prompt.query), rtol=0, atol=10 * tolerance)


def test_a_step_goes_down_the_gradient_that_jax_takes():
    prompt, start = make_prompt(), jax.device_put(np.arange(6.0).reshape(DY, DX))

    def loss(weights):
        return jnp.sum((prompt.xs @ weights.T - prompt.ys) ** 2) / (2 * N)

    weights, gradient = jax.jit(
        lambda start: (GradientDescent(0.7, initial_weights=start).weights(prompt), jax.grad(loss)(start))
    )(start)
    step = np.asarray(weights) - start
    np.testing.assert_allclose(step, -0.7 * np.asarray(gradient), rtol=0, atol=1e3 * EPS * np.abs(step).max())


@pytest.mark.parametrize("kind", [float, complex])
def test_many_small_steps_reach_least_squares(kind):
    """The error shrinks by 1 - rate * smallest eigenvalue / N a step."""
    prompt = make_prompt(kind=kind)
    eigenvalues = np.linalg.eigvalsh(np.asarray(prompt.xs).conj().T @ np.asarray(prompt.xs)) / N
    rate = 1 / eigenvalues[-1]
    condition = eigenvalues[-1] / eigenvalues[0]
    num_steps = int(np.ceil(-np.log(EPS) * condition))
    reached, expected = (answer(each, prompt)[0] for each in (GradientDescent(rate, num_steps), LeastSquares()))
    np.testing.assert_allclose(reached, expected, rtol=0, atol=1e3 * EPS * condition)


def test_too_large_a_step_diverges_without_an_error():
    assert not np.isfinite(answer(GradientDescent(1e3, 200), make_prompt())[1]).any()


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("num_examples", [2, N])
@pytest.mark.parametrize("penalty", [0.01, 3.0])
def test_ridge_is_least_squares_with_the_penalty_as_examples(kind, num_examples, penalty):
    """dx more examples: sqrt(penalty) e_i, labelled zero."""
    prompt = make_prompt(num_examples, kind)
    xs = np.vstack([prompt.xs, np.sqrt(penalty) * np.eye(DX)])
    ys = np.vstack([prompt.ys, np.zeros((DX, DY))])
    expected = scipy.linalg.lstsq(xs, ys)[0].T
    tolerance = 1e3 * EPS * np.linalg.cond(xs) ** 2 * max(1, np.abs(expected).max())
    weights, prediction = answer(Ridge(jnp.asarray(penalty)), prompt)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(prediction, expected @ np.asarray(prompt.query), rtol=0, atol=10 * tolerance)


def test_ridge_is_the_posterior_mean():
    """W ~ N(0, tau^2), noise N(0, s^2): the conditional mean of joint normals, penalty s^2 / tau^2."""
    prompt, tau, noise = make_prompt(), 2.0, 0.7
    xs = np.asarray(prompt.xs)
    covariance = tau**2 * xs @ xs.T + noise**2 * np.eye(N)
    expected = tau**2 * np.asarray(prompt.query) @ xs.T @ np.linalg.solve(covariance, np.asarray(prompt.ys))
    tolerance = 1e3 * EPS * np.linalg.cond(covariance) * np.abs(expected).max()
    _, prediction = answer(Ridge(jnp.asarray(noise**2 / tau**2)), prompt)
    np.testing.assert_allclose(prediction, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("num_examples", [2, N])
def test_ridge_tends_to_least_squares_to_first_order(num_examples):
    """The difference is penalty * (a constant + O(penalty)), also where the least norm decides."""
    prompt = make_prompt(num_examples)
    exact = np.asarray(answer(LeastSquares(), prompt)[0])
    ridges = [answer(Ridge(jnp.asarray(penalty)), prompt)[0] for penalty in (1e-2, 1e-3, 1e-4)]
    differences = [np.abs(ridge - exact).max() for ridge in map(np.asarray, ridges)]
    ratios = np.array(differences[:-1]) / differences[1:]
    smallest = np.linalg.svd(prompt.xs)[1].min() ** 2
    np.testing.assert_allclose(ratios, 10, rtol=np.max([1e-2, 1e-3] / smallest))


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("num_examples", [1, 2, N])
def test_least_squares_is_scipys(kind, num_examples):
    """The solution of least norm when there are fewer examples than inputs."""
    prompt = make_prompt(num_examples, kind)
    expected = scipy.linalg.lstsq(np.asarray(prompt.xs), np.asarray(prompt.ys))[0].T
    tolerance = 1e3 * EPS * np.linalg.cond(prompt.xs) * max(1, np.abs(expected).max())
    np.testing.assert_allclose(answer(LeastSquares(), prompt)[0], expected, rtol=0, atol=tolerance)


def test_least_squares_survives_a_repeated_example():
    prompt = make_prompt(2)
    repeated = [np.tile(each, (3, 1)) for each in (prompt.xs, prompt.ys)]
    twice = eqx.tree_at(lambda p: (p.xs, p.ys), prompt, repeated)
    tolerance = 1e3 * EPS * np.linalg.cond(prompt.xs)
    (_, ours), (_, theirs) = (answer(LeastSquares(), each) for each in (twice, prompt))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", [float, complex])
def test_zero_predicts_zero(kind):
    prompt = make_prompt(kind=kind)
    prediction = jax.jit(ZeroPredictor())(prompt)
    assert prediction.dtype == prompt.ys.dtype
    np.testing.assert_array_equal(prediction, np.zeros(DY))


@pytest.mark.parametrize("num_steps", [0, -1, True])
def test_steps_are_counts(num_steps):
    with pytest.raises(ValueError, match="`num_steps` must be an integer of at least 1"):
        GradientDescent(0.1, num_steps)


@pytest.mark.parametrize("rates", [[0.1], [0.1, 0.2], [0.1, 0.2, 0.3, 0.4]])
def test_there_is_one_rate_or_one_a_step(rates):
    with pytest.raises(ValueError, match="`learning_rate` must be one number or 3 of them"):
        GradientDescent(jnp.array(rates), num_steps=3)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), [0.1, float("nan")]])
def test_rates_are_finite(rate):
    with pytest.raises(ValueError, match="`learning_rate` must be finite"):
        GradientDescent(jnp.asarray(rate) if isinstance(rate, list) else rate, num_steps=2)


@pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan"), float("inf")])
def test_a_penalty_is_positive(penalty):
    with pytest.raises(ValueError, match="`penalty` must be positive and finite"):
        Ridge(penalty)


def test_learners_with_an_intercept_are_told_by_an_independent_implementation():
    """scipy's minimiser of the sum over W and b; descent by numpy on inputs with an entry one."""
    rng = np.random.default_rng(3)
    xs, ys, query = rng.normal(2, 1, (7, 3)), rng.normal(-1, 2, (7, 2)), rng.normal(size=3)
    prompt = Prompt(*map(jnp.asarray, (xs, ys, query, np.zeros(2))))
    with_ones = np.column_stack([xs, np.ones(7)])

    ridge_rows = np.vstack([with_ones, np.sqrt(0.3) * np.eye(4)[:3]])
    by_rows = scipy.linalg.lstsq(ridge_rows, np.vstack([ys, np.zeros((3, 2))]))[0].T
    least = scipy.linalg.lstsq(with_ones, ys)[0].T
    descended = np.zeros((2, 4))
    for _ in range(3):
        descended -= 0.1 / 7 * (with_ones @ descended.T - ys).T @ with_ones

    learners = (Ridge(0.3, intercept=True), LeastSquares(intercept=True), GradientDescent(0.1, 3, intercept=True))
    for learner, expected in zip(learners, (by_rows, least, descended), strict=True):
        np.testing.assert_allclose(learner(prompt), expected @ np.append(query, 1), rtol=1e-11)
        np.testing.assert_allclose(learner.weights(prompt), expected[:, :3], rtol=1e-11)


def test_an_intercept_alone_is_the_mean_of_the_labels():
    """Of inputs that are all alike, and of no examples zero."""
    prompt = Prompt(jnp.ones((4, 2)), jnp.arange(4.0)[:, None], jnp.ones(2), jnp.zeros(1))
    for learner in (Ridge(0.3, intercept=True), LeastSquares(intercept=True)):
        np.testing.assert_allclose(learner(prompt), [1.5], rtol=1e-12)
        np.testing.assert_array_equal(learner(prompt.prefix(0)), [0.0])


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("make", "message"), [
    (lambda: GradientDescent(0.1, initial_weights=[[0.5]]), r"must be an array \[dy dx\] .*; got list"),
    (lambda: GDPlusPlus(0.1, initial_weights="zero"), r"`initial_weights` must be an array \[dy dx\] .*; got str"),
    (lambda: GradientDescent(0.1, initial_weights=jnp.ones((DX, DY)))(make_prompt()),
     r"`initial_weights` must have shape \(2, 3\), outputs by inputs, for this prompt; got \(3, 2\)"),
    (lambda: GDPlusPlus(0.1, initial_weights=jnp.ones(DX))(make_prompt()), r"must have shape \(2, 3\), .*; got \(3,\)"),
    (lambda: OnFeatures("ridge", jnp.sin), "`algorithm` must be an object of class AbstractStepwise; got str"),
    (lambda: OnFeatures(Ridge(), "squares"), "`features` must be a function; got str"),
    (lambda: KernelSmoother("gauss"), "`kernel` must be a function; got str"),
    (lambda: NadarayaWatson(jnp.sin), "`log_kernel` must take 2 arguments; got sin"),
    (lambda: FeatureKernel(3.0), "`features` must be a function; got float"),
])  # fmt: skip
def test_wrong_parts_of_an_algorithm_are_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
