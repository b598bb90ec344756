"""The products agree with `@`: values, derivatives of both modes and of second order, one side shared under `vmap`."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.contraction import UNROLL_LIMIT, masked_softmax, matmul, matvec, mixture, scores, stored, stored_gradient

SHAPES = ((2, 0, 3), (3, 1, 2), (2, 5, 3), (2, UNROLL_LIMIT, 1), (1, UNROLL_LIMIT + 1, 2), (0, 2, 3))
SHAPES += ((UNROLL_LIMIT + 1, 2, UNROLL_LIMIT + 1),)
DTYPES = (np.float64, np.complex128)
EPS = np.finfo(np.float64).eps
CHAINED = {"scores": lambda a, b: scores(a, b.T), "mixture": mixture}


def draw(seed, shape, dtype=np.float64):
    rng = np.random.default_rng(seed)
    real, imaginary = rng.standard_normal((2, *shape))
    return real + 1j * imaginary if dtype == np.complex128 else real


def operands(shape, dtype=np.float64, batch=()):
    n, k, m = shape
    return draw(1, (*batch, n, k), dtype), draw(2, (*batch, k, m), dtype)


def assert_same(actual, expected, scale):
    """Equal up to the rounding of `scale`, the size of the sums of absolute values behind the entries."""
    for ours, theirs in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e3 * EPS * scale)


def loss(product):
    """A real function of a product, not quadratic, so that its second derivatives are not constant."""

    def value(a, b):
        c = product(a, b)
        return jnp.sum(jnp.cos(c.real) + c.real * jnp.sin(c.imag + 1.0))

    return value


def gradients(product):
    return jax.grad(loss(product), argnums=(0, 1))


def everything(product, a, b, directions):
    """The product c, in forward mode its derivative along `directions`, in reverse mode that of the sum of c^2 / 2."""
    value, pull_back = jax.vjp(product, a, b)
    return value, jax.jvp(product, (a, b), directions)[1], pull_back(value)


def expected(a, b, directions):
    """The same by numpy; JAX's derivatives of complex functions are not conjugated."""
    da, db = directions
    value = a @ b
    return value, da @ b + a @ db, (value @ b.T, a.T @ value)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_derivatives_of_all_shapes(dtype):
    cases = [(*operands(shape, dtype), operands(shape, dtype)) for shape in SHAPES]
    found = jax.jit(lambda cases: [everything(matmul, *case) for case in cases])(cases)
    assert_same(found, [expected(*case) for case in cases], (1 + UNROLL_LIMIT) ** 2)


@pytest.mark.parametrize("name", CHAINED)
def test_values_and_derivatives_of_chained_products(name):
    case = (*operands((3, 4, 2)), operands((3, 4, 2)))
    assert_same(jax.jit(partial(everything, CHAINED[name]))(*case), expected(*case), 100)


def test_the_matrix_vector_product_is_a_product_of_one_column():
    a, b = operands((3, 4, 1), np.complex128)
    assert_same(jax.jit(matvec)(a, b[:, 0]), (a @ b)[:, 0], 10)


@pytest.mark.parametrize("k", [3, UNROLL_LIMIT + 1])
def test_derivatives_of_both_modes_are_the_finite_difference(k):
    """Central differences: error h^2 |f'''| / 6 + eps |f| / h, least near h = eps^(1/3), at eps^(2/3)."""
    at = operands((2, k, 2))
    along = draw(4, at[0].shape), draw(5, at[1].shape)
    step = EPS ** (1 / 3)
    third = np.sum(sum(np.abs(a) @ np.abs(b) for a, b in ((at[0], along[1]), (along[0], at[1]), along)) ** 3)

    @jax.jit
    def differences(product_at):
        value = loss(matmul)
        ends = [value(*(x + sign * step * d for x, d in zip(product_at, along, strict=True))) for sign in (1, -1)]
        backward = sum(jnp.sum(g * d) for g, d in zip(gradients(matmul)(*product_at), along, strict=True))
        return (ends[0] - ends[1]) / (2 * step), backward, jax.jvp(value, product_at, along)[1]

    difference, *slopes = differences(at)
    np.testing.assert_allclose(slopes, difference, rtol=0, atol=10 * EPS ** (2 / 3) * third)


