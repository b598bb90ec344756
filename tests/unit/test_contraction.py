"""The products agree with `@`: values, gradients, second derivatives, and with one side shared under `vmap`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.contraction import UNROLL_LIMIT, matmul, matvec, mixture, scores, stored, stored_gradient

SHAPES = ((2, 0, 3), (3, 1, 2), (1, 5, 1), (4, UNROLL_LIMIT, 3), (2, UNROLL_LIMIT + 1, 4), (0, 2, 3))
DTYPES = (np.float64, np.complex128)


def draw(seed, shape, dtype=np.float64):
    rng = np.random.default_rng(seed)
    real, imaginary = rng.standard_normal((2, *shape))
    return jnp.asarray((real + 1j * imaginary).astype(dtype) if dtype == np.complex128 else real)


def operands(shape, dtype=np.float64, batch=()):
    n, k, m = shape
    return draw(1, (*batch, n, k), dtype), draw(2, (*batch, k, m), dtype)


def assert_same(actual, expected, scale):
    """Equal up to the rounding of `scale`, the size of the sums of absolute values behind the entries."""
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e3 * np.finfo(np.float64).eps * scale)


def loss(product):
    """A real function of a product, not quadratic, so that its second derivatives are not constant."""

    def value(a, b):
        c = product(a, b)
        return jnp.sum(jnp.cos(c.real) + c.real * jnp.sin(c.imag + 1.0))

    return value


def gradients(product):
    return jax.jit(jax.grad(loss(product), argnums=(0, 1)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_values(shape, dtype):
    a, b = operands(shape, dtype)
    scale = 1 + np.max(np.abs(a) @ np.abs(b), initial=0)
    assert_same(jax.jit(matmul)(a, b), a @ b, scale)
    x = draw(3, shape[1:2], dtype)
    assert_same(jax.jit(matvec)(a, x), a @ x, 1 + np.max(np.abs(a) @ np.abs(x), initial=0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients(shape, dtype):
    a, b = operands(shape, dtype)
    scale = 10 * (1 + shape[1]) ** 2
    actual = gradients(matmul)(a, b)
    expected = gradients(jnp.matmul)(a, b)
    jax.tree.map(lambda left, right: assert_same(left, right, scale), actual, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_of_the_matrix_vector_product(dtype):
    a, x = draw(1, (3, 4), dtype), draw(2, (4,), dtype)
    actual = gradients(matvec)(a, x)
    expected = gradients(jnp.matmul)(a, x)
    jax.tree.map(lambda left, right: assert_same(left, right, 100), actual, expected)


@pytest.mark.parametrize("k", [3, UNROLL_LIMIT + 1])
def test_gradient_is_the_finite_difference(k):
    """Central differences: error h^2 |f'''| / 6 + eps |f| / h, least near h = eps^(1/3), at eps^(2/3)."""
    a, b = operands((2, k, 2))
    da, db = draw(4, a.shape), draw(5, b.shape)
    gradient_a, gradient_b = gradients(matmul)(a, b)
    slope = jnp.sum(gradient_a * da) + jnp.sum(gradient_b * db)
    eps = np.finfo(np.float64).eps
    step = eps ** (1 / 3)
    value = jax.jit(loss(matmul))
    along = [value(a + sign * step * da, b + sign * step * db) for sign in (1, -1)]
    third = np.sum((np.abs(a) @ np.abs(db) + np.abs(da) @ np.abs(b) + np.abs(da) @ np.abs(db)) ** 3)
    np.testing.assert_allclose(slope, (along[0] - along[1]) / (2 * step), rtol=0, atol=10 * eps ** (2 / 3) * third)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shared", [(None, 0), (0, None), (0, 0)])
@pytest.mark.parametrize("k", [3, UNROLL_LIMIT + 1])
def test_under_vmap(shared, k, dtype):
    """A side shared by the batch receives the sum of its gradients."""
    a, b = operands((2, k, 3), dtype, batch=(5,))
    a, b = (side if axis == 0 else side[0] for side, axis in zip((a, b), shared, strict=True))
    mapped, reference = (jax.jit(jax.vmap(product, shared)) for product in (matmul, jnp.matmul))
    assert_same(mapped(a, b), reference(a, b), 10 * k)
    actual = gradients(mapped)(a, b)
    expected = gradients(reference)(a, b)
    jax.tree.map(lambda left, right: assert_same(left, right, 100 * k**2), actual, expected)


@pytest.mark.parametrize("shared", [(None, 0), (0, None)])
def test_matrix_vector_product_under_vmap(shared):
    a, x = draw(1, (5, 2, 3)), draw(2, (5, 3))
    a, x = (side if axis == 0 else side[0] for side, axis in zip((a, x), shared, strict=True))
    assert_same(jax.jit(jax.vmap(matvec, shared))(a, x), jax.vmap(jnp.matmul, shared)(a, x), 10)


@pytest.mark.parametrize("shape", [(2, 1, 2), (2, 3, 2), (1, UNROLL_LIMIT + 1, 2)])
def test_second_derivatives(shape):
    """Reverse over reverse: the gradient of the gradient's product with fixed directions."""
    a, b = operands(shape)
    directions = draw(4, a.shape), draw(5, b.shape)

    def hessian_product(product):
        def slope(*at):
            both = gradients(product)(*at)
            return sum(jnp.sum(g * d) for g, d in zip(both, directions, strict=True))

        return jax.jit(jax.grad(slope, argnums=(0, 1)))(a, b)

    scale = 100 * (1 + shape[1]) ** 3
    jax.tree.map(
        lambda left, right: assert_same(left, right, scale), hessian_product(matmul), hessian_product(jnp.matmul)
    )


def test_third_derivative_along_a_line():
    """Reverse mode three times over."""
    a, b = operands((2, 3, 2))

    def third(product):
        along = jax.grad(jax.grad(jax.grad(lambda t: loss(product)(a + t * a, b - t * b))))
        return jax.jit(along)(jnp.float64(0.1))

    assert_same(third(matmul), third(jnp.matmul), 1e4)


def test_forward_mode_is_refused():
    a, b = operands((2, 3, 2))
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(matmul, (a, b), (a, b))


def test_no_product_is_left_for_a_dot_below_the_limit():
    """In the values and in the gradients: this is what the function is for."""

    def has_dot(k):
        gradient = jax.vmap(jax.grad(loss(matmul), argnums=(0, 1)))
        return "dot_general" in str(jax.make_jaxpr(gradient)(*operands((4, k, 3), batch=(2,))))

    assert not has_dot(5)
    assert not has_dot(UNROLL_LIMIT)
    assert has_dot(UNROLL_LIMIT + 1)


CHAINED = {"scores": (scores, lambda a, b: a @ b.T), "mixture": (mixture, lambda a, b: a @ b)}


@pytest.mark.parametrize("name", CHAINED)
def test_a_chained_product_and_its_derivatives_are_the_plain_one_s(name, key):
    ours, plain = CHAINED[name]
    a, b = jax.random.normal(key, (2, 6, 6))
    weights = jnp.arange(36.0).reshape(6, 6)

    def loss(product):
        return lambda a, b: jnp.sum(jnp.sin(product(a, b)) * weights)

    for our_gradient, gradient in zip(
        jax.grad(loss(ours), (0, 1))(a, b), jax.grad(loss(plain), (0, 1))(a, b), strict=True
    ):
        np.testing.assert_allclose(our_gradient, gradient, rtol=0, atol=1e3 * np.finfo(float).eps * 36 * 6)
    np.testing.assert_allclose(ours(a, b), plain(a, b), rtol=0, atol=1e-12)


@pytest.mark.parametrize("identity", [stored, stored_gradient])
def test_storing_changes_nothing(identity, key):
    x = jax.random.normal(key, (3, 4))
    assert bool((identity(x) == x).all())
    found = jax.grad(lambda x: jnp.sum(jnp.sin(identity(x))))(x)
    np.testing.assert_allclose(found, jnp.cos(x), rtol=0, atol=1e-14)
