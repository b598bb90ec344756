"""The loss of dense heads against simulated sequences, diagonal heads and other bases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import optimize

from mesascope.models.diagonal_heads import DenseHeads
from mesascope.models.position_weights import LearnedWeights
from mesascope.prompt import Sequence
from mesascope.theory.dense_heads import dense_losses, mixing_tensor, monomials, visible_tensor
from mesascope.theory.diagonal_heads import orthogonal_losses, unitary_losses

Z = 5  # every statistical comparison: fixed seed, five standard errors
EPS = np.finfo(np.float64).eps
DIAGONAL = {"unitary": unitary_losses, "orthogonal": orthogonal_losses}
losses_of = jax.jit(dense_losses, static_argnames="law")
mixing_of = jax.jit(mixing_tensor)


def drawn(dim, num_heads, num_states):
    """Heads, their mixing tensor and the weights that losses are about."""
    rng = np.random.default_rng(dim)
    heads = rng.normal(0, 0.4, (2, num_heads, dim, dim))
    positions = rng.normal(0, 0.4, (num_states, num_states))
    model = DenseHeads(*jax.device_put((*heads, LearnedWeights(jax.device_put(positions)))))
    return model, mixing_of(*heads), positions[: num_states - 2, : num_states - 1]


def sequences_of(law, dim, num_states, num_sequences=40_000):
    """Powers of phases, by pairs of opposite ones where the law is orthogonal, from a state of ones."""
    angles = np.random.default_rng(3).uniform(0, 2 * np.pi, (num_sequences, dim))
    if law == "orthogonal":
        angles[:, 1::2] = -angles[:, ::2]
    return jax.vmap(Sequence)(jax.device_put(np.exp(1j * angles[:, None, :] * np.arange(num_states)[None, :, None])))


@jax.jit
def errors_of(model, sequences):
    return jax.vmap(model.next_states)(sequences)[:, 1:-1] - sequences.states[:, 2:]


@pytest.mark.parametrize("law", DIAGONAL)
@pytest.mark.parametrize(("dim", "num_states"), [(2, 6), (4, 5)])
def test_the_loss_is_the_mean_over_sequences(law, dim, num_states):
    model, mixing, weights = drawn(dim, 3, num_states)
    errors = np.sum(np.abs(np.asarray(errors_of(model, sequences_of(law, dim, num_states)))) ** 2, axis=-1)
    deviation = errors.mean(axis=0) - np.asarray(losses_of(law, mixing, weights))
    assert (np.abs(deviation) <= Z * errors.std(axis=0, ddof=1) / np.sqrt(len(errors))).all()


@pytest.mark.parametrize("law", DIAGONAL)
def test_diagonal_heads_are_a_case_of_it(law):
    rng = np.random.default_rng(1)
    a, b, weights = (rng.normal(size=shape) for shape in ((2, 4), (2, 4), (5, 6)))
    mixing = mixing_of(*(each[..., None] * np.eye(4) for each in (a, b)))
    expected = jax.jit(DIAGONAL[law])(b.T @ a, weights)
    np.testing.assert_allclose(losses_of(law, mixing, weights), expected, rtol=1e3 * EPS)


@pytest.mark.parametrize("law", DIAGONAL)
def test_only_the_visible_part_counts(law):
    _, mixing, weights = drawn(4, 3, 5)
    visible = jax.jit(visible_tensor)(mixing)
    assert np.abs(np.asarray(visible) - np.asarray(mixing)).max() > 0.1
    np.testing.assert_allclose(losses_of(law, visible, weights), losses_of(law, mixing, weights), rtol=1e3 * EPS)


def test_exchanging_partners_and_looking_at_the_second_state_only_has_no_loss():
    """s_2^2 s_{T-1} = s_{T+1} where s_1 is ones: a solution on pairs that diagonal heads have not."""
    dim, partner = 4, np.arange(4) ^ 1
    mixing = np.zeros((dim,) * 4)
    mixing[np.arange(dim), np.arange(dim), partner, np.arange(dim)] = 1.0
    weights = np.zeros((5, 6))
    weights[:, 1] = 1.0
    np.testing.assert_allclose(losses_of("orthogonal", mixing, weights), 0, atol=1e3 * EPS)
    assert (np.asarray(losses_of("unitary", mixing, weights))[1:] > 1).all()
    assert np.linalg.matrix_rank(mixing.reshape(dim**2, -1)) == dim


def test_the_gradient_is_that_of_finite_differences():
    model, _, weights = drawn(4, 3, 5)

    @jax.jit
    def total(a, b, p):
        return dense_losses("orthogonal", mixing_tensor(a, b), p).sum()

    check_grads(total, (model.key_query, model.output_value, weights), 1, modes=["rev"])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: monomials("other", 4, 1), "`law` must be unitary or orthogonal; got 'other'"),
    (lambda: monomials("orthogonal", 3, 1), "`dim` must have an even dimension"),
    (lambda: monomials("unitary", 3, 0), "`num_queries` must be an integer of at least 1"),
])  # fmt: skip
def test_what_has_no_loss_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("num_heads", "floor"), [(1, 1.0), (2, 0.0)])
def test_free_heads_on_unitary_dynamics_lose_one_a_coordinate_they_lack(num_heads, floor):
    """d - H at d = 2 from T = 3 on: the best of ten starts of a free optimiser, within 1e-6. (T = 2 may lose less.)"""
    dim, rows, columns = 2, 3, 4
    sizes = [num_heads * dim**2] * 2 + [rows * columns]

    @jax.jit
    @jax.value_and_grad
    def mean_loss(flat):
        a, b, weights = jnp.split(flat, np.cumsum(sizes)[:-1])
        heads = (each.reshape(num_heads, dim, dim) for each in (a, b))
        return dense_losses("unitary", mixing_tensor(*heads), weights.reshape(rows, columns))[1:].mean()

    rng = np.random.default_rng(0)
    found = [
        optimize.minimize(
            mean_loss,
            rng.normal(0, 0.5, sum(sizes)),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 3000, "ftol": 1e-14},
        ).fun
        for _ in range(10)
    ]
    assert min(found) == pytest.approx(floor, abs=1e-6)
