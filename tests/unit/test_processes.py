"""Autoregressive processes: what each draws, and the laws of W and of s_1."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import mesascope.tasks
from mesascope.discovery import concrete_classes
from mesascope.tasks._process import AbstractLinearProcess, AbstractProcess
from mesascope.tasks.haar import HaarProcess, TurnedRotationProcess, orthonormal, rotation_of
from mesascope.tasks.initial_state import Gaussian, Ones, Sphere
from mesascope.tasks.orthogonal import ConjugatePairProcess, RotationProcess
from mesascope.tasks.unitary import UnitaryProcess

EPS = np.finfo(np.float64).eps
EXAMPLES = [
    pytest.param(example, id=f"{cls.__name__}-{i}")
    for cls in concrete_classes(mesascope.tasks, AbstractProcess)
    for i, example in enumerate(cls.examples())
]
batch = eqx.filter_jit(lambda process, key, size: process.sample_batch(key, size))


@eqx.filter_jit
def sample(process, key):
    """A sequence and all that it is made of: one program for every test of an example."""
    draws = process.draw(key)
    linear = isinstance(process, AbstractLinearProcess)
    return process.sequence(draws).states, draws, process.matrix(draws[0]) if linear else None


@eqx.filter_jit
def drawn_matrices(process, num_samples):
    keys = jax.random.split(jax.random.key(0), num_samples)
    return jax.vmap(lambda key: process.matrix(process.sample_dynamics(key)))(keys)


def matrices(process, num_samples):
    return np.asarray(drawn_matrices(process, num_samples))


@pytest.mark.parametrize("process", EXAMPLES)
def test_a_process_draws_sequences_of_its_shape_by_its_key_alone(process, key):
    first, again = (np.asarray(sample(process, jax.random.clone(key))[0]) for _ in range(2))
    other = np.asarray(sample(process, jax.random.key(1))[0])
    assert first.shape == (process.num_states, process.dim)
    assert first.dtype == getattr(process, "dtype", float)
    assert (first == again).all()
    assert (first[1:3] != other[1:3]).all()  # behind them there may be padding


@pytest.mark.parametrize("process", EXAMPLES)
def test_a_batch_is_its_sequences_one_by_one(process, key):
    together = batch(process, jax.random.clone(key), 3).states
    one_by_one = [sample(process, each)[0] for each in jax.random.split(key, 3)]
    np.testing.assert_allclose(together, one_by_one, rtol=0, atol=1e3 * EPS)


@pytest.mark.parametrize("process", [case for case in EXAMPLES if isinstance(case.values[0], AbstractLinearProcess)])
def test_states_are_powers_of_w_and_w_keeps_lengths(process, key):
    """s_{t+1} = W s_t + noise_std times the noise drawn, W^* W = I."""
    states, (_, start, noise), w = jax.tree.map(np.asarray, sample(process, key))
    np.testing.assert_allclose(w.conj().T @ w, np.eye(process.dim), atol=1e3 * EPS)
    np.testing.assert_array_equal(states[0], start)
    expected = states[:-1] @ w.T + (0 if noise is None else float(process.noise_std) * noise)
    np.testing.assert_allclose(states[1:], expected, rtol=0, atol=1e3 * EPS)


@pytest.mark.parametrize("process", [HaarProcess(3, 2, noise_std=0.1), UnitaryProcess(3, 2, noise_std=0.1)])
def test_noise_has_variance_one_before_it_is_scaled_real_or_complex(process):
    """Of 20,000 draws with 4 entries each; the variance of |eps|^2 is at most 2. Five standard errors."""
    noise = jax.jit(lambda key: jax.vmap(process.draw)(jax.random.split(key, 20_000))[2])(jax.random.key(0))
    sizes = np.abs(np.asarray(noise)) ** 2
    assert abs(sizes.mean() - 1) < 5 * (2 / sizes.size) ** 0.5


@pytest.mark.parametrize("mu", [1.0, 50.0])
def test_phases_are_uniform_up_to_their_concentration(mu):
    """Angles of 4000 x 2 entries on [0, 2 pi / mu]: mean and variance of the uniform law within z = 5."""
    w = matrices(UnitaryProcess(3, 2, mu=jnp.asarray(mu)), 4000)
    angles = np.angle(np.diagonal(w, axis1=1, axis2=2)) % (2 * np.pi)
    unit = angles.ravel() * mu / (2 * np.pi)
    assert unit.max() <= 1
    assert abs(unit.mean() - 0.5) <= 5 / np.sqrt(12 * unit.size)
    assert abs(unit.var() - 1 / 12) <= 5 / np.sqrt(180 * unit.size)


def test_conjugate_pairs_are_rotations_in_another_basis():
    pairs, planes = (matrices(process, 5) for process in (ConjugatePairProcess(3, 4), RotationProcess(3, 4)))
    for diagonal, rotation in zip(pairs, planes, strict=True):
        first = np.sort_complex(np.round(np.diagonal(diagonal), 9))
        np.testing.assert_allclose(first, np.sort_complex(np.round(np.linalg.eigvals(rotation), 9)), atol=1e-8)


def test_a_basis_turns_all_rotations_alike():
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    turned, plain = matrices(RotationProcess(3, 4, basis=jnp.asarray(basis)), 5), matrices(RotationProcess(3, 4), 5)
    np.testing.assert_allclose(turned, basis @ plain @ basis.T, atol=1e3 * EPS)
    np.testing.assert_allclose(turned[0] @ turned[1], turned[1] @ turned[0], atol=1e3 * EPS)


@pytest.mark.parametrize("size", [1, 2, 12])
def test_orthonormal_columns_are_those_of_qr(size):
    """LAPACK's Q, R's diagonal made positive, to 1e3 eps; nearly dependent columns stay orthogonal."""
    matrix = np.random.default_rng(0).normal(size=(size, size))
    columns = jax.jit(orthonormal)
    q, r = np.linalg.qr(matrix)
    np.testing.assert_allclose(columns(matrix), q * np.sign(np.diag(r)), rtol=0, atol=1e3 * EPS * np.linalg.cond(r))
    found = np.asarray(columns(1 + 1e-7 * matrix))
    np.testing.assert_allclose(found.T @ found, np.eye(size), rtol=0, atol=1e3 * EPS)


def test_haar_matrices_have_haars_moments():
    """E W = 0, E W_ij^2 = 1/d, E W_11^4 = 3 / (d (d + 2)) and E (tr W)^2 = 1, over 20000 matrices within z = 5."""
    dim, size = 3, 20_000
    w = matrices(HaarProcess(3, dim), size)
    trace = np.trace(w, axis1=1, axis2=2)
    for values, expected in (
        (w[:, 0, 1], 0.0),
        (w[:, 0, 0] ** 2, 1 / dim),
        (w[:, 0, 0] ** 4, 3 / (dim * (dim + 2))),
        (trace, 0.0),
        (trace**2, 1.0),
        (np.linalg.det(w), 0.0),
    ):
        assert abs(values.mean() - expected) <= 5 * values.std(ddof=1) / np.sqrt(size)


@pytest.mark.parametrize(("turning", "expected"), [(0.0, 0.0), (0.1, 0.88), (0.3, 2.23), (1.0, 2.76), (3.0, 2.81)])
def test_turning_makes_dynamics_commute_less(turning, expected):
    """The mean Frobenius norm of [W, W'] in six dimensions, over 1000 pairs: as found before to two digits."""
    w = matrices(TurnedRotationProcess(3, 6, turning=jnp.asarray(turning)), 2000)
    first, second = w[:1000], w[1000:]
    norms = np.linalg.norm(first @ second - second @ first, axis=(1, 2))
    assert abs(norms.mean() - expected) <= 5 * norms.std(ddof=1) / np.sqrt(1000) + 0.01


compiled_rotation_of = jax.jit(rotation_of)


@pytest.mark.parametrize("size", [0.0, 0.3, 5.0])
def test_a_rotation_is_the_exponential_of_its_generator(size):
    """Against scipy's exponential of matrices, and orthogonal; the largest has a norm of 32."""
    g = np.random.default_rng(0).normal(size=(5, 5))
    generator = size * (g - g.T)
    found = np.asarray(compiled_rotation_of(generator))
    np.testing.assert_allclose(found, scipy.linalg.expm(generator), atol=1e3 * EPS * (1 + np.linalg.norm(generator)))
    np.testing.assert_allclose(found @ found.T, np.eye(5), atol=1e3 * EPS)


PROCESSES = [
    cls for cls in concrete_classes(mesascope.tasks, AbstractProcess) if issubclass(cls, AbstractLinearProcess)
]


@pytest.mark.parametrize("process", [*PROCESSES, pytest.param(RotationProcess, id="in a rounded basis")])
def test_w_keeps_lengths_in_single_precision(process, request):
    """W is at most three products of 8 terms, each of whose sums is rounded 8 times: what W^* W - I is bounded by.

    The basis is as far from orthogonal as is let through. Every state would be longer than the one before it.
    """
    dim, eps = 8, np.finfo(np.float32).eps
    with jax.enable_x64(False):
        basis = np.linalg.qr(np.random.default_rng(0).normal(size=(dim, dim)))[0] * (1 + 400 * dim * eps)
        rounded = {"basis": jnp.asarray(basis, jnp.float32)} if "rounded" in request.node.name else {}
        w = matrices(process(5, dim, **rounded), 4)
    assert w.dtype in (np.float32, np.complex64)
    w = w.astype(complex)
    np.testing.assert_allclose(np.matmul(w.conj().swapaxes(1, 2), w), np.tile(np.eye(dim), (4, 1, 1)), atol=48 * eps)


@pytest.mark.parametrize("is_complex", [False, True])
def test_first_states_have_the_sizes_they_say(is_complex, key):
    @jax.jit
    def samples(key):
        laws = (Ones(), Ones(unit=True), Sphere(2.0), Gaussian(0.5))
        return jax.vmap(lambda key: [law.sample(jax.random.clone(key), 4, is_complex) for law in laws])(
            jax.random.split(key, 4000)
        )

    ones, unit, sphere, gaussian = map(np.asarray, samples(key))
    np.testing.assert_array_equal(ones, np.ones((4000, 4)))
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e3 * EPS)
    np.testing.assert_allclose(np.linalg.norm(sphere, axis=1), 2, rtol=1e3 * EPS)
    sizes = np.abs(gaussian) ** 2
    assert abs(sizes.mean() - 0.25) <= 5 * sizes.std(ddof=1) / np.sqrt(sizes.size)
    for draws in (sphere, gaussian):
        assert np.iscomplexobj(draws) == is_complex
        assert (np.abs(draws.mean(axis=0)) <= 5 * np.abs(draws).std() * 3 / np.sqrt(4000)).all()