@pytest.mark.parametrize("k", [3, UNROLL_LIMIT + 1])
def test_second_derivatives_in_every_order_of_modes(k):
    at = operands((1, k, 2) if k > UNROLL_LIMIT else (2, k, 2))
    modes = [(outer, inner) for outer in (jax.jacfwd, jax.jacrev) for inner in (jax.jacfwd, jax.jacrev)]

    def hessian(product, outer, inner):
        return outer(inner(loss(product), (0, 1)), (0, 1))

    found = jax.jit(lambda a, b: [hessian(matmul, *each)(a, b) for each in modes])(*at)
    expected = jax.jit(hessian(jnp.matmul, *modes[1]))(*at)  # JAX's own is the same in every order
    assert_same(found, [expected] * len(modes), 100 * (1 + k) ** 3)


def test_third_derivative_along_a_line():
    """Reverse mode three times over."""
    a, b = operands((2, 3, 2))

    def third(product):
        along = jax.grad(jax.grad(jax.grad(lambda t: loss(product)(a + t * a, b - t * b))))
        return jax.jit(along)(jnp.float64(0.1))

    assert_same(third(matmul), third(jnp.matmul), 1e4)


@pytest.mark.parametrize("k", [3, UNROLL_LIMIT + 1])
def test_under_vmap(k):
    """A side shared by the batch receives the sum of its gradients."""
    a, b = operands((2, k, 3), batch=(5,))
    axes = [(None, 0), (0, None), (0, 0)]
    cases = [tuple(side if axis == 0 else side[0] for side, axis in zip((a, b), each, strict=True)) for each in axes]
    products = [jax.vmap(matmul, each) for each in axes]
    vmapped = jax.jit(lambda cases: [everything(each, *case, case) for each, case in zip(products, cases, strict=True)])
    found = vmapped(cases)
    for case, (value, along, (by_a, by_b)) in zip(cases, found, strict=True):
        whole = np.broadcast_to(case[0], a.shape), np.broadcast_to(case[1], b.shape)
        one_by_one = [expected(*each, each) for each in zip(*whole, strict=True)]
        assert_same(
            (value, along), jax.tree.map(lambda *leaves: np.stack(leaves), *[x[:2] for x in one_by_one]), 10 * k
        )
        sums = jax.tree.map(lambda *leaves: np.stack(leaves), *[each[2] for each in one_by_one])
        for side, ours, theirs in zip(case, (by_a, by_b), sums, strict=True):
            assert_same(ours, theirs if side.ndim == 3 else theirs.sum(axis=0), 100 * k)


def test_no_product_is_left_for_a_dot_below_the_limit():
    """In the values and in the gradients: this is what the function is for."""

    def has_dot(k):
        gradient = jax.vmap(jax.grad(loss(matmul), argnums=(0, 1)))
        return "dot_general" in str(jax.make_jaxpr(gradient)(*operands((4, k, 3), batch=(2,))))

    assert not has_dot(5)
    assert not has_dot(UNROLL_LIMIT)
    assert has_dot(UNROLL_LIMIT + 1)


def test_the_links_of_a_chain_and_their_gradients_are_dots():
    def dots(name, argnums):
        gradient = jax.grad(loss(CHAINED[name]), argnums)
        return str(jax.make_jaxpr(gradient)(*operands((4, 5, 3)))).count("dot_general")

    assert dots("scores", 0) == 2  # the product itself, and the gradient of the link
    assert dots("scores", 1) == 1
    assert dots("mixture", 0) == 1
    assert dots("mixture", 1) == 0


@pytest.mark.parametrize("identity", [stored, stored_gradient])
def test_storing_changes_nothing(identity):
    x = draw(1, (3, 4))
    sines = lambda x: jnp.sum(jnp.sin(identity(x)))  # noqa: E731
    same, *gradients = jax.jit(lambda x: (identity(x), jax.grad(sines)(x), jax.jacfwd(sines)(x)))(x)
    np.testing.assert_array_equal(same, x)
    for found in gradients:
        np.testing.assert_allclose(found, np.cos(x), rtol=0, atol=1e-14)


def test_masked_softmax_is_the_softmax_of_what_is_seen_with_its_derivatives():
    """Two of the largest are equal; what is not seen is larger than all."""
    logits = jnp.array([0.5, 2.0, 2.0, -1.0, 9.0, np.nan])
    seen, few = jnp.arange(6) < 4, logits[:4]
    ours, theirs = jax.jit(lambda all_, some: (masked_softmax(all_, seen), jax.nn.softmax(some)))(logits, few)
    np.testing.assert_allclose(ours, np.append(theirs, [0, 0]), rtol=0, atol=1e-15)
    by_logits = jax.jit(jax.jacrev(lambda all_: masked_softmax(all_, seen)))(logits.at[5].set(0.0))
    np.testing.assert_allclose(by_logits[:4, :4], jax.jit(jax.jacrev(jax.nn.softmax))(few), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(masked_softmax(logits, jnp.zeros(6, bool)), np.zeros(6))
