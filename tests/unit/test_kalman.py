"""The Kalman filters against conditional means of the joint Gaussian law, computed by brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from mesascope.algorithms.exponential_smoothing import ExponentialSmoothing
from mesascope.algorithms.kalman import KalmanForecaster
from mesascope.algorithms.scalar_kalman import ScalarKalmanForecaster
from mesascope.prompt import Sequence

EPS = np.finfo(float).eps
LENGTH = 7


def drawn(rng, shape, is_complex):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape) if is_complex else rng.normal(size=shape)


def covariance(rng, size, is_complex):
    root = drawn(rng, (size, size), is_complex)
    return root @ root.conj().T / size


def system(dim_hidden, dim, is_complex=False, seed=0):
    """A, C, Q, R and P; the largest eigenvalue of A is 0.9."""
    rng = np.random.default_rng(seed)
    transition = drawn(rng, (dim_hidden, dim_hidden), is_complex)
    transition *= 0.9 / np.abs(np.linalg.eigvals(transition)).max()
    noises = covariance(rng, dim_hidden, is_complex), covariance(rng, dim, is_complex)
    return transition, drawn(rng, (dim, dim_hidden), is_complex), *noises, covariance(rng, dim_hidden, is_complex)


def conditional_means(matrices, states):
    """The mean of s_{T+1} given s_1, ..., s_T for every T, from the covariance of all of them; and its condition."""
    a, c, q, r, prior = matrices
    num, dim = states.shape[0] + 1, len(c)
    of_hidden = np.zeros((num, num, *a.shape), complex)
    of_hidden[0, 0] = prior
    for t in range(1, num):
        of_hidden[t, t] = a @ of_hidden[t - 1, t - 1] @ a.conj().T + q
    for i in range(num):
        for j in range(i + 1, num):
            of_hidden[j, i] = np.linalg.matrix_power(a, j - i) @ of_hidden[i, i]
            of_hidden[i, j] = of_hidden[j, i].conj().T
    seen = np.einsum("dk,ijkl,el->idje", c, of_hidden, c.conj()) + np.einsum("ij,de->idje", np.eye(num), r)
    joint, found = seen.reshape(num * dim, num * dim), []
    for t in range(1, num):
        past, future = slice(t * dim), slice(t * dim, (t + 1) * dim)
        found.append(joint[future, past] @ np.linalg.solve(joint[past, past], states[:t].ravel()))
    return np.array(found), np.linalg.cond(joint)


SYSTEMS = [system(3, 2), system(2, 4), system(3, 3, is_complex=True)]


@pytest.mark.parametrize("matrices", SYSTEMS, ids=["few observed", "many observed", "complex"])
def test_the_filter_is_the_conditional_mean_at_every_prefix(matrices):
    is_complex = np.iscomplexobj(matrices[0])
    states = drawn(np.random.default_rng(1), (LENGTH, len(matrices[1])), is_complex)
    forecaster = KalmanForecaster(*map(jnp.asarray, matrices))
    found = jax.jit(lambda sequence: forecaster.next_states(sequence))(Sequence(jnp.asarray(states)))
    expected, condition = conditional_means(matrices, states)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS * condition)
    assert 1e3 * EPS * condition < 1e-6 < np.abs(expected).min(axis=1).max()


def test_a_wide_prior_is_borne_in_single_precision():
    """By roots of covariances: an epsilon is multiplied by the root of the ratio of variances, not by the ratio."""
    a, c, q, r, _ = SYSTEMS[0]
    variance = 1e6
    matrices, states = (a, c, q, r, variance * np.eye(3)), np.random.default_rng(7).normal(size=(LENGTH, 2))
    expected, _ = conditional_means(matrices, states)
    forecaster = KalmanForecaster(*(jnp.asarray(each, np.float32) for each in matrices))
    found = jax.jit(lambda sequence: forecaster.next_states(sequence))(Sequence(jnp.asarray(states, np.float32)))
    assert found.dtype == np.float32
    root = np.sqrt(variance / np.linalg.eigvalsh(r)[0])
    tolerance = 10 * np.finfo(np.float32).eps * root * np.abs(expected).max()
    assert tolerance < 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_a_batch_of_systems_needs_no_lapack():
    """Two batches of LAPACK's at once never end on a machine of two cores."""

    def gains(variance):
        a, c, q, r, prior = map(jnp.asarray, SYSTEMS[0])
        return KalmanForecaster(a, c, variance * q, r, prior).gains(2)

    compiled = jax.jit(jax.vmap(jax.jacfwd(gains))).lower(jnp.ones(3)).compile()
    assert 'custom_call_target="lapack' not in compiled.as_text()


def test_real_matrices_take_complex_states_part_by_part():
    forecaster = KalmanForecaster(*map(jnp.asarray, SYSTEMS[0]))
    real, imaginary = np.random.default_rng(2).normal(size=(2, LENGTH, 2))
    parts = [forecaster.next_states(Sequence(jnp.asarray(each))) for each in (real, imaginary)]
    whole = forecaster.next_states(Sequence(jnp.asarray(real + 1j * imaginary)))
    np.testing.assert_allclose(whole, np.asarray(parts[0]) + 1j * np.asarray(parts[1]), atol=1e4 * EPS)


@pytest.mark.parametrize("matrices", [SYSTEMS[0], SYSTEMS[2]], ids=["real", "complex"])
def test_the_gain_settles_at_the_solution_of_riccati_s_equation(matrices):
    a, c, q, r, _ = matrices
    settled = scipy.linalg.solve_discrete_are(a.conj().T, c.conj().T, q, r)
    expected = settled @ c.conj().T @ np.linalg.inv(c @ settled @ c.conj().T + r)
    gains = np.asarray(KalmanForecaster(*map(jnp.asarray, matrices)).gains(200))
    np.testing.assert_allclose(gains[-1], expected, rtol=0, atol=1e-10)  # what is left fades by each step
    assert np.abs(gains[0] - expected).max() > 1e-2


