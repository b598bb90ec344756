"""Descents in many steps: momentum, Chebyshev's, preconditioned, Newton's, conjugate gradients; orders and exactness.

A descent from zero on labels W x leaves of W, along an eigenvector of X^T X / n, the value of its residual polynomial
at the eigenvalue. So on labels x itself (W = I), whose weights after k steps are I - r_k(S), r_k is read off.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from numpy.polynomial import chebyshev

from mesascope.algorithms.chebyshev import ChebyshevIteration
from mesascope.algorithms.conjugate_gradient import ConjugateGradient
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.heavy_ball import HeavyBall
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.newton_schulz import NewtonSchulz
from mesascope.algorithms.preconditioned_step import PreconditionedStep
from mesascope.prompt import Prompt

EPS = np.finfo(np.float64).eps
N, D = 12, 4
EIGENVALUES = np.array([0.2, 0.5, 1.1, 2.0])


def prompt_with(eigenvalues=EIGENVALUES, kind=float, labels=None, num_examples=N):
    """Inputs whose X^T X / n has these eigenvalues; labels are the inputs themselves unless some are given."""
    rng, dim = np.random.default_rng(4), len(eigenvalues)

    def turned(*shape):
        return scipy.linalg.qr(rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0))[0]

    xs = (
        turned(num_examples, num_examples)[:, :dim] * np.sqrt(num_examples * np.asarray(eigenvalues)) @ turned(dim, dim)
    )
    ys = xs if labels is None else rng.normal(size=(num_examples, labels)).astype(kind)
    return Prompt(*jax.device_put([xs, ys, xs[0] * 0.5, ys[0] * 0]))


def left_by(trajectory, prompt):
    """The residual polynomial at each eigenvalue, after each step: what is missing of W = I."""
    xs = np.asarray(prompt.xs)
    vectors = np.linalg.eigh(xs.T @ xs.conj() / len(xs))[1]
    missing = np.eye(xs.shape[1]) - np.asarray(trajectory)
    along = np.einsum("ia,kij,jb->kab", vectors.conj(), missing, vectors)
    np.testing.assert_allclose(along, [np.diag(np.diag(each)) for each in along], rtol=0, atol=1e5 * EPS)
    return np.einsum("kaa->ka", along).real


@pytest.mark.parametrize("kind", [float, complex])
def test_residual_polynomials_are_the_closed_forms(kind):
    """Momentum's is a power of its 2 x 2 recursion, Chebyshev's a quotient of T_k, Newton's a power of two."""
    prompt, rate, momentum, low, high, scale = prompt_with(kind=kind), 0.4, 0.7, 0.3, 1.5, 0.2
    learners = HeavyBall(rate, momentum, 6), ChebyshevIteration(low, high, 6), NewtonSchulz(scale, 5), NewtonSchulz()
    ball, best, newton, scaled = (
        left_by(each, prompt) for each in jax.jit(lambda p: [each.weight_trajectory(p) for each in learners])(prompt)
    )
    recursion = [np.array([[1 + momentum - rate * s, -momentum], [1, 0]]) for s in EIGENVALUES]
    powers = [[np.linalg.matrix_power(each, k)[0].sum() for each in recursion] for k in range(1, 7)]
    np.testing.assert_allclose(ball, powers, rtol=0, atol=1e5 * EPS)
    middle, half = (low + high) / 2, (high - low) / 2
    quotients = [
        chebyshev.chebval((middle - EIGENVALUES) / half, unit) / chebyshev.chebval(middle / half, unit)
        for unit in np.eye(7)[1:]
    ]
    np.testing.assert_allclose(best, quotients, rtol=0, atol=1e5 * EPS)
    squared = [(1 - scale * EIGENVALUES**2) ** 2**k for k in range(1, 6)]
    np.testing.assert_allclose(newton, squared, rtol=0, atol=1e5 * EPS)
    of_norm = [(1 - EIGENVALUES**2 / np.linalg.norm(EIGENVALUES**2)) ** 2**k for k in range(1, 5)]
    np.testing.assert_allclose(scaled, of_norm, rtol=0, atol=1e5 * EPS)


def test_chebyshev_reaches_the_bound_that_no_descent_passes():
    """1 / T_k(c / h), taken with alternating signs at k + 1 eigenvalues, where no r_k with r_k(0) = 1 is smaller."""
    low, high, k = 0.3, 1.5, 3
    extremes = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * np.arange(k + 1) / k)
    prompt = prompt_with(extremes)
    best = left_by(jax.jit(ChebyshevIteration(low, high, k).weight_trajectory)(prompt), prompt)[-1]
    bound = 1 / np.cosh(k * np.arccosh((high + low) / (high - low)))
    np.testing.assert_allclose(best, bound * (-1.0) ** np.arange(k + 1), rtol=1e5 * EPS)


def test_without_momentum_and_for_one_eigenvalue_it_is_gradient_descent():
    prompt = prompt_with(labels=2)
    pairs = [
        (HeavyBall(0.4, 0.0, 4), GradientDescent(0.4, 4)),
        (ChebyshevIteration(2.5, 2.5, 4), GradientDescent(0.4, 4)),
        (PreconditionedStep(0.4 * jnp.eye(D)), GradientDescent(0.4)),
        (NewtonSchulz(0.1, 30), LeastSquares()),
    ]
    for ours, theirs in jax.jit(lambda prompt: [[of.trajectory(prompt) for of in pair] for pair in pairs])(prompt):
        np.testing.assert_allclose(ours[-1], theirs[-1], rtol=0, atol=1e5 * EPS * np.abs(theirs).max())


