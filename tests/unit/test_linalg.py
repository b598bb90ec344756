"""The solves that algorithms share, against singular values in double precision."""

import jax
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from mesascope.algorithms.along_sequence import RidgeAlongSequence
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.linalg import factors_along, few, least_norm, ridge, root_of
from mesascope.probes.alignment import alignment
from mesascope.prompt import Prompt

SINGLE, DOUBLE = float(np.finfo(np.float32).eps), float(np.finfo(float).eps)
SHAPES = [(1, 10), (1, 3), (2, 3), (3, 3), (7, 3), (5, 8), (8, 8), (40, 8), (500, 4), (20_000, 2)]
solved = {fn: jax.jit(fn) for fn in (ridge, least_norm)}


def by_singular_values(inputs, labels, penalty, rank):
    """V of as many directions, and how far an epsilon in inputs and labels moves it."""
    left, values, right = np.linalg.svd(inputs, full_matrices=False)
    left, values, right = left[:, :rank], values[:rank], right[:rank].conj().T
    found = right @ ((values / (values**2 + penalty))[:, None] * (left.conj().T @ labels))
    least = np.sqrt(values[-1] ** 2 + penalty)
    moved = values[0] * np.linalg.norm(found) / least + np.linalg.norm(labels) / least
    return found, moved + values[0] * np.linalg.norm(inputs @ found - labels) / least**2


def matrix(generator, shape, condition, rank, is_complex):
    rows = generator.normal(size=shape) + 1j * is_complex * generator.normal(size=shape)
    left, _, right = np.linalg.svd(rows if is_complex else rows.real, full_matrices=False)
    values = np.geomspace(1, 1 / condition, rank)
    return (left[:, :rank] * values) @ right[:rank]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(SHAPES),
    st.floats(0, 12).map(lambda x: 10**x),
    st.floats(-12, 2).map(lambda x: 10**x),
    st.sampled_from([1e-20, 1e-9, 1.0, 1e9, 1e20]),
    st.sampled_from(["any labels", "explained", "explained, few directions"]),
    st.booleans(),
)
def test_single_precision_is_right_to_the_root_of_the_condition(shape, condition, penalty, scale, kind, is_complex):
    """Of ridge regression and of the least norm; inputs of few directions have only labels that these explain."""
    generator = np.random.default_rng(int(1e3 * condition))
    rank = min(shape) if kind != "explained, few directions" else (min(shape) + 1) // 2
    inputs = matrix(generator, shape, condition, rank, is_complex)
    labels = inputs @ generator.normal(size=(shape[1], 2))
    labels = labels + (kind == "any labels") * generator.normal(size=labels.shape)
    single = [each.astype(np.complex64 if is_complex else np.float32) for each in (scale * inputs, labels)]
    double = [each.astype(complex if is_complex else float) for each in single]
    penalties = (np.float32(np.clip(penalty * scale**2, 1e-36, 1e38)), np.float32(0))
    for fn, penalty in zip((ridge, least_norm), penalties, strict=True):
        found = np.asarray(solved[fn](*single, *([penalty] if penalty else [])))
        expected, moved = by_singular_values(*double, float(penalty), rank)
        assert np.linalg.norm(found - expected) <= 30 * SINGLE * moved


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from([(1, 10), (3, 3), (6, 3), (20_000, 2)]),
    st.floats(0, 12).map(lambda x: 10**x),
    st.floats(-24, 4).map(lambda x: 10**x),
    st.sampled_from([1e-20, 1.0, 1e20]),
    st.booleans(),
)
def test_double_precision_is_right_up_to_a_condition_of_1e12(shape, condition, penalty, scale, is_complex):
    """Against the normal equations in 100 digits, of the same numbers."""
    generator = np.random.default_rng(int(1e3 * condition))
    inputs = scale * matrix(generator, shape, condition, min(shape), is_complex)
    labels = generator.normal(size=(shape[0], 1)) + inputs @ generator.normal(size=(shape[1], 1)) / scale
    short = inputs, labels
    if shape[0] > 100:  # the same question in few rows, for the digits: their rounding is allowed for
        q, short_inputs = np.linalg.qr(inputs)
        short = short_inputs, q.conj().T @ labels
    for fn, added in ((ridge, penalty * scale**2), (least_norm, 0.0)):
        found = np.asarray(solved[fn](inputs, labels, *([added] if added else [])))
        expected = in_many_digits(*short, added)
        _, moved = by_singular_values(*short, added, min(shape))
        residual = np.linalg.norm(inputs @ expected - labels)
        least = np.linalg.svd(short[0], compute_uv=False)[min(shape) - 1] ** 2 + added
        moved = moved + np.linalg.norm(inputs) * residual / least
        assert np.linalg.norm(found - expected) <= 100 * DOUBLE * moved