@pytest.mark.parametrize("process", [case for case in EXAMPLES if isinstance(case.values[0], AbstractLinearProcess)])
@pytest.mark.parametrize(
    ("initial", "got"), [("sphere", "str"), (None, "NoneType"), (Sphere, "the class Sphere itself")]
)
@pytest.mark.usefixtures("as_installed")
def test_the_law_of_the_first_state_is_one_of_those_there_are(process, initial, got):
    laws = r"mesascope.tasks.initial_state: Ones\(\), Gaussian\(\), Sphere\(\)"
    with pytest.raises(
        ValueError, match=f"`initial` must be an object of class AbstractInitialState; got {got}.*{laws}"
    ):
        type(process)(5, 4, initial)


@pytest.mark.parametrize(("basis", "got"), [
    ([[1, 0], [0, 1]], "list"),
    (np.eye(2, dtype=int), r"shape \(2, 2\) of int64"),
    (jnp.eye(2, dtype=complex), r"shape \(2, 2\) of complex128"),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_a_basis_is_an_array_of_real_numbers(basis, got):
    with pytest.raises(ValueError, match=rf"`basis` must be an array of real floating numbers; got {got}\. .*asarray"):
        RotationProcess(5, 2, basis=basis)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: HaarProcess(1), "`num_states` must be an integer of at least 2; got 1"),
    (lambda: HaarProcess(dim=0), "`dim` must be an integer of at least 1; got 0"),
    (lambda: HaarProcess(noise_std=-1.0), "`noise_std` must be zero or positive"),
    (lambda: TurnedRotationProcess(5, 4, turning=100.0), "`turning` must be at most 8.84 for this size; got 100.0"),
    (lambda: ConjugatePairProcess(dim=3), "`dim` must be even, for rotations of planes; got 3"),
    (lambda: RotationProcess(dim=5), "`dim` must be even"),
    (lambda: UnitaryProcess(mu=0.0), "`mu` must be positive"),
    (lambda: RotationProcess(dim=2, basis=jnp.ones((2, 2))), "`basis` must be orthogonal"),
    (lambda: RotationProcess(dim=2, basis=jnp.full((2, 2), jnp.nan)), "`basis` must be orthogonal"),
    (lambda: RotationProcess(dim=4, basis=jnp.eye(2)), r"`basis` must have shape \(4, 4\)"),
    (lambda: Sphere(0.0), "`radius` must be positive"),
])  # fmt: skip
def test_what_is_no_process_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