@pytest.mark.parametrize("kind", [float, complex])
def test_a_preconditioned_step_is_numpys_product(kind):
    prompt, matrix = prompt_with(kind=kind, labels=3), np.random.default_rng(0).normal(size=(D, D)).astype(kind)
    xs, ys, query = map(np.asarray, (prompt.xs, prompt.ys, prompt.query))
    found = jax.jit(lambda prompt: PreconditionedStep(jnp.asarray(matrix))(prompt))(prompt)
    np.testing.assert_allclose(found, query @ matrix @ (xs.conj().T @ ys) / N, rtol=1e3 * EPS)


def test_newton_doubles_the_digits_and_ends_at_least_squares():
    """The error of each step is the square of the one before, in units of its weights; and with rows of rank two."""
    prompt = prompt_with(np.array([0.5, 1.0]))
    left = left_by(jax.jit(NewtonSchulz(num_steps=5).weight_trajectory)(prompt), prompt)
    np.testing.assert_allclose(left[1:], left[:-1] ** 2, rtol=0, atol=1e4 * EPS)
    deficient = prompt_with(np.array([0.0, 0.0, 0.5, 1.0]), labels=2)
    learners = NewtonSchulz(num_steps=12), LeastSquares()
    ours, theirs = jax.jit(lambda prompt: [each.weights(prompt) for each in learners])(deficient)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e5 * EPS)


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("num_examples", [3, N])
def test_conjugate_gradients_are_least_in_their_subspace(kind, num_examples):
    """Against least squares on b, S b, ..., and exact, of least norm, from as many steps on as the rank is."""
    prompt = prompt_with(EIGENVALUES[: min(num_examples, D)], kind, labels=2, num_examples=num_examples)
    xs, ys = map(np.asarray, (prompt.xs, prompt.ys))
    found = np.asarray(jax.jit(ConjugateGradient(9).weight_trajectory)(prompt))
    second, condition = xs.conj().T @ xs / len(xs), np.linalg.cond(xs)
    for column in range(2):
        basis = [xs.conj().T @ ys[:, column]]
        for k in range(len(second)):
            span = scipy.linalg.orth(np.array(basis).T)
            expected = span @ scipy.linalg.lstsq(xs @ span, ys[:, column])[0]
            np.testing.assert_allclose(found[k, column], expected, rtol=0, atol=1e5 * EPS * condition**2)
            basis.append(second @ basis[-1])
    exact = scipy.linalg.lstsq(xs, ys)[0].T
    np.testing.assert_allclose(found[len(second) - 1 :], [exact] * (10 - len(second)), atol=1e4 * EPS * condition**2)


def test_conjugate_gradients_stay_where_they_have_arrived():
    """In single precision, of rank two in four, with labels in and out of the inputs' reach, and with none at all."""
    rng = np.random.default_rng(0)
    xs = (rng.normal(size=(40, N, 2)) @ rng.normal(size=(40, 2, D))).astype(np.float32)
    queries, targets = np.zeros((40, D), np.float32), np.zeros((40, 1), np.float32)
    inside = (xs @ rng.normal(size=(40, D, 1))).astype(np.float32)
    for ys in (inside, inside + rng.normal(size=inside.shape).astype(np.float32), 0 * inside):
        prompts = jax.vmap(Prompt)(*jax.device_put([xs, ys, queries, targets]))
        found = np.asarray(jax.jit(jax.vmap(ConjugateGradient(60).weight_trajectory))(prompts))
        exact = np.array([scipy.linalg.lstsq(*each, cond=1e-5)[0].T for each in zip(xs.astype(float), ys, strict=True)])
        conditions = np.array([np.linalg.svd(each)[1][[0, 1]] for each in xs])
        sensitivity = (
            (conditions[:, 0] / conditions[:, 1]) ** 2 * max(1, np.abs(ys).max()) / conditions[:, 1].clip(None, 1)
        )
        error = np.abs(found - exact[:, None]).max(axis=(1, 2, 3), initial=0, where=np.arange(60)[:, None, None] > 4)
        assert (error <= 1e3 * np.finfo(np.float32).eps * sensitivity).all()


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("make", "message"), [
    (lambda: ChebyshevIteration(2.0, 1.0), r"`low` must be at most `high`; got 2\.0 and 1\.0"),
    (lambda: ChebyshevIteration(-1.0, 1.0), "`low` must be zero or positive"),
    (lambda: ChebyshevIteration(0.0, 0.0), "`high` must be positive"),
    (lambda: HeavyBall(momentum=float("inf")), "`momentum` must be finite"),
    (lambda: NewtonSchulz(0.0), "`scale` must be positive"),
    (lambda: ConjugateGradient(0), "`num_steps` must be an integer of at least 1"),
    (lambda: PreconditionedStep(jnp.ones((2, 3))), r"`matrix` must be square, .*; got shape \(2, 3\)"),
    (lambda: PreconditionedStep(jnp.eye(3))(prompt_with()), r"`matrix` must have shape \(4, 4\); got \(3, 3\)"),
])  # fmt: skip
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
