"""What the studies of heads rest on: parity, terms, a construction, and rotations in any basis."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mesascope.studies.sander2024.fig5_depth.rivals import RivalsCell, measure_rivals

from mesascope.models.asking import LastAsks, TokenBeforeAsks
from mesascope.models.causal_heads import CausalHeads
from mesascope.models.diagonal_heads import DenseHeads
from mesascope.models.position_weights import SoftmaxWeights
from mesascope.prompt import Sequence
from mesascope.studies.sander2024._shared.terms import least_squares_along
from mesascope.studies.sander2024.dense.cells import DenseCell, eigenbasis, losses_fn
from mesascope.studies.sander2024.dense.readings import (
    LAWS,
    ROTATIONS,
    UNITARY,
    in_words,
    read_tensors,
    read_weights,
    readings,
)
from mesascope.studies.sander2024.fig7_heads.terms import all_terms, fit, linear_terms
from mesascope.study.base import Workspace
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.initial_state import Ones, Sphere
from mesascope.tasks.orthogonal import Rotations
from mesascope.training.exact import Descent

EPS = np.finfo(np.float64).eps
Z = 5


@pytest.mark.parametrize("before", [False, True])
def test_without_biases_the_sign_of_w_is_that_of_the_query(before, key):
    """f(-W) = (-1)^(T-1) f(W) if the last token asks, and the other sign if the one before does."""
    drawn = CausalHeads.initialise(3, num_heads=4, positions=SoftmaxWeights(jnp.ones((6, 6))), key=key)
    layer = CausalHeads(
        drawn.query,
        drawn.key,
        drawn.value,
        drawn.output,
        drawn.positions,
        asking=TokenBeforeAsks() if before else LastAsks(),
    )
    states = HaarProcess(6, 3, Sphere()).sample(jax.random.key(1)).states
    signs = (-1.0) ** np.arange(6)[:, None]
    found, turned = layer(states), layer(signs * states)
    np.testing.assert_allclose(turned, (-signs if before else signs) * found, rtol=0, atol=1e3 * EPS)
    biased = CausalHeads(*(jnp.ones_like(each) for each in (drawn.query, drawn.key, drawn.value, drawn.output)))
    assert np.abs(biased(signs * states) - signs * biased(states)).max() > 0.1


def test_d_plus_1_heads_with_positive_weights_subtract_the_query():
    """One head makes 2 s_T <s_T, s_{T-1}>; each other copies an entry of s_{T-1} through biases: weight on s_T only."""
    dim, unit = 3, np.eye(3)
    ones = np.zeros((dim, dim + 1))
    ones[0, -1] = 1.0  # the entry 1 behind a token
    whole = np.concatenate([unit, np.zeros((dim, 1))], axis=1)
    copies = [np.zeros((dim, dim + 1)) for _ in range(dim)]
    for i, copy in enumerate(copies):
        copy[0, i] = 1.0
    query, key, value = np.stack([whole, *copies]), np.stack([whole] + [ones] * dim), np.stack([whole] + [ones] * dim)
    output = np.stack([2 * unit, *(-np.outer(unit[i], unit[0]) for i in range(dim))]) * dim**0.5
    scores = jnp.where(np.eye(6, k=1) > 0, 100.0, 0.0)
    layer = CausalHeads(
        *map(jnp.asarray, (query, key, value, output)), SoftmaxWeights(scores), asking=TokenBeforeAsks()
    )
    states = np.asarray(HaarProcess(6, dim, Sphere()).sample(jax.random.key(2)).states)
    last, before = states[1:], states[:-1]
    expected = 2 * last * np.sum(last * before, axis=1, keepdims=True) - before
    np.testing.assert_allclose(layer(jnp.asarray(states))[1:], expected, rtol=0, atol=1e3 * EPS)


def test_terms_are_products_of_two_entries_and_the_query(key):
    states = np.asarray(HaarProcess(4, 2, Ones(unit=True)).sample_batch(key, 3).states)
    plain, biased = (all_terms(states, "before", biases=biases) for biases in (False, True))
    assert plain.shape == (3, 3 * 3 * 2)
    assert biased.shape == (3, 3 * 6 * 3)
    np.testing.assert_allclose(plain[0, :2], states[0, 0, 0] ** 2 * states[0, 1], rtol=1e3 * EPS)
    last = all_terms(states, "last", biases=False)
    np.testing.assert_allclose(last[0, :2], states[0, 0, 0] ** 2 * states[0, 2], rtol=1e3 * EPS)


def test_a_fit_is_held_out_and_finds_what_is_there():
    rng = np.random.default_rng(0)
    terms, mixing = rng.normal(size=(400, 3)), rng.normal(size=(3, 2))
    coefficients, loss = fit(terms, terms @ mixing)
    np.testing.assert_allclose(coefficients, mixing, atol=1e4 * EPS)
    assert loss < 1e-20
    noise = rng.normal(size=(400, 2))
    in_sample = np.linalg.lstsq(terms[200:], noise[200:])[1].sum() / np.sum(noise[200:] ** 2)
    assert fit(terms, noise)[1] > in_sample


def test_constant_weights_know_the_state_before_the_last():
    """E <s_3, s_1> = E tr W^2 / d = 1 / d for a uniform s_1: with it alone the loss is 1 - 1 / d^2."""
    first, second = (
        np.asarray(HaarProcess(3, 3, Sphere()).sample_batch(jax.random.key(i), 40_000).states) for i in (0, 1)
    )
    losses = least_squares_along(linear_terms, first, second)
    np.testing.assert_allclose(losses, [1, 1 - 1 / 9], atol=Z * 2 / 200)


def test_rotations_in_a_basis_lose_what_the_exact_loss_says(key):
    """Real dense heads on simulated W = Q R Q^T, s_1 = V 1."""
    dim, num_states, size = 4, 5, 40_000
    basis = jnp.linalg.qr(jax.random.normal(key, (dim, dim)))[0]
    columns = eigenbasis(ROTATIONS, basis)
    model = DenseHeads.initialise(dim, 2, num_states, std=0.4, key=jax.random.key(1))
    cell = DenseCell(ROTATIONS, (2,), dim, num_states, 0.1, Descent(), 1, 1, 0)
    process = Rotations(num_states, dim, basis=basis)
    start = jnp.real(columns.sum(axis=1))
    np.testing.assert_allclose(start, columns.sum(axis=1), atol=1e3 * EPS)
    angles = jax.vmap(process.sample_dynamics)(jax.random.split(jax.random.key(2), size))
    states = [jnp.broadcast_to(start, (size, dim))]
    for _ in range(num_states):
        states.append(jax.vmap(process.advance)(angles, states[-1]))
    states = jnp.stack(states, axis=1)
    predictions = jax.vmap(lambda each: model.next_states(Sequence(each)))(states[:, :-1])
    errors = np.sum((np.asarray(predictions[:, 2:]) - states[:, 3:]) ** 2, axis=2).mean(axis=1)
    assert abs(errors.mean() - losses_fn(cell)(((model,), columns))[0]) <= Z * errors.std(ddof=1) / size**0.5


def test_readings_of_heads_that_are_diagonal_and_of_their_invisible_part():
    rng = np.random.default_rng(3)
    mixed = rng.normal(size=(4, 4))
    mixing = np.einsum("ij,kl,ik->ijkl", np.eye(4), np.eye(4), mixed)
    read = read_tensors(mixing[None], UNITARY)
    assert read["energy"] == read["visible_energy"] == 0
    off = np.linalg.norm(mixed - np.diag(np.diag(mixed))) / np.linalg.norm(mixed)
    np.testing.assert_allclose(read["defect"], off, rtol=1e3 * EPS)
    hidden = rng.normal(size=(4,) * 4)
    hidden -= np.swapaxes(hidden, 1, 3)
    both = read_tensors(np.einsum("ij,kl,ik->ijkl", np.eye(4), np.eye(4), np.eye(4))[None] + hidden, UNITARY)
    assert both["energy"] > 0.1
    assert both["visible_energy"] < 1e3 * EPS


def test_ratios_are_of_the_two_newest_states_from_the_third_on():
    weights = np.zeros((2, 4, 4))
    weights[:, [0, 1, 2], [1, 2, 3]] = 2.0
    weights[:, [1, 2], [1, 2]] = -1.0
    weights[:, 0, 0] = 7.0
    weights[1, 2, 0] = 0.5
    read = read_weights(weights)
    np.testing.assert_allclose(read["ratio"], -0.5)
    np.testing.assert_allclose(read["elsewhere"], [0, 0.25])


def test_two_steps_of_their_own_beat_two_alike():
    """Tuned coefficients of each step do as well as the shared one at least; one step's is that of the grid."""
    process = HaarProcess(8, 2, Sphere())
    with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in 32 bits
        found = measure_rivals(RivalsCell(process, 2, 2000), Workspace())
    shared, each = (found[name].mean(axis=1) for name in ("loss", "each_loss"))
    assert abs(each[0] / shared[0] - 1) < 0.02
    assert each[1] < 0.99 * shared[1]
    assert found["each"][0, 1] == 0
    assert found["each"][1, 0] < found["coefficient"][1] < found["each"][1, 1]
    assert found["least_squares"].mean() < each[1]


def test_pairs_are_read_by_the_number_of_heads():
    """Four coordinates; of two seeds only the second arrives, and with three heads none does."""
    heads, shape = (1, 2, 3, 4, 6), (2, 5)
    losses = np.where(np.array([False, True])[:, None] & (np.array(heads) != 3), 0.0, 1.0)
    of = {name: np.zeros(shape) for name in ("energy", "visible_energy", "defect")}
    ratio = np.broadcast_to(np.array([0.0, -0.4, -0.5, 0.1, 0.2]), shape)
    trained = {name: {"losses": losses[:, None], "ratio": ratio, **of} for name in LAWS}
    haar = {"floor": np.full(2, 0.5), "heads_1": np.full(2, 0.6), "heads_4": np.full(2, 0.5)}
    read = readings(trained, haar, heads, 4)
    np.testing.assert_allclose(read["ratio"], [0.1])
    assert np.isnan(read["ratio-more"]).all()
    np.testing.assert_allclose(read["haar-one"], 0.2)
    assert "H = 3: 0 arrived" in " ".join(in_words(trained, haar, heads))