def in_many_digits(inputs, labels, penalty):
    """The solution by the normal equations of rows or of columns, whichever are fewer, in 100 digits."""
    with mpmath.workdps(100):
        x, y = mpmath.matrix(inputs.tolist()), mpmath.matrix(labels.tolist())
        few_rows = x.rows < x.cols
        gram = x * x.H if few_rows else x.H * x
        gram = gram + mpmath.mpf(penalty) * mpmath.eye(gram.rows)
        found = x.H * mpmath.lu_solve(gram, y) if few_rows else mpmath.lu_solve(gram, x.H * y)
        return np.array(found.tolist(), complex if np.iscomplexobj(inputs) else float)


def test_rounding_is_not_taken_for_a_direction():
    """Of these matrices of rank 3 a fixed threshold misjudges some: what rounding leaves grows as columns are taken."""
    for seed in range(300):
        generator = np.random.default_rng(seed)
        inputs = matrix(generator, (5, 8), 10**3.25, 3, is_complex=False).astype(np.float32)
        labels = (inputs @ generator.normal(size=(8, 2))).astype(np.float32)
        expected, moved = by_singular_values(inputs.astype(float), labels.astype(float), 0.0, 3)
        found = np.asarray(solved[least_norm](inputs, labels))
        assert np.linalg.norm(found - expected) <= 30 * SINGLE * moved, seed


@pytest.mark.parametrize("num_examples", [10_000, 838_861])
def test_the_number_of_examples_hides_nothing(num_examples):
    """y = 5 + 2 t at t = 0, 1, ..., whose condition is about 1.15 times that number."""
    inputs = np.stack([np.ones(num_examples), np.arange(num_examples)], axis=1).astype(np.float32)
    found = solved[least_norm](inputs, 5 + 2 * inputs[:, 1:])
    error = np.abs(np.asarray(found)[:, 0] - [5, 2])
    assert error[0] <= 5 * SINGLE * 1.2 * num_examples
    assert error[1] <= 1e-5


@pytest.mark.parametrize("penalty", [1e-4, 1e-5, 1e-6, 1e-7, 1e-12, 1e-20])
def test_small_penalties_count(penalty):
    inputs, labels = np.array([[1, 2, 3]], np.float32), np.array([[14]], np.float32)
    np.testing.assert_allclose(solved[ridge](inputs, labels, penalty)[0, 0], 14 / (14 + penalty), rtol=10 * SINGLE)
    inputs, labels = np.array([[0.5, 0.3, -0.7], [0.1, -0.6, 0.4]], np.float32), np.array([[1], [-1]], np.float32)
    found = solved[ridge](inputs, labels, 1e-8)
    np.testing.assert_allclose(found[:, 0], [0.0662252, 1.0596026, -0.9271523], rtol=0, atol=20 * SINGLE)


def test_every_prefix_is_right_whatever_its_length():
    states = np.array([[0.6, 0.8, 0], [0, 0.6, 0.8], [0.8, 0, 0.6]], np.float32)
    found = jax.jit(RidgeAlongSequence(1e-8).weights)(states)
    expected = [[0, 0, 0], [0, 0.288, 0.384], [0.2594595, 0.1945946, 0.4540541]]
    np.testing.assert_allclose(np.einsum("tkij,tj->ti", found, states), expected, rtol=0, atol=20 * SINGLE)


