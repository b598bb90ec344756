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


def draw(task, key):
    """Prompts as arrays, drawn as in training: with the fast generator."""
    return jax.tree.map(np.asarray, jax.jit(lambda key: task.sample_batch(data_key(key), NUM_PROMPTS))(key))


def assert_mean(values, expected):
    """The sample mean, over the leading axis of independent values, is within z = 5 standard errors of `expected`."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - expected) <= Z * error).all()
    assert (error > 0).all()


def teacher_of(prompt):
    """The least-squares teacher of each prompt: exact where there are as many noiseless examples as inputs."""
    return np.linalg.solve(prompt.xs, prompt.ys).swapaxes(1, 2)


KEY, SCALE = jax.random.key(20240), 0.7
TASK = LinearRegression(2, 2, dim_y=3, input_scale=SCALE)


@pytest.fixture(scope="module")
def prompts():
    return draw(TASK, jax.random.clone(KEY))


def test_inputs_are_uniform_and_queries_are_too(prompts):
    """U(-a, a): moments a^2/3 and a^4/5, all coordinates uncorrelated, nothing beyond a and nearly everything to it."""
    inputs = np.concatenate([prompts.xs.reshape(NUM_PROMPTS, -1), prompts.query], axis=1)
    assert_mean(inputs, 0)
    assert_mean(inputs**2, SCALE**2 / 3)
    assert_mean(inputs**4, SCALE**4 / 5)
    assert np.abs(inputs).max() <= SCALE
    assert (1 - np.abs(inputs).max(axis=0) / SCALE < 30 / NUM_PROMPTS).all()  # fails once in e^30
    pairs = inputs[:, :, None] * inputs[:, None, :]
    assert_mean(pairs[:, *np.triu_indices(6, 1)], 0)


def test_teachers_are_standard_normal_matrices(prompts):
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


def test_teacher_and_inputs_are_independent(prompts):
    x, w = prompts.xs[:, 0, 0], teacher_of(prompts)[:, 0, 0]
    assert_mean(x * w, 0)
    assert_mean((x**2 - x.var()) * (w**2 - w.var()), 0)


@jax.jit
def with_noise(std):
    return LinearRegression(3, 2, dim_y=2, noise_std=std).sample_batch(data_key(jax.random.clone(KEY)), NUM_PROMPTS)


@jax.jit
def shifted(noise_std, scales):
    task = LinearRegression(3, 2, dim_y=2, noise_std=noise_std)
    return Shifted(task, **scales).sample_batch(data_key(jax.random.clone(KEY)), NUM_PROMPTS)


@pytest.fixture(scope="module")
def clean():
    return draw(LinearRegression(3, 2, dim_y=2), jax.random.clone(KEY))


def test_noise_is_on_the_examples_labels_only(clean):
    """The same key with and without noise: every other field is the same, the labels differ by N(0, s^2)."""
    std = 0.3
    noisy = jax.tree.map(np.asarray, with_noise(std))
    for name in ("xs", "query", "target"):
        np.testing.assert_array_equal(getattr(clean, name), getattr(noisy, name))
    noise = (noisy.ys - clean.ys).reshape(NUM_PROMPTS, -1)
    for power, moment in ((1, 0), (2, std**2), (4, 3 * std**4)):
        assert_mean(noise**power, moment)
    assert_mean((noise[:, :, None] * noise[:, None, :])[:, *np.triu_indices(6, 1)], 0)


def test_noise_may_be_traced(clean):
    np.testing.assert_allclose(with_noise(0.0).ys, clean.ys, rtol=0, atol=1e3 * EPS)
    assert (np.asarray(with_noise(0.5).ys) != clean.ys).all()


@pytest.mark.parametrize(("name", "changed"), [
    ("input_scale", ("xs", "ys", "query", "target")),
    ("weight_scale", ("ys", "target")),
])  # fmt: skip
def test_a_scale_scales_what_it_names_and_nothing_else(clean, name, changed):
    found = shifted(0.0, {"input_scale": 1.0, "weight_scale": 1.0, name: 4.0})
    for field in ("xs", "ys", "query", "target"):  # 4 is a power of two: exact
        factor = 4 if field in changed else 1
        np.testing.assert_array_equal(getattr(found, field), factor * getattr(clean, field))


def test_the_weight_scale_leaves_noise_alone():
    scales = {"input_scale": 1.0, "weight_scale": 5.0}
    free, noisy = (np.asarray(shifted(std, scales).ys) for std in (0.0, 0.3))
    assert_mean(((noisy - free).reshape(NUM_PROMPTS, -1)) ** 2, 0.3**2)


@pytest.fixture(
    scope="module",
    params=[(Normal(), (0, 1, 0, 3)), (Exponential(), (1, 2, 6, 24)), (Laplace(), (0, 2, 0, 24))],
    ids=lambda param: type(param[0]).__name__,
)
def inputs_of_a_law(request):
    """The law's moments, the inputs and queries of a task that has it, scaled by 3, and raw draws of the same keys."""
    law, moments = request.param
    task = Shifted(LinearRegression(3, 2), input_scale=3.0, input_law=law)

    @jax.jit
    @jax.vmap
    def draws(key):
        return *task.sample_inputs(jax.random.clone(key)), law.draw(key, (4, 2))

    return moments, *map(np.asarray, draws(jax.random.split(jax.random.key(1), 50_000)))


