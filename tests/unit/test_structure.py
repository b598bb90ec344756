"""The distance of weights to a construction, against matrices whose distance is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.attention import LinearSelfAttention
from mesascope.probes.structure import diagonal_structure, distance_to_span, fix_gauge, identity_blocks

EPS = np.finfo(np.float64).eps
SIZES = [(1, 1), (4, 1), (2, 3)]

distance = jax.jit(distance_to_span)


@pytest.mark.parametrize(("dim_x", "dim_y"), SIZES)
def test_the_blocks_are_the_identity_in_two_parts(dim_x, dim_y):
    blocks = np.asarray(identity_blocks(dim_x, dim_y))
    np.testing.assert_array_equal(blocks.sum(axis=0), np.eye(dim_x + dim_y))
    assert [np.trace(block) for block in blocks] == [dim_x, dim_y]


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0)])
def test_empty_blocks_are_refused(sizes):
    with pytest.raises(ValueError, match="must be an integer of at least 1"):
        identity_blocks(*sizes)


@pytest.mark.parametrize(("dim_x", "dim_y"), SIZES)
def test_of_a_construction_both_distances_are_zero(dim_x, dim_y):
    """And its products are orthogonal to each other's family."""
    (layer,) = GradientDescentConstruction(0.7, num_examples=6, dim_x=dim_x, dim_y=dim_y).build().layers
    on_x, on_y = np.split(np.asarray(identity_blocks(dim_x, dim_y)), 2)
    for product, family, other in ((layer.key_query[0], on_x, on_y), (layer.output_value[0], on_y, on_x)):
        np.testing.assert_allclose(distance(product, family), 0, atol=1e3 * EPS)
        np.testing.assert_allclose(distance(product, other), 1, rtol=1e3 * EPS)


@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_the_distance_is_that_of_least_squares(num_members, masked):
    """Against numpy's least squares on the entries counted, for a matrix far from the family."""
    rng = np.random.default_rng(0)
    product, family = rng.normal(size=(5, 5)), np.asarray(identity_blocks(3, 2))[:num_members]
    counted = np.eye(5, dtype=bool) | (rng.uniform(size=(5, 5)) < 0.6) if masked else np.ones((5, 5), bool)
    design = family[:, counted].T
    rest = product[counted] - design @ np.linalg.lstsq(design, product[counted], rcond=None)[0]
    expected = np.linalg.norm(rest) / np.linalg.norm(product[counted])
    measured = distance(product, family, counted) if masked else distance(product, family)
    np.testing.assert_allclose(measured, expected, rtol=1e3 * EPS)


def test_a_distance_worked_out_by_hand():
    """Of diag(3, 3, 1) with a 2 beside, of norm sqrt(23), GD++ leaves 2 and gradient descent sqrt(22)."""
    product = np.array([[3.0, 2.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
    blocks = np.asarray(identity_blocks(2, 1))
    np.testing.assert_allclose(distance(product, blocks), 2 / np.sqrt(23), rtol=1e3 * EPS)
    np.testing.assert_allclose(distance(product, blocks[1:]), np.sqrt(22 / 23), rtol=1e3 * EPS)
    lower = np.tri(3, dtype=bool)
    np.testing.assert_allclose(distance(product, blocks, lower), 0, atol=1e3 * EPS)


def test_a_member_with_no_entry_counted_explains_nothing():
    """Were its coefficient 0 / 0, the distance would be nan."""
    last_row = np.array([[False, False], [True, True]])
    blocks = np.asarray(identity_blocks(1, 1))
    np.testing.assert_allclose(distance(np.array([[5.0, 5.0], [3.0, 4.0]]), blocks, last_row), 0.6, rtol=1e3 * EPS)


def test_nothing_has_no_distance():
    assert np.isnan(distance(np.zeros((2, 2)), np.asarray(identity_blocks(1, 1))))


def test_the_gauge_changes_neither_the_map_nor_a_distance():
    layer = LinearSelfAttention.initialise(5, num_heads=3, init_scale=1.0, key=jax.random.key(7))
    products = layer.key_query, layer.output_value
    fixed = jax.vmap(lambda *both: fix_gauge(*both, 3))(*products)
    np.testing.assert_allclose(jnp.diagonal(fixed[0], axis1=1, axis2=2)[:, :3].mean(axis=1), 1, rtol=1e3 * EPS)
    blocks = identity_blocks(3, 2)
    for before, after in zip(products, fixed, strict=True):
        distances = [jax.vmap(lambda head: distance(head, blocks))(heads) for heads in (before, after)]
        np.testing.assert_allclose(*distances, rtol=1e3 * EPS)
    identity = jnp.broadcast_to(jnp.eye(5), (3, 5, 5))
    same = LinearSelfAttention(identity, fixed[0], fixed[1], identity)
    context, tokens = jax.random.normal(jax.random.key(0), (2, 4, 5))
    before, after = (jax.jit(type(layer).__call__)(each, context, tokens) for each in (layer, same))
    assert float(jnp.abs(before).max()) > 0.1
    np.testing.assert_allclose(after, before, rtol=0, atol=1e3 * EPS * 5**4)  # four sums of five terms of order one


def test_the_gauge_turns_a_negative_diagonal_round():
    key_query, output_value = fix_gauge(-2.0 * jnp.eye(3), jnp.diag(jnp.array([0.5, 0.5, 2.0])), 2)
    np.testing.assert_array_equal(key_query, np.eye(3))
    np.testing.assert_array_equal(output_value, np.diag([-1.0, -1.0, -4.0]))


def test_the_structure_of_a_matrix_read_by_hand():
    product = jnp.array([[1.0, -0.5, 0.2], [0.1, 3.0, 0.0], [7.0, 0.3, -4.0]])
    assert [float(each) for each in diagonal_structure(product, 2)] == [2.0, -4.0, 1.0, 7.0]
    first_rows = jnp.broadcast_to(jnp.array([True, True, False])[:, None], (3, 3))
    assert [float(each) for each in diagonal_structure(product, 2, first_rows)] == [2.0, -4.0, 1.0, 0.5]
