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
blocks_of = jax.jit(identity_blocks, static_argnums=(0, 1))


@pytest.mark.parametrize(("dim_x", "dim_y"), SIZES)
def test_the_blocks_are_the_identity_in_two_parts(dim_x, dim_y):
    blocks = np.asarray(blocks_of(dim_x, dim_y))
    np.testing.assert_array_equal(blocks.sum(axis=0), np.eye(dim_x + dim_y))
    assert [np.trace(block) for block in blocks] == [dim_x, dim_y]


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0)])
def test_empty_blocks_are_refused(sizes):
    with pytest.raises(ValueError, match="must be an integer of at least 1"):
        identity_blocks(*sizes)


@pytest.mark.parametrize(("dim_x", "dim_y"), SIZES)
def test_of_a_construction_both_distances_are_zero(dim_x, dim_y):
    """And its products are orthogonal to each other's family."""
    construction = GradientDescentConstruction(0.7, num_examples=6, dim_x=dim_x, dim_y=dim_y)
    key_query, output_value = jax.jit(lambda: [products[0, 0] for products in construction.build().products()])()
    on_x, on_y = np.split(np.asarray(blocks_of(dim_x, dim_y)), 2)
    for product, family, other in ((key_query, on_x, on_y), (output_value, on_y, on_x)):
        np.testing.assert_allclose(distance(product, family), 0, atol=1e3 * EPS)
        np.testing.assert_allclose(distance(product, other), 1, rtol=1e3 * EPS)


@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_the_distance_is_that_of_least_squares(num_members, masked):
    """Against numpy's least squares on the entries counted, for a matrix far from the family."""
    rng = np.random.default_rng(0)
    product, family = rng.normal(size=(5, 5)), np.asarray(blocks_of(3, 2))[:num_members]
    counted = np.eye(5, dtype=bool) | (rng.uniform(size=(5, 5)) < 0.6) if masked else np.ones((5, 5), bool)
    design = family[:, counted].T
    rest = product[counted] - design @ np.linalg.lstsq(design, product[counted], rcond=None)[0]
    expected = np.linalg.norm(rest) / np.linalg.norm(product[counted])
    measured = distance(product, family, counted) if masked else distance(product, family)
    np.testing.assert_allclose(measured, expected, rtol=1e3 * EPS)


def test_a_distance_worked_out_by_hand():
    """Of diag(3, 3, 1) with a 2 beside, of norm sqrt(23), GD++ leaves 2 and gradient descent sqrt(22)."""
    product = np.array([[3.0, 2.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
    blocks = np.asarray(blocks_of(2, 1))
    np.testing.assert_allclose(distance(product, blocks), 2 / np.sqrt(23), rtol=1e3 * EPS)
    np.testing.assert_allclose(distance(product, blocks[1:]), np.sqrt(22 / 23), rtol=1e3 * EPS)
    lower = np.tri(3, dtype=bool)
    np.testing.assert_allclose(distance(product, blocks, lower), 0, atol=1e3 * EPS)


def test_a_member_with_no_entry_counted_explains_nothing():
    """Were its coefficient 0 / 0, the distance would be nan."""
    last_row = np.array([[False, False], [True, True]])
    blocks = np.asarray(blocks_of(1, 1))
    np.testing.assert_allclose(distance(np.array([[5.0, 5.0], [3.0, 4.0]]), blocks, last_row), 0.6, rtol=1e3 * EPS)


def test_nothing_has_no_distance():
    assert np.isnan(distance(np.zeros((2, 2)), np.asarray(blocks_of(1, 1))))


def test_the_gauge_changes_neither_the_map_nor_a_distance():
    context, tokens = np.random.default_rng(0).normal(size=(2, 4, 5))

    @jax.jit
    def answers(key, context, tokens):
        layer = LinearSelfAttention.initialise(5, num_heads=3, init_scale=1.0, key=key)
        products = layer.key_query, layer.output_value
        fixed = jax.vmap(lambda *both: fix_gauge(*both, 3))(*products)
        identity = jnp.broadcast_to(jnp.eye(5), (3, 5, 5))
        same = LinearSelfAttention(identity, *fixed, identity)
        return products, fixed, layer(context, tokens), same(context, tokens)

    products, fixed, before, after = jax.tree.map(np.asarray, answers(jax.random.key(7), context, tokens))
    np.testing.assert_allclose(np.diagonal(fixed[0], axis1=1, axis2=2)[:, :3].mean(axis=1), 1, rtol=1e3 * EPS)
    blocks = np.asarray(blocks_of(3, 2))
    for heads in zip(*products, *fixed, strict=True):
        key_query, output_value, fixed_key_query, fixed_output_value = (distance(head, blocks) for head in heads)
        np.testing.assert_allclose(key_query, fixed_key_query, rtol=1e3 * EPS)
        np.testing.assert_allclose(output_value, fixed_output_value, rtol=1e3 * EPS)
    assert np.abs(before).max() > 0.1
    np.testing.assert_allclose(after, before, rtol=0, atol=1e3 * EPS * 5**4)  # four sums of five terms of order one


def test_the_gauge_turns_a_negative_diagonal_round():
    key_query, output_value = jax.jit(lambda *both: fix_gauge(*both, 2))(-2.0 * np.eye(3), np.diag([0.5, 0.5, 2.0]))
    np.testing.assert_array_equal(key_query, np.eye(3))
    np.testing.assert_array_equal(output_value, np.diag([-1.0, -1.0, -4.0]))


def test_the_structure_of_a_matrix_read_by_hand():
    product = np.array([[1.0, -0.5, 0.2], [0.1, 3.0, 0.0], [7.0, 0.3, -4.0]])
    first_rows = np.broadcast_to(np.array([True, True, False])[:, None], (3, 3))
    whole, part = jax.jit(lambda *read: (diagonal_structure(read[0], 2), diagonal_structure(read[0], 2, read[1])))(
        product, first_rows
    )
    assert [float(each) for each in whole] == [2.0, -4.0, 1.0, 7.0]
    assert [float(each) for each in part] == [2.0, -4.0, 1.0, 0.5]