def test_laws_have_their_moments(inputs_of_a_law):
    moments, _, _, raw = inputs_of_a_law
    draws = raw.reshape(-1, 2)
    for power, moment in enumerate(moments, start=1):
        assert_mean(draws**power, moment)
    assert_mean((draws[:, 0] - moments[0]) * (draws[:, 1] - moments[0]), 0)


def test_inputs_of_a_law_are_divided_by_the_norm_of_the_examples(inputs_of_a_law):
    """And the query by the same: dividing the raw draws of the same key gives both."""
    _, xs, query, raw = inputs_of_a_law
    norm = np.sqrt((raw[:, :3] ** 2).sum(axis=(1, 2)))[:, None, None]
    np.testing.assert_allclose(xs, 3 * raw[:, :3] / norm, rtol=0, atol=1e3 * EPS)
    np.testing.assert_allclose(query, (3 * raw[:, 3:] / norm)[:, 0], rtol=1e3 * EPS)


def test_a_law_keeps_the_teacher_of_its_key(prompts):
    """And prompts have its inputs: the examples' norm is the scale, the query's is not."""
    changed = draw(Shifted(TASK, input_scale=3.0, input_law=Normal()), jax.random.clone(KEY))
    conditions = [np.linalg.cond(each.xs) for each in (prompts, changed)]
    bounds = 1e3 * EPS * np.maximum(*conditions)[:, None, None] ** 2
    assert (np.abs(teacher_of(prompts) - teacher_of(changed)) <= bounds).all()
    assert (prompts.xs != changed.xs).all()
    np.testing.assert_allclose(np.linalg.norm(changed.xs, axis=(1, 2)), 3.0, rtol=1e3 * EPS)
    assert np.ptp(np.linalg.norm(changed.query, axis=1)) > 0


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

    @jax.jit
    @jax.vmap
    def draws(key):
        draws = CorruptedTargets(task).draw(key)
        return [CorruptedTargets(task, number, STD).prompt(draws) for number in (2, 0)]

    keys = jax.jit(lambda: jax.random.split(data_key(jax.random.key(7)), NUM_PROMPTS))()
    return jax.tree.map(np.asarray, draws(keys))


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


def test_the_number_of_replaced_labels_may_be_traced(key):
    task, numbers = LinearRegression(4, 2), (0, 1, 4)

    @jax.jit
    def labels(key, traced):
        draws = CorruptedTargets(task).draw(data_key(key))
        return [CorruptedTargets(task, number).prompt(draws).ys for number in (traced, *numbers)]

    for i, number in enumerate(numbers):
        traced, *known = labels(jax.random.clone(key), number)
        np.testing.assert_allclose(traced, known[i], rtol=1e3 * EPS)


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
