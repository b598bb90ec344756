"""Tasks: the laws they draw from, and what their wrappers change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.random import data_key
from mesascope.tasks.corrupted import CorruptedTargets
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.shifted import Exponential, Laplace, Normal, Shifted

EPS = np.finfo(np.float64).eps
Z = 5
NUM_PROMPTS = 20_000


def draw(task, key, size=NUM_PROMPTS):
    """Prompts as arrays, drawn as in training: with the fast generator."""
    return jax.tree.map(np.asarray, jax.jit(lambda key: task.sample_batch(data_key(key), size))(key))


def assert_mean(values, expected):
    """The sample mean, over the leading axis of independent values, is within z = 5 standard errors of `expected`."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - expected) <= Z * error).all()
    assert (error > 0).all()


def teacher_of(prompt):
    """The least-squares teacher of each prompt: exact where there are as many noiseless examples as inputs."""
    return np.linalg.solve(prompt.xs, prompt.ys).swapaxes(1, 2)


def test_inputs_are_uniform_and_queries_are_too(key):
    """U(-a, a): moments a^2/3 and a^4/5, all coordinates uncorrelated, nothing beyond a and nearly everything to it."""
    scale = 0.7
    prompts = draw(LinearRegression(2, 2, input_scale=scale), key)
    inputs = np.concatenate([prompts.xs.reshape(NUM_PROMPTS, -1), prompts.query], axis=1)
    assert_mean(inputs, 0)
    assert_mean(inputs**2, scale**2 / 3)
    assert_mean(inputs**4, scale**4 / 5)
    assert np.abs(inputs).max() <= scale
    assert (1 - np.abs(inputs).max(axis=0) / scale < 30 / NUM_PROMPTS).all()  # fails once in e^30
    pairs = inputs[:, :, None] * inputs[:, None, :]
    assert_mean(pairs[:, *np.triu_indices(6, 1)], 0)


def test_teachers_are_standard_normal_matrices(key):
    prompts = draw(LinearRegression(2, 2, dim_y=3), key)
    teachers = teacher_of(prompts)
    assert teachers.shape == (NUM_PROMPTS, 3, 2)
    close = np.linalg.cond(prompts.xs) < 1e3
    np.testing.assert_allclose(
        prompts.target[close], np.einsum("bij,bj->bi", teachers, prompts.query)[close], rtol=0, atol=1e3 * EPS * 1e3
    )
    entries = teachers.reshape(NUM_PROMPTS, -1)
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert_mean(entries**power, moment)
    assert_mean((entries[:, :, None] * entries[:, None, :])[:, *np.triu_indices(6, 1)], 0)


def test_teacher_and_inputs_are_independent(key):
    prompts = draw(LinearRegression(1, 1), key)
    x, w = prompts.xs[:, 0, 0], teacher_of(prompts)[:, 0, 0]
    assert_mean(x * w, 0)
    assert_mean((x**2 - x.var()) * (w**2 - w.var()), 0)


def test_noise_is_on_the_examples_labels_only(key):
    """The same key with and without noise: every other field is the same, the labels differ by N(0, s^2)."""
    std = 0.3
    clean = draw(LinearRegression(3, 2, dim_y=2), jax.random.clone(key))
    noisy = draw(LinearRegression(3, 2, dim_y=2, noise_std=std), key)
    for name in ("xs", "query", "target"):
        np.testing.assert_array_equal(getattr(clean, name), getattr(noisy, name))
    noise = (noisy.ys - clean.ys).reshape(NUM_PROMPTS, -1)
    for power, moment in ((1, 0), (2, std**2), (4, 3 * std**4)):
        assert_mean(noise**power, moment)
    assert_mean((noise[:, :, None] * noise[:, None, :])[:, *np.triu_indices(6, 1)], 0)


def test_noise_may_be_traced(key):
    sample = jax.jit(lambda std: LinearRegression(3, 2, noise_std=std).sample(data_key(jax.random.clone(key))))
    clean = np.asarray(jax.jit(lambda key: LinearRegression(3, 2).sample(data_key(key)).ys)(key))
    np.testing.assert_allclose(sample(0.0).ys, clean, rtol=0, atol=1e3 * EPS)
    assert (np.asarray(sample(0.5).ys) != clean).all()


