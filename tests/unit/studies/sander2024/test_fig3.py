"""What figure 3 of Sander et al. reads of layers set by hand."""

import numpy as np
import pytest

from mesascope.studies.sander2024._shared.exact_heads import Heads
from mesascope.studies.sander2024.fig3_orthogonal import Figure3Orthogonal
from mesascope.studies.sander2024.fig3_unitary import Figure3Unitary, Summary
from oracles.paired_heads import orthogonal_solution


def heads(mixing, before, losses):
    """A seed a loss [seeds]: B^T A = `mixing`, P with 1 / 2 for the newest of five states and `before` for the next."""
    seeds = len(losses)
    weights = 0.5 * np.eye(5, k=1) + before * np.eye(5)
    whole = np.stack([4 * np.asarray(losses)] * 2, axis=1)  # over four positions, after no step and one
    stack = (np.stack([each] * seeds) for each in (mixing, np.eye(len(mixing)), weights))
    return Heads(*stack, whole, np.arange(2))


def test_what_is_read_on_unitary_dynamics():
    """p_T C has 1.25 on its diagonal and 0.5 beside it; of a scan over one and two heads of four the worse counts."""
    mixing = 2.5 * np.eye(4)
    mixing[0, 1] = 1.0
    scan = {1: heads(mixing, 0.0, [3.0, 3.3]), 2: heads(mixing, 0.0, [2.0, 2.1]), 4: heads(mixing, 0.0, [0.5, 0.0])}
    read = Figure3Unitary.preset("smoke", scan_heads=(1, 2, 4)).readings(
        Summary(heads(mixing, -0.05, [0.3, 0.4]), scan)
    )
    np.testing.assert_allclose(read["zero"], [0.3, 0.4])
    np.testing.assert_allclose(read["orthogonal"], [0.5, 0.5])
    np.testing.assert_allclose(read["identity"], [0.25, 0.25])
    np.testing.assert_allclose(read["newest"], [0.1, 0.1])
    np.testing.assert_allclose(read["floor"], [0.0, 0.1], atol=1e-12)
    np.testing.assert_allclose(read["loss per position, 4 heads"], [0.5, 0.0])


@pytest.fixture
def orthogonal():
    """Four coordinates: one of four seeds arrives with half as many heads, three with three."""
    pairs, paired = 2 * orthogonal_solution(4, -0.5), 2 * orthogonal_solution(4, 0.25)
    return {
        1: heads(pairs, 0.0, [2.2, 2.9, 2.02, 3.0]),
        2: heads(pairs, -0.25, [0.0, 0.4, 0.4, 0.4]),
        3: heads(pairs, -0.2, [0.0, 0.0, 5.0, 1e-4]),
        4: heads(paired, 0.125, [0.0, 0.0, 0.0, 0.0]),
    }


def test_what_is_read_on_orthogonal_dynamics(orthogonal):
    read = Figure3Orthogonal.preset("smoke", seeds=4).readings(orthogonal)
    assert (read["zero"], read["half"]) == (0.75, 0.25)
    assert read["floor"] == pytest.approx(0.01)
    np.testing.assert_array_equal(read["ratio"].mask, [False, False, True, False])
    np.testing.assert_allclose(read["ratio"].compressed(), 0.1)
    np.testing.assert_allclose(read["two"].compressed(), 0.0)
    np.testing.assert_array_equal(read["rank"].compressed(), 0)
    np.testing.assert_allclose(read["family"], 0.0, atol=1e-12)


def test_a_seed_that_diverged_leaves_no_share(orthogonal):
    diverged = orthogonal[2]._replace(losses=np.full((4, 2), np.nan))
    assert np.isnan(Figure3Orthogonal.preset("smoke", seeds=4).readings(orthogonal | {2: diverged})["half"])
