"""Dense heads: rotations in any basis, and what is left in the heads of diagonal ones."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from mesascope.models.diagonal_heads import DenseHeads
from mesascope.prompt import Sequence
from mesascope.studies._shared.measure import jit_once
from mesascope.studies.sander2024.dense.cells import LAWS, ROTATIONS, UNITARY, Dense, DenseCell, eigenbasis
from mesascope.studies.sander2024.dense.haar import HaarLosses
from mesascope.studies.sander2024.dense.readings import Summary, readings
from mesascope.studies.sander2024.dense.tensors import leftovers
from mesascope.tasks.orthogonal import RotationProcess
from mesascope.training.exact import Descent

EPS = np.finfo(np.float64).eps
Z = 5


def test_rotations_in_a_basis_lose_what_the_exact_loss_says(key):
    """Real dense heads on simulated W = Q R Q^T, s_1 = V 1."""
    dim, num_states, size = 4, 5, 20_000
    basis = jnp.asarray(np.linalg.qr(np.random.default_rng(0).normal(size=(dim, dim)))[0])
    columns = jit_once(partial(eigenbasis, ROTATIONS))(basis)
    model = eqx.filter_jit(DenseHeads.initialise)(dim, 2, num_states, std=0.4, key=key)
    cell = DenseCell(ROTATIONS, (2,), dim, num_states, 0.1, Descent(), 1, 1, 0)
    process = RotationProcess(num_states, dim, basis=basis)
    start = np.asarray(columns).sum(axis=1)
    np.testing.assert_allclose(start.imag, 0, atol=1e3 * EPS)

    def simulate(key):
        angles = process.sample_dynamics(key)
        states = [jnp.asarray(start.real)]
        for _ in range(num_states):
            states.append(process.advance(angles, states[-1]))
        states = jnp.stack(states)
        return jnp.sum((model.next_states(Sequence(states[:-1]))[2:] - states[3:]) ** 2, axis=1).mean()

    errors = np.asarray(jit_once(lambda key: jax.vmap(simulate)(jax.random.split(key, size)))(jax.random.key(2)))
    expected = jit_once(cell.losses)(((model,), columns))[0]
    assert abs(errors.mean() - expected) <= Z * errors.std(ddof=1) / size**0.5


def test_what_is_left_in_heads_that_are_diagonal_and_what_predictions_never_see():
    rng = np.random.default_rng(3)
    mixed = rng.normal(size=(4, 4))
    eye = np.eye(4)
    found = leftovers(np.einsum("ij,kl,ik->ijkl", eye, eye, mixed)[None], in_pairs=False)
    assert found.energy == found.visible_energy == 0
    off = np.linalg.norm(mixed - np.diag(np.diag(mixed))) / np.linalg.norm(mixed)
    np.testing.assert_allclose(found.defect, off, rtol=1e3 * EPS)
    np.testing.assert_allclose(found.mixing[0], np.abs(mixed) / np.abs(mixed).max(), rtol=1e3 * EPS)
    hidden = rng.normal(size=(4,) * 4)
    hidden -= np.swapaxes(hidden, 1, 3)
    both = leftovers(np.einsum("ij,kl,ik->ijkl", eye, eye, eye)[None] + hidden, in_pairs=False)
    assert both.energy > 0.1
    assert both.visible_energy < 1e3 * EPS


def test_partners_that_mix_are_no_defect_on_pairs():
    blocks = np.kron(np.eye(2), np.ones((2, 2)))
    tensor = np.einsum("ij,kl,ik->ijkl", np.eye(4), np.eye(4), blocks)[None]
    assert leftovers(tensor, in_pairs=True).defect == 0
    np.testing.assert_allclose(leftovers(tensor, in_pairs=False).defect, 0.5**0.5)


def test_pairs_are_read_by_the_number_of_heads():
    """Four coordinates; of two seeds only the second arrives, and with three heads none does."""
    heads, shape = (1, 2, 3, 4, 6), (2, 5)
    losses = np.where(np.array([False, True])[:, None] & (np.array(heads) != 3), 0.0, 1.0)
    ratio = np.broadcast_to(np.array([0.0, -0.4, -0.5, 0.1, 0.2]), shape)
    of = Dense(losses[:, None], np.arange(1), ratio, *np.zeros((3, *shape)), *np.zeros((2, *shape, 4, 4)))
    haar = HaarLosses(np.array([[0.6, 0.6], [0.5, 0.5]]), np.array(0.5))
    read = readings(Summary(heads, 4, dict.fromkeys(LAWS, of), (1, 4), haar))
    np.testing.assert_array_equal(np.ma.getmaskarray(read["ratio"]).ravel(), [True, False])
    np.testing.assert_allclose(np.ma.compressed(read["ratio"]), [0.1])
    assert np.ma.getmaskarray(read["ratio-more"]).all()
    np.testing.assert_allclose(read["haar-one"], 0.2)
    np.testing.assert_allclose(read["haar-many"], 0)
    assert read["zero"] == 0.5
    assert read["pairs-floor"] == 0


def test_a_law_that_was_not_trained_is_masked():
    of = Dense(np.zeros((2, 1, 5)), np.arange(1), *np.zeros((4, 2, 5)), *np.zeros((2, 2, 5, 4, 4)))
    haar = HaarLosses(np.ones((1, 2)), np.array(1.0))
    read = readings(Summary((1, 2, 3, 4, 6), 4, {UNITARY: of}, (1,), haar))
    for claim in ("pairs-floor", "visible-pairs", "ratio", "basis", "undone", "haar-many"):
        assert np.ma.getmaskarray(np.ma.asarray(read[claim])).all()