def test_without_noise_in_the_observations_the_last_state_is_known():
    a, _, q, _, prior = SYSTEMS[0]
    forecaster = KalmanForecaster(*map(jnp.asarray, (a, np.eye(3), q, np.zeros((3, 3)), prior)))
    states = np.random.default_rng(3).normal(size=(LENGTH, 3))
    found = forecaster.next_states(Sequence(jnp.asarray(states)))
    np.testing.assert_allclose(found, states @ a.T, atol=1e3 * EPS * np.linalg.cond(q) * np.linalg.cond(prior))


def test_a_direction_without_any_noise_is_kept():
    """The covariance of what is observed is singular then."""
    matrices = [np.eye(2), np.eye(2), np.zeros((2, 2)), np.diag([1.0, 0.0]), np.diag([1.0, 0.0])]
    found = KalmanForecaster(*map(jnp.asarray, matrices)).next_states(Sequence(jnp.ones((3, 2))))
    np.testing.assert_allclose(found, [[1 / 2, 0], [2 / 3, 0], [3 / 4, 0]], atol=1e3 * EPS)


def smoothed_by_least_squares(states, factor, ratio):
    """The last of the z that minimise sum |s_t - z_t|^2 + sum |z_{t+1} - a z_t|^2 / ratio, for every prefix."""
    found = []
    for t in range(1, len(states) + 1):
        steps = (np.eye(t)[1:] - factor * np.eye(t)[:-1]) / np.sqrt(ratio)
        rows, right = np.concatenate([np.eye(t), steps]), np.pad(states[:t], ((0, t - 1), (0, 0)))
        found.append(factor * np.linalg.lstsq(rows, right)[0][-1])
    return np.array(found)


@pytest.mark.parametrize(("factor", "ratio"), [(1.0, 0.5), (-0.8, 3.0), (1.2, 0.01)])
def test_the_scalar_filter_is_the_mean_given_no_knowledge_of_the_start(factor, ratio):
    states = np.random.default_rng(4).normal(size=(LENGTH, 3))
    found = ScalarKalmanForecaster(factor, ratio).next_states(Sequence(jnp.asarray(states)))
    np.testing.assert_allclose(found, smoothed_by_least_squares(states, factor, ratio), atol=1e3 * EPS / ratio)


def test_the_scalar_filter_is_the_filter_of_scalar_matrices():
    """For a prior ever wider: what is left of the prior is as one over its variance."""
    states, identity = Sequence(jnp.asarray(np.random.default_rng(5).normal(size=(LENGTH, 2)))), np.eye(2)
    scalar = np.asarray(ScalarKalmanForecaster(0.8, 0.5).next_states(states))
    gaps = []
    for variance in (1e2, 1e4):
        matrices = 0.8 * identity, identity, 1.5 * identity, 3.0 * identity, variance * identity
        gaps.append(np.abs(KalmanForecaster(*map(jnp.asarray, matrices)).next_states(states) - scalar).max())
    assert 80 < gaps[0] / gaps[1] < 110  # 3 / (variance + 3) is left in the first step


def test_a_settled_filter_of_a_random_walk_is_exponential_smoothing():
    ratio = 0.5
    weight = (np.sqrt(ratio**2 + 4 * ratio) - ratio) / 2  # the fixed point of the gain
    states = Sequence(jnp.asarray(np.random.default_rng(6).normal(size=(100, 2))))
    ours, theirs = ScalarKalmanForecaster(1.0, ratio).next_states(states), ExponentialSmoothing(weight)
    np.testing.assert_allclose(ours[-20:], theirs.next_states(states)[-20:], atol=1e2 * EPS)  # 0.5^80 is left
    assert np.abs(ours[:3] - theirs.next_states(states)[:3]).max() > 1e-2


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("place", "value", "message"), [
    (0, np.eye(2), r"`transition` must have shape \(3, 3\); got \(2, 2\)"),
    (0, np.full((3, 3), np.nan), "`transition` must be finite"),
    (1, np.ones(3), r"`observation` must be a matrix \[d k\]; got shape \(3,\)"),
    (1, "C", r"`observation` must be an array \[d k\] of real or complex numbers; got str"),
    (2, np.triu(np.ones((3, 3))), "`process_noise` must be equal to its adjoint"),
    (3, np.eye(3), r"`observation_noise` must have shape \(2, 2\); got \(3, 3\)"),
    (3, np.diag([1.0, -0.1]), "`observation_noise` must have no negative eigenvalue, .*; got -0.1"),
    (4, np.full((3, 3), np.inf), "`initial_covariance` must be finite"),
])  # fmt: skip
def test_what_is_no_system_is_refused(place, value, message):
    matrices = list(SYSTEMS[0])
    matrices[place] = value
    with pytest.raises(ValueError, match=message):
        KalmanForecaster(*(jnp.asarray(each) if isinstance(each, np.ndarray) else each for each in matrices))


def test_impossible_scalars_are_refused():
    with pytest.raises(ValueError, match="`factor` must be finite; got inf"):
        ScalarKalmanForecaster(float("inf"))
    with pytest.raises(ValueError, match=r"`noise_ratio` must be zero or positive, and finite; got -1\.0"):
        ScalarKalmanForecaster(1.0, -1.0)