def test_input_scale_scales_inputs_and_nothing_else(key):
    task = LinearRegression(3, 2, dim_y=2)
    plain, shifted = (draw(each, jax.random.clone(key), 20) for each in (task, Shifted(task, input_scale=4.0)))
    for name in ("xs", "ys", "query", "target"):  # 4 is a power of two: exact
        np.testing.assert_array_equal(getattr(shifted, name), 4 * getattr(plain, name))


def test_weight_scale_scales_labels_and_nothing_else(key):
    task = LinearRegression(3, 2, dim_y=2)
    plain, shifted = (draw(each, jax.random.clone(key), 20) for each in (task, Shifted(task, weight_scale=4.0)))
    for name, factor in (("xs", 1), ("query", 1), ("ys", 4), ("target", 4)):
        np.testing.assert_array_equal(getattr(shifted, name), factor * getattr(plain, name))


def test_the_weight_scale_leaves_noise_alone(key):
    tasks = (LinearRegression(3, 2, noise_std=std) for std in (0.0, 0.3))
    clean, noisy = (draw(Shifted(task, weight_scale=5.0), jax.random.clone(key)) for task in tasks)
    assert_mean(((noisy.ys - clean.ys).reshape(NUM_PROMPTS, -1)) ** 2, 0.3**2)


@pytest.mark.parametrize(
    ("law", "moments"),
    [(Normal(), (0, 1, 0, 3)), (Exponential(), (1, 2, 6, 24)), (Laplace(), (0, 2, 0, 24))],
    ids=lambda value: type(value).__name__,
)
def test_laws_have_their_moments(law, moments, key):
    draws = np.asarray(jax.jit(lambda key: law.draw(key, (200_000, 2)))(key))
    for power, moment in enumerate(moments, start=1):
        assert_mean(draws**power, moment)
    assert_mean((draws[:, 0] - moments[0]) * (draws[:, 1] - moments[0]), 0)


@pytest.mark.parametrize("law", [Normal(), Exponential(), Laplace()], ids=lambda law: type(law).__name__)
def test_inputs_of_a_law_are_divided_by_the_norm_of_the_examples(law, key):
    """And the query by the same: dividing the raw draws of the same key gives both."""
    scale, task = 3.0, LinearRegression(3, 2)
    shifted = Shifted(task, input_scale=scale, input_law=law)
    xs, query, raw = map(
        np.asarray,
        jax.jit(lambda key: (*shifted.sample_inputs(jax.random.clone(key)), law.draw(key, (4, 2))))(key),
    )
    norm = np.sqrt((raw[:3] ** 2).sum())
    np.testing.assert_allclose(xs, scale * raw[:3] / norm, rtol=0, atol=1e3 * EPS)
    np.testing.assert_allclose(query, scale * raw[3] / norm, rtol=0, atol=1e3 * EPS * max(1, np.abs(query).max()))
    prompts = draw(shifted, jax.random.key(1), 50)
    norms = np.linalg.norm(prompts.xs, axis=(1, 2))
    np.testing.assert_allclose(norms, scale, rtol=1e3 * EPS)
    assert np.ptp(np.linalg.norm(prompts.query, axis=1)) > 0


def test_a_law_keeps_the_teacher_of_its_key(key):
    task = LinearRegression(2, 2)
    plain, shifted = (draw(each, jax.random.clone(key), 20) for each in (task, Shifted(task, input_law=Normal())))
    bound = 1e3 * EPS * max(np.linalg.cond(each.xs).max() for each in (plain, shifted)) ** 2
    np.testing.assert_allclose(teacher_of(plain), teacher_of(shifted), rtol=0, atol=bound)
    assert (plain.xs != shifted.xs).all()


def test_wrappers_take_the_sizes_of_their_task():
    task = LinearRegression(3, 2, 4, noise_std=0.2)
    for wrapper in (Shifted(task), CorruptedTargets(task), CorruptedTargets(Shifted(task))):
        assert (wrapper.num_examples, wrapper.dim_x, wrapper.dim_y) == (3, 2, 4)
    assert Shifted(task).noise_std == 0.2


STD = 0.5