@pytest.mark.parametrize(("num_states", "dim", "scale"), [(30, 3, 1.0), (30, 3, 1e-20), (12, 20, 1.0), (400, 2, 1e9)])
def test_factors_stand_for_the_examples_before_them(num_states, dim, scale):
    states = (scale * np.random.default_rng(dim).normal(size=(num_states, dim))).astype(np.float32)
    factors = jax.jit(factors_along)(states[:-1], states[1:])
    assert factors.rows.shape == (num_states, dim, dim)
    for length in {0, 1, dim, dim + 1, num_states - 1} & set(range(num_states)):
        seen = (states[:length] / scale).astype(float)
        rows, right = (np.asarray(each[length]).astype(float) / scale for each in factors)
        size = max(np.sum(seen**2), 1e-30)
        assert np.abs(rows.T @ rows - seen.T @ seen).max() <= 100 * SINGLE * size
        after = (states[1 : length + 1] / scale).astype(float)
        assert np.abs(rows.T @ right - seen.T @ after).max() <= 200 * SINGLE * max(size, np.sum(after**2))


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("rank", [0, 2, 4])
def test_a_root_and_few_rows_have_the_products_of_what_they_stand_for(rank, is_complex):
    generator = np.random.default_rng(rank)
    rows = matrix(generator, (6, 4), 10.0, rank, is_complex) if rank else np.zeros((6, 4))
    labels, dtype = generator.normal(size=(6, 2)), np.complex64 if is_complex else np.float32
    for scale in (1e-12, 1.0, 1e12):
        inputs = (scale * rows).astype(dtype)
        wide = inputs.astype(complex if is_complex else float)
        product = wide.conj().T @ wide
        found = np.asarray(jax.jit(root_of)(product.astype(dtype))).astype(wide.dtype)
        tolerance = 100 * SINGLE * np.abs(product).max()
        assert np.abs(found.conj().T @ found - product).max() <= tolerance
        assert (np.abs(found).max(axis=1) > 0).sum() == rank
        less = [np.asarray(each).astype(wide.dtype) for each in jax.jit(few)(inputs, labels.astype(dtype))]
        assert [len(each) for each in less] == [4, 4]
        assert np.abs(less[0].conj().T @ less[0] - product).max() <= tolerance
        crossed = wide.conj().T @ labels
        assert np.abs(less[0].conj().T @ less[1] - crossed).max() <= 100 * SINGLE * np.abs(crossed).max()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(SHAPES),
    st.floats(0, 3).map(lambda x: 10**x),
    st.floats(-8, 2).map(lambda x: 10**x),
    st.sampled_from([1e-9, 1.0, 1e9]),
    st.booleans(),
)
def test_a_batch_and_its_derivatives_are_right(shape, condition, penalty, scale, is_complex):
    """Each solution of a batch is the one alone; a derivative of ridge regression is the normal equations' own."""
    generator = np.random.default_rng(int(1e3 * condition))
    batch = [scale * matrix(generator, shape, condition, min(shape), is_complex) for _ in range(3)]
    labels = np.stack([inputs @ generator.normal(size=(shape[1], 2)) for inputs in batch]) / scale
    inputs, along = np.stack(batch), scale * np.stack([matrix(generator, shape, 10, 1, is_complex) for _ in range(3)])
    penalty = penalty * scale**2
    found, change = in_batches(inputs, labels, penalty, along)
    for i in range(3):
        alone = np.asarray(solved[ridge](inputs[i], labels[i], penalty))
        expected, moved = by_singular_values(inputs[i], labels[i], penalty, min(shape))
        assert max(np.linalg.norm(each - expected) for each in (alone, found[i])) <= 100 * DOUBLE * moved
        x, dx = inputs[i] / scale, along[i] / scale
        few = len(x) < x.shape[1]
        gram = (x @ x.conj().T if few else x.conj().T @ x) + penalty / scale**2 * np.eye(min(shape))
        right = dx.conj().T @ (labels[i] - inputs[i] @ expected) - x.conj().T @ (dx @ expected) * scale
        inverted = (right - x.conj().T @ np.linalg.solve(gram, x @ right)) * scale**2 / penalty if few else None
        derivative = (inverted if few else np.linalg.solve(gram, right)) / scale
        assert np.linalg.norm(np.asarray(change[i]) - derivative) <= 1e-5 * np.linalg.norm(derivative) + 1e-12 * moved


@jax.jit
def in_batches(inputs, labels, penalty, along):
    """Ridge regression of every prompt of a batch, and how it changes with the inputs."""

    def one(inputs, labels, along):
        return jax.jvp(lambda inputs: ridge(inputs, labels, penalty), (inputs,), (along,))

    return jax.vmap(one)(inputs, labels, along)


def test_it_has_derivatives_in_both_modes():
    generator = np.random.default_rng(0)
    for shape in ((5, 3), (2, 3)):
        data = generator.normal(size=shape), generator.normal(size=(shape[0], 2))
        check_grads(jax.jit(lambda *data: ridge(*data, 0.1)), data, order=1, rtol=1e-5)
        check_grads(solved[least_norm], data, order=1, rtol=1e-5)


@pytest.mark.parametrize("fn", [ridge, least_norm])
def test_nothing_known_gives_zero(fn):
    for inputs in (np.zeros((0, 3)), np.zeros((2, 3))):
        found = solved[fn](inputs, np.ones((len(inputs), 2)), *([0.1] if fn is ridge else []))
        np.testing.assert_array_equal(found, np.zeros((3, 2)))


@pytest.mark.parametrize("learner", [Ridge(0.1), LeastSquares(), RidgeAlongSequence(0.1)])
def test_a_batch_of_predictions_and_their_derivatives_needs_no_lapack(learner):
    # Two batches of LAPACK's at once never end on a machine of two cores.
    def measure(states):
        return alignment(learner, learner, Prompt(states[:-2], states[1:-1], states[-2], states[-1]))

    compiled = jax.jit(jax.vmap(measure)).lower(np.zeros((3, 5, 2))).compile()
    assert 'custom_call_target="lapack' not in compiled.as_text()
