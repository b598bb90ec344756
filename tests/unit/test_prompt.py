"""Prompts, their prefixes, and sequences read as prompts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from mesascope.algorithms.along_sequence import RidgeAlongSequence
from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.algorithms.least_squares import LeastSquares
from mesascope.prompt import Prompt, Sequence

EPS = np.finfo(np.float64).eps


@pytest.fixture
def prompt():
    return Prompt(
        xs=jnp.arange(6.0).reshape(3, 2),
        ys=jnp.arange(12.0).reshape(3, 4) + 100,
        query=jnp.array([7.0, 8.0]),
        target=jnp.array([1.0, 2.0, 3.0, 4.0]),
    )


def test_a_prompt_knows_its_sizes(prompt):
    assert (prompt.num_examples, prompt.dim_x, prompt.dim_y) == (3, 2, 4)


@pytest.mark.parametrize("num_examples", [0, 1, 3])
def test_a_prefix_asks_the_same_question_after_fewer_examples(prompt, num_examples):
    prefix = prompt.prefix(num_examples)
    np.testing.assert_array_equal(prefix.xs, np.arange(6.0).reshape(3, 2)[:num_examples])
    np.testing.assert_array_equal(prefix.ys, np.arange(12.0).reshape(3, 4)[:num_examples] + 100)
    np.testing.assert_array_equal(prefix.query, prompt.query)
    np.testing.assert_array_equal(prefix.target, prompt.target)


@pytest.mark.parametrize("num_examples", [-1, 4, True])
def test_an_impossible_prefix_is_refused(prompt, num_examples):
    with pytest.raises(ValueError, match="`num_examples` must be"):
        prompt.prefix(num_examples)


def test_another_query_changes_nothing_else(prompt):
    other = prompt.with_query(jnp.array([-1.0, -2.0]))
    np.testing.assert_array_equal(other.query, [-1.0, -2.0])
    for name in ("xs", "ys", "target"):
        np.testing.assert_array_equal(getattr(other, name), getattr(prompt, name))


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_sequence_is_a_prompt_of_its_consecutive_pairs(length):
    states = np.arange(12.0).reshape(6, 2) ** 2
    sequence = Sequence(jnp.asarray(states))
    prompt = sequence.prompt(length)
    assert sequence.num_states == 6
    assert prompt.num_examples == length - 1
    for t in range(length - 1):
        np.testing.assert_array_equal(prompt.xs[t], states[t])
        np.testing.assert_array_equal(prompt.ys[t], states[t + 1])
    np.testing.assert_array_equal(prompt.query, states[length - 1])
    np.testing.assert_array_equal(prompt.target, states[length])


@pytest.mark.parametrize("length", [0, 6, True])
def test_an_impossible_length_is_refused(length):
    with pytest.raises(ValueError, match="`length` must be"):
        Sequence(jnp.zeros((6, 2))).prompt(length)


@pytest.mark.parametrize("group", [stats.unitary_group, stats.ortho_group])
def test_least_squares_recovers_what_drives_a_noiseless_sequence(group):
    """s_{t+1} = W s_t, W unitary or orthogonal: d pairs of independent states determine W."""
    dim, rng = 3, np.random.default_rng(0)
    drive = group.rvs(dim, random_state=rng)
    states = [rng.normal(size=dim).astype(drive.dtype)]
    for _ in range(9):
        states.append(drive @ states[-1])
    prompt = Sequence(jnp.asarray(np.array(states))).prompt(9)
    condition = np.linalg.cond(np.array(states[:8]))
    weights = LeastSquares().weights(prompt)
    np.testing.assert_allclose(weights, drive, rtol=0, atol=1e3 * EPS * condition)
    np.testing.assert_allclose(LeastSquares()(prompt), prompt.target, rtol=0, atol=1e3 * EPS * condition)


XS, YS, QUERY, TARGET = np.ones((3, 2)), np.ones((3, 1)), np.ones(2), np.ones(1)


@pytest.mark.parametrize("arrays", [
    (XS, YS[:, 0], QUERY, TARGET),
    (XS, YS[:1], QUERY, TARGET),
    (XS, YS, np.ones(3), TARGET),
    (XS, YS, QUERY, np.ones(2)),
    (XS, YS, QUERY[None], TARGET),
    (XS, YS, QUERY, np.array(1.0)),
    (XS[None], YS[None], QUERY, TARGET),
    (XS[None], YS[None], QUERY[None], np.ones((2, 1))),
    (XS.T, YS, QUERY, TARGET),
    (XS[0], YS[0], QUERY, TARGET),
    (np.ones((3, 0)), YS, np.ones(0), TARGET),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_shapes_that_do_not_belong_together_are_refused(arrays):
    with pytest.raises(ValueError, match=r"A prompt must have `xs` \[n dx\], .*; got \(") as raised:
        Prompt(*arrays)
    assert ("`ys[:, None]`" in str(raised.value)) == (arrays[1].ndim == 1)


@pytest.mark.parametrize(("xs", "message"), [
    ([[1.0, 2.0]], r"`xs` must be an array \[n dx\] of real .*; got list\..*`jnp.asarray\(xs, float\)`"),
    (XS.astype(int), r"got shape \(3, 2\) of int64"),
    (XS > 0, r"got shape \(3, 2\) of bool"),
    (XS.astype(np.float16), r"`xs` must have numbers of 32 bits or more, .*got float16. Convert it"),
    (jnp.asarray(XS, jnp.bfloat16), r"got bfloat16"),
    (XS * [1, np.nan], r"`xs` must be finite; 3 numbers are not, the first at \[0, 1\]"),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_what_is_no_array_of_finite_numbers_is_refused(xs, message):
    with pytest.raises(ValueError, match=message):
        Prompt(xs, YS, QUERY, TARGET)


@pytest.mark.usefixtures("as_installed")
def test_a_batch_has_its_axes_before_all_arrays():
    batch = Prompt(*(np.stack([each, 2 * each]) for each in (XS, YS, QUERY, TARGET)))
    np.testing.assert_array_equal(jax.vmap(lambda prompt: prompt.query)(batch), np.stack([QUERY, 2 * QUERY]))


def test_a_prompt_passes_through_transformations(prompt):
    doubled = jax.jit(lambda each: jax.tree.map(lambda leaf: 2 * leaf, each))(prompt)
    assert isinstance(doubled, Prompt)
    np.testing.assert_array_equal(doubled.ys, 2 * prompt.ys)


def test_a_sequence_has_finite_states():
    states = jnp.ones((3, 2)).at[1, 1].set(jnp.nan).at[2, 0].set(jnp.inf)
    with pytest.raises(ValueError, match=r"`states` must be finite; 2 numbers are not, the first at \[1, 1\]"):
        Sequence(states)
    assert not jnp.isfinite(jax.jit(lambda states: Sequence(states).states)(states)).all()  # no number to check yet


@pytest.mark.parametrize(("states", "message"), [
    (jnp.ones((3, 2), int), r"got shape \(3, 2\) of int64\. .*`jnp.asarray\(states, float\)`"),
    (jnp.ones((0, 3)), r"`states` must be one or more, each of one number or more; got shape \(0, 3\)"),
])  # fmt: skip
@pytest.mark.usefixtures("as_installed")
def test_a_sequence_has_states_and_they_are_floats(states, message):
    with pytest.raises(ValueError, match=message):
        Sequence(states)


def test_a_batch_of_sequences_is_no_prompt():
    with pytest.raises(ValueError, match=r"one sequence's, not a batch: use `jax.vmap`; got \(5, 4, 2\)"):
        jax.vmap(Sequence)(jnp.ones((5, 4, 2))).prompt(3)


@pytest.mark.usefixtures("as_installed")
def test_arrays_of_numpy_become_jax_s_in_the_precision_that_is_set():
    with jax.enable_x64(False):
        prompt = Prompt(XS, XS[:, :1], XS[0], XS[0, :1])
        assert {leaf.dtype for leaf in jax.tree.leaves(prompt)} == {np.dtype(np.float32)}
        assert Sequence(XS).states.dtype == np.float32
        with pytest.raises(ValueError, match="`xs` must be finite"):  # as it is then
            Prompt(1e200 * np.ones((2, 1)), np.ones((2, 1)), np.ones(1), np.ones(1))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(prompt))


@pytest.mark.usefixtures("as_installed")
def test_half_precision_is_refused_where_no_prompt_is_made_anew_too():
    short = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), Prompt(XS, XS[:, :1], XS[0], XS[0, :1]))
    with pytest.raises(ValueError, match=r"`prompt` must have numbers of 32 bits or more, .*; got bfloat16"):
        GradientDescent(0.1)(short)
    states = jax.tree.map(lambda leaf: leaf.astype(jnp.float16), Sequence(XS))
    with pytest.raises(ValueError, match=r"`sequence` must have numbers of 32 bits or more, .*; got float16"):
        RidgeAlongSequence(0.1).next_states(states)