@pytest.fixture(scope="module")
def corrupted():
    """Prompts of 5 examples of which k = 2 are replaced, and the same prompts with none replaced."""
    task = LinearRegression(5, 3, dim_y=2)
    make = (CorruptedTargets(task, num_corrupted, STD) for num_corrupted in (2, 0))
    return tuple(draw(each, jax.random.key(7)) for each in make)


def test_exactly_so_many_labels_are_replaced(corrupted):
    prompts, clean = corrupted
    changed = prompts.ys != clean.ys
    assert (changed.all(axis=2) == changed.any(axis=2)).all()
    assert (changed.all(axis=2).sum(axis=1) == 2).all()
    for name in ("xs", "query", "target"):
        np.testing.assert_array_equal(getattr(prompts, name), getattr(clean, name))


def test_replaced_labels_lie_anywhere(corrupted):
    """Each of the 10 pairs of places is as likely: 2 of 5."""
    prompts, clean = corrupted
    changed = (prompts.ys != clean.ys).all(axis=2).astype(float)
    assert_mean(changed, 2 / 5)
    assert_mean((changed[:, :, None] * changed[:, None, :])[:, *np.triu_indices(5, 1)], 1 / 10)


def test_replaced_labels_are_centred_normals_that_know_nothing_of_the_label(corrupted):
    prompts, clean = corrupted
    changed = (prompts.ys != clean.ys).all(axis=2)
    new = prompts.ys[changed].reshape(NUM_PROMPTS, 4)
    old = clean.ys[changed].reshape(NUM_PROMPTS, 4)
    for power, moment in ((1, 0), (2, STD**2), (4, 3 * STD**4)):
        assert_mean(new**power, moment)
    assert_mean((new[:, :, None] * new[:, None, :])[:, *np.triu_indices(4, 1)], 0)
    assert_mean(new * old, 0)


@pytest.mark.parametrize("num_corrupted", [0, 1, 4])
def test_the_number_of_replaced_labels_may_be_traced(num_corrupted, key):
    task = LinearRegression(4, 2)

    @jax.jit
    def both(key, traced):
        draws = CorruptedTargets(task).draw(data_key(key))
        return [CorruptedTargets(task, number).prompt(draws).ys for number in (traced, num_corrupted)]

    np.testing.assert_allclose(*both(key, num_corrupted), rtol=1e3 * EPS)


@pytest.mark.parametrize("name", ["num_examples", "dim_x", "dim_y"])
@pytest.mark.parametrize("value", [0, -1, True])
def test_sizes_are_counts(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1"):
        LinearRegression(**{name: value})


@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf"), np.array(-1.0)])
@pytest.mark.parametrize(
    "make",
    [
        lambda v: LinearRegression(input_scale=v),
        lambda v: LinearRegression(noise_std=v),
        lambda v: Shifted(LinearRegression(), input_scale=v),
        lambda v: Shifted(LinearRegression(), weight_scale=v),
        lambda v: CorruptedTargets(LinearRegression(), corruption_std=v),
    ],
    ids=["input_scale", "noise_std", "shift of inputs", "shift of weights", "corruption_std"],
)
def test_scales_are_positive_numbers(make, value):
    with pytest.raises(ValueError, match=r"` must be .*finite"):
        make(value if isinstance(value, float) else jnp.asarray(value))


@pytest.mark.parametrize(
    "make",
    [
        lambda: LinearRegression(input_scale=0.0),
        lambda: Shifted(LinearRegression(), input_scale=0.0),
        lambda: Shifted(LinearRegression(), weight_scale=0.0),
    ],
)
def test_a_scale_of_zero_leaves_no_task(make):
    with pytest.raises(ValueError, match="must be positive"):
        make()


@pytest.mark.parametrize("num_corrupted", [-1, 11, True])
def test_only_labels_that_exist_can_be_replaced(num_corrupted):
    with pytest.raises(ValueError, match="`num_corrupted` must be"):
        CorruptedTargets(LinearRegression(num_examples=10), num_corrupted)


@pytest.mark.parametrize("size", [0, -1, True])
def test_a_batch_has_a_prompt(size, key):
    with pytest.raises(ValueError, match="`size` must be an integer of at least 1"):
        LinearRegression().sample_batch(key, size)
