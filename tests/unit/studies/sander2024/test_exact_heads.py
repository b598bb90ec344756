"""Diagonal heads of several widths, trained at once on exact losses, and what is read of them."""

import jax
import numpy as np
import pytest

from mesascope.studies.sander2024._shared.exact_heads import DiagonalHeadsCell, Heads
from mesascope.studies.sander2024._shared.exact_heads_readings import arrived, family_errors, read
from mesascope.study.cell import Workspace
from mesascope.training.exact import Descent
from oracles.paired_heads import orthogonal_solution


def train(*all_heads: int):
    cell = DiagonalHeadsCell("orthogonal", 4, all_heads, 5, 0.3, Descent(0.02), num_steps=50, seeds=2)
    with jax.numpy_dtype_promotion("standard"):  # for optax
        arrays = cell.compute(Workspace())
    return arrays, cell.by_heads(arrays)


def test_each_width_is_trained_as_if_it_were_alone():
    together, by_heads = train(3, 1)
    assert by_heads[1].key_query.shape == (2, 1, 4)
    alone = train(1)[1][1]
    assert alone.losses[0, -1] < 0.99 * alone.losses[0, 0]
    for array, of_one in zip(by_heads[1], alone, strict=True):
        np.testing.assert_allclose(array, of_one, rtol=1e-9, atol=1e-11)
    for name in ("key_query", "output_value"):
        assert not together[name][:, 1, 1:].any()


def solution(ratio: float, loss: float) -> Heads:
    """One seed: C the solution of zero loss of this ratio, by as many heads as coordinates, p_T = 2, six states."""
    positions = 2.0 * np.eye(6, k=1) + 2.0 * ratio * np.eye(6)
    positions[4, 1] = 0.1
    a, losses = orthogonal_solution(4, ratio) / 2, np.array([[9.0, 5 * loss]])
    return Heads(a[None], np.eye(4)[None], positions[None], losses, np.array([0, 1]))


@pytest.mark.parametrize(("ratio", "rank"), [(-0.5, 2), (0.25, 4)])
def test_a_solution_is_read_whatever_the_scale_of_heads_and_positions(ratio, rank):
    found = read(solution(ratio, 2e-3))
    np.testing.assert_allclose(found.loss, 2e-3)
    np.testing.assert_allclose(found.ratios, ratio)
    np.testing.assert_allclose(found.elsewhere, 0.05)
    np.testing.assert_allclose(found.before, abs(ratio))
    assert found.rank == rank
    np.testing.assert_allclose(family_errors(found), 0, atol=1e-12)
    assert family_errors(read(solution(0.25, 0.0))._replace(mean_ratio=np.array([0.3]))) > 0.01


def test_seeds_that_did_not_arrive_are_masked_and_those_that_diverged_are_not():
    found = read(solution(-0.5, 0.0))._replace(loss=np.array([1e-4, 1e-2, np.nan]))
    values = arrived(np.array([1.0, 2.0, np.nan]), found)
    np.testing.assert_array_equal(values.mask, [False, True, False])
