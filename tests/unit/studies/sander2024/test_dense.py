"""What is left in dense heads of diagonal ones, how training starts, and the numbers of the claims."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.studies.sander2024.dense.cells import LAWS, PAIRS, UNITARY, Dense, DenseCell
from mesascope.studies.sander2024.dense.haar import HaarLosses
from mesascope.studies.sander2024.dense.readings import Summary, readings
from mesascope.studies.sander2024.dense.tensors import leftovers
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses
from mesascope.training.exact import Descent

EPS = np.finfo(np.float64).eps


@pytest.mark.parametrize(("law", "losses_of"), [(UNITARY, unitary_losses), (PAIRS, orthogonal_losses)])
def test_a_law_s_losses_are_its_own_from_the_third_state_on(law, losses_of):
    """Of heads whose matrices are diagonal, those of diagonal heads."""
    cell = DenseCell(law, (2, 3), 4, 5, 0.4, Descent(), 1, 1, 0)

    @jax.jit
    def both(key):
        models = [
            jax.tree.map(lambda leaf: leaf * np.eye(4)[None] if leaf.ndim == 3 else leaf, model)
            for model in cell.start(key)
        ]
        diagonals = [[jnp.einsum("hii->hi", each) for each in (m.key_query, m.output_value)] for m in models]
        weights = [model.positions.matrix(5)[:-1] for model in models]
        alone = [losses_of(b.T @ a, rows)[1:].mean() for (a, b), rows in zip(diagonals, weights, strict=True)]
        return cell.losses(tuple(models)), alone

    found, expected = both(jax.random.key(0))
    np.testing.assert_allclose(found, expected, rtol=1e3 * EPS)


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


@pytest.fixture
def summary():
    """Four coordinates and two seeds, of which the second does not arrive with six heads on independent phases."""
    heads, shape = (1, 2, 3, 4, 6), (2, 5)
    of_unitary = np.array([[3.0, 2, 1, 0, 0], [3.03, 2.2, 1, 1e-4, 0.5]])
    of_pairs = np.array([[2.0, 0.5, 0.3, 1e-5, 0], [2.4, 0, 0.3, 2e-4, 0]])

    def dense(losses, visible):
        energy, defect, ratio = (np.broadcast_to(number, shape) for number in (0.2, 0.3, -0.4))
        return Dense(losses[:, None], np.arange(1), ratio, energy, visible, defect, *np.zeros((2, *shape, 4, 4)))

    visible = np.arange(10.0).reshape(shape)
    trained = {
        UNITARY: dense(of_unitary, visible),
        PAIRS: dense(of_pairs, np.where(np.arange(5) == 3, [[0.6], [0.4]], 9.0)),
    }
    return Summary(heads, 4, trained, HaarLosses(np.array([0.6, 0.5]), np.array(0.5)))


def test_the_numbers_of_the_claims(summary):
    read = readings(summary)
    np.testing.assert_allclose(read["zero"].ravel(), [1e-5, 2e-4])
    np.testing.assert_allclose(read["floor"], [0.0, 0.1])
    np.testing.assert_allclose(read["energy"].ravel(), 0.2)
    np.testing.assert_allclose(read["defect"].ravel(), 0.3)
    np.testing.assert_array_equal(read["visible"].mask.ravel(), [False, True])
    np.testing.assert_array_equal(read["visible"].compressed(), [4])
    assert read["pairs-dense"] == 0.5
    assert read["pairs-floor"] == 1.0
    np.testing.assert_allclose(read["haar-one"], [0.2, 0.0], atol=1e-12)
    np.testing.assert_array_equal(read["loss per position, conjugate pairs, 2 heads"], [0.5, 0.0])


def test_no_share_where_a_seed_diverged(summary):
    lost = summary.trained[PAIRS]._replace(losses=np.full((2, 1, 5), np.nan))
    assert np.isnan(readings(summary._replace(trained={**summary.trained, PAIRS: lost}))["pairs-dense"])
    assert set(summary.trained) == set(LAWS)
