"""The solves that algorithms share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from mesascope.algorithms.along_sequence import RidgeAlongSequence
from mesascope.algorithms.ridge import Ridge
from mesascope.linalg import solve_positive
from mesascope.probes.alignment import alignment
from mesascope.prompt import Prompt

EPS = np.finfo(float).eps


def positive(generator, size, condition, *, is_complex):
    basis = generator.normal(size=(size, size)) + 1j * is_complex * generator.normal(size=(size, size))
    basis = np.linalg.qr(basis if is_complex else basis.real)[0]
    return (basis * np.geomspace(1, 1 / condition, size)) @ basis.conj().T


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize(("size", "condition"), [(1, 1.0), (4, 1e3), (12, 1e9)])
def test_it_solves_to_rounding(size, condition, is_complex):
    generator = np.random.default_rng(size)
    matrix = positive(generator, size, condition, is_complex=is_complex)
    expected = generator.normal(size=(size, 2)).astype(matrix.dtype)
    found = jax.jit(solve_positive)(matrix, matrix @ expected)
    bound = 1e3 * np.finfo(float).eps * condition
    assert np.linalg.norm(np.asarray(found) - expected) <= bound * np.linalg.norm(expected)


def test_it_has_derivatives_in_both_modes():
    matrix, right = positive(np.random.default_rng(0), 3, 10.0, is_complex=False), np.eye(3)[:, :2]

    @jax.jit
    def solution(root, right):
        return solve_positive(root @ root.T, right)

    check_grads(solution, (matrix, right), order=1, rtol=1e-5)


def test_the_derivative_of_a_complex_solution_is_that_of_the_inverse():
    generator = np.random.default_rng(1)
    matrix = positive(generator, 3, 10.0, is_complex=True)
    cotangent = generator.normal(size=(3, 1)) + 0j

    @jax.jit
    def pull_back(cotangent):
        return jax.vjp(lambda right: solve_positive(jnp.asarray(matrix), right), jnp.ones((3, 1), complex))[1](
            cotangent
        )

    np.testing.assert_allclose(pull_back(cotangent)[0], np.linalg.inv(matrix).T @ cotangent, rtol=1e5 * EPS)


def test_a_singular_matrix_has_no_finite_solution():
    assert not np.isfinite(jax.jit(solve_positive)(np.zeros((2, 2)), np.ones((2, 1)))).any()


@pytest.mark.parametrize("learner", [Ridge(0.1), RidgeAlongSequence(0.1)])
def test_a_batch_of_predictions_and_their_derivatives_needs_no_lapack(learner):
    # Two batches of LAPACK's at once never end on a machine of two cores.
    def measure(states):
        return alignment(learner, learner, Prompt(states[:-2], states[1:-1], states[-2], states[-1]))

    compiled = jax.jit(jax.vmap(measure)).lower(np.zeros((3, 5, 2))).compile()
    assert 'custom_call_target="lapack' not in compiled.as_text()
