"""Training: the compiled loop against a plain one, its checkpoints, its interruptions and its devices."""

import os
from dataclasses import replace
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh

from mesascope.algorithms.gradient_descent import GradientDescent
from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.augmented import AugmentedLayer
from mesascope.models.sequence_transformer import SequenceTransformer
from mesascope.models.transformer import Transformer
from mesascope.predictor import AbstractPredictor
from mesascope.prompt import Prompt, Sequence
from mesascope.random import FAST, data_key
from mesascope.tasks._base import AbstractTask
from mesascope.tasks.haar import HaarProcess
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import initial_loss, one_step_optimum
from mesascope.training import fit as fit_module
from mesascope.training import loop, runtime
from mesascope.training.config import FitConfig
from mesascope.training.fit import TrainingInterrupted, fit, fit_seeds
from mesascope.training.schedules import CosineDecay

EPS = np.finfo(np.float64).eps
N, D, SCALE = 6, 2, 1.0
TASK = LinearRegression(N, D, input_scale=SCALE)
# One batch size and few lengths of a chunk: one compiled program serves many tests.
CONFIG = FitConfig(num_steps=60, batch_size=512, learning_rate=0.03, clip_norm=1.0, chunk_size=10)
SHORT = replace(CONFIG, num_steps=6, chunk_size=2)


@pytest.fixture(autouse=True)
def _optax_promotes_types():
    with jax.numpy_dtype_promotion("standard"):
        yield


initialised = eqx.filter_jit(lambda model_class, key: model_class.initialise(4, key=key))
MODEL = eqx.filter_jit(Transformer.initialise)(D, init_scale=0.5, key=jax.random.key(3))


SEQUENCE_MODEL = initialised(AugmentedLayer, key=jax.random.key(0))


def make_model(key, factor=1.0):
    """Other weights for every key, without a generator: fits compile this anew, and a generator takes long."""
    size = factor * (1 + jax.random.key_data(key)[1].astype(float) / 2**32)
    return jax.tree.map(lambda leaf: size * leaf if eqx.is_inexact_array(leaf) else leaf, MODEL)


started = eqx.filter_jit(lambda key: make_model(jax.random.split(key)[0]))  # what a seed's training starts from


def make_keys(count=3, seed=0):
    """The keys of fewer seeds are the first ones of more."""
    data = np.stack([np.full(count, seed), np.arange(count)], axis=1)
    return jax.random.wrap_key_data(jnp.asarray(data.astype(np.uint32)))


def of_another_generator():
    return jax.random.wrap_key_data(jax.random.key_data(make_keys()), impl=FAST)


def first_key():
    return jax.random.wrap_key_data(jnp.asarray(np.zeros(2, np.uint32)))


def take(tree, index):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index] if eqx.is_array(leaf) else leaf, tree)


def assert_same(ours, theirs, rtol=0.0):
    pairs = zip(
        jax.tree.leaves(eqx.filter(ours, eqx.is_array_like)),
        jax.tree.leaves(eqx.filter(theirs, eqx.is_array_like)),
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(np.abs(b), initial=0.0))


@pytest.fixture(scope="module")
def trained():
    with jax.numpy_dtype_promotion("standard"):
        return fit_seeds(make_model, TASK, CONFIG, keys=make_keys())


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A short training that kept a checkpoint, that file's content, and what Python saw."""
    path, calls = tmp_path_factory.mktemp("kept") / "checkpoint", []
    on_chunk = lambda *call: calls.append(call)  # noqa: E731
    with jax.numpy_dtype_promotion("standard"):
        trained = fit_seeds(make_model, TASK, SHORT, keys=make_keys(), checkpoint=path, on_chunk=on_chunk)
    return trained, path.read_bytes(), calls


@pytest.fixture(scope="module")
def short(kept):
    return kept[0]


@pytest.fixture(scope="module")
def checkpoint(kept):
    return kept[1]


def test_the_loss_falls_towards_that_of_the_best_gradient_step(trained):
    """From the zero predictor's, by most of the way to the population optimum; never significantly below it."""
    start, best = initial_loss(D, SCALE), one_step_optimum(N, D, SCALE).loss
    last = np.asarray(trained.losses[:, -20:])
    assert (last.mean(axis=1) < start - 0.5 * (start - best)).all()
    error = last.std(ddof=1) / np.sqrt(last.size)
    assert last.mean() > best - 5 * error


def test_what_training_leaves_has_its_axes(trained):
    assert trained.losses.shape == (3, 60)
    np.testing.assert_array_equal(trained.snapshot_steps, np.arange(0, 61, 10))
    assert trained.model.layers[0].key.shape == (3, 1, D + 1, D + 1)
    assert trained.snapshots.layers[0].key.shape == (3, 7, 1, D + 1, D + 1)
    assert_same(take(trained.snapshots, np.s_[:, -1]), trained.model)
    assert "60 steps" in repr(trained)


def test_the_first_snapshot_is_the_initial_model(trained):
    expected = eqx.filter_jit(eqx.filter_vmap(started))(make_keys())
    assert_same(take(trained.snapshots, np.s_[:, 0]), expected, 1e3 * EPS)


def test_fit_is_a_plain_loop(short):
    """The same prompts, one optax step after the other: the key splits into the model's and the stream's."""
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(0.03, b1=0.9, b2=0.98, weight_decay=0.0))
    static = eqx.filter(MODEL, eqx.is_inexact_array, inverse=True)

    @jax.jit
    def start(key):
        params = eqx.filter(started(jax.random.clone(key)), eqx.is_inexact_array)
        return params, optimiser.init(params), data_key(jax.random.split(key)[1])

    @jax.jit
    def step(params, state, stream, i):
        prompts = TASK.sample_batch(jax.random.fold_in(jax.random.clone(stream), i), SHORT.batch_size)

        def loss(params):
            predictions = jax.vmap(eqx.combine(params, static))(prompts)
            return jnp.mean(jnp.sum((predictions - prompts.target) ** 2, axis=1)) / 2

        value, gradient = jax.value_and_grad(loss)(params)
        change, state = optimiser.update(gradient, state, params)
        return optax.apply_updates(params, change), state, value

    params, state, stream = start(first_key())
    losses = []
    for i in range(SHORT.num_steps):
        params, state, loss = step(params, state, jax.random.clone(stream), np.int32(i))
        losses.append(loss)
    np.testing.assert_allclose(short.losses[0], losses, rtol=1e4 * EPS)
    assert_same(
        take(short.model, 0), eqx.combine(params, static), 1e5 * EPS
    )  # Adam divides by gradients' sizes, 1e-2 here


def with_rate(rate):
    """A rate that is an array is no part of the program: trainings of all rates share one."""
    return replace(SHORT, learning_rate=jnp.asarray(rate))


def test_fit_is_fit_seeds_of_one(short):
    """For one key, and a model made beforehand with that seed's own key."""
    alone = fit(started(first_key()), TASK, with_rate(0.03), key=first_key())
    assert alone.losses.shape == (6,)
    np.testing.assert_array_equal(alone.snapshot_steps, short.snapshot_steps)
    np.testing.assert_allclose(alone.losses, np.asarray(short.losses)[0], rtol=1e5 * EPS)
    assert_same((alone.model, alone.snapshots), take((short.model, short.snapshots), 0), 1e5 * EPS)


def test_the_chunk_size_changes_no_number():
    configs = (replace(CONFIG, num_steps=12, chunk_size=chunk_size) for chunk_size in (2, 10))
    one, other = (fit_seeds(make_model, TASK, config, keys=make_keys()) for config in configs)
    assert_same((other.losses, other.model), (one.losses, one.model), 1e5 * EPS)
    np.testing.assert_array_equal(other.snapshot_steps, [0, 10, 12])


def test_python_sees_every_chunk_once(kept):
    trained, _, calls = kept
    assert [step for step, _ in calls] == [2, 4, 6]
    np.testing.assert_array_equal(np.concatenate([losses for _, losses in calls], axis=1), trained.losses)


class Stop(Exception):
    pass


@pytest.mark.parametrize(("error", "after"), [(KeyboardInterrupt, 2), (Stop, 4)])
def test_resumed_training_is_bit_for_bit_uninterrupted_training(short, tmp_path, error, after):
    path = tmp_path / "checkpoint"

    def stop(step, losses):
        if step == after:
            raise error

    with pytest.raises(TrainingInterrupted if error is KeyboardInterrupt else Stop):
        fit_seeds(make_model, TASK, SHORT, keys=make_keys(), checkpoint=path, on_chunk=stop)
    done = []
    resumed = fit_seeds(
        make_model, TASK, SHORT, keys=make_keys(), checkpoint=path, on_chunk=lambda step, _: done.append(step)
    )
    assert done == list(range(after + 2, 7, 2))
    assert_same(resumed, short)
    again = fit_seeds(make_model, TASK, SHORT, keys=make_keys(), checkpoint=str(path), on_chunk=lambda *_: done.clear())
    assert done, "a finished training trains no further"
    assert_same(again, short)


@pytest.mark.parametrize("num_steps", [4, 5])
def test_a_finished_checkpoint_continues_to_more_steps_with_the_bits_of_one_run(short, tmp_path, num_steps):
    """Five steps end in half a chunk, whose program is another one: it is made again, whole."""
    path, done = tmp_path / "checkpoint", []
    first = fit_seeds(make_model, TASK, replace(SHORT, num_steps=num_steps), keys=make_keys(), checkpoint=path)
    assert first.losses.shape == (3, num_steps)
    again = fit_seeds(make_model, TASK, replace(SHORT, num_steps=num_steps), keys=make_keys(), checkpoint=path)
    assert_same(again, first)
    longer = fit_seeds(
        make_model, TASK, SHORT, keys=make_keys(), checkpoint=path, on_chunk=lambda step, _: done.append(step)
    )
    assert done == [6]
    assert_same(longer, short)


def test_a_checkpoint_of_more_steps_than_asked_for_is_refused(tmp_path, checkpoint):
    path = tmp_path / "checkpoint"
    path.write_bytes(checkpoint)
    with pytest.raises(ValueError, match="cannot be used: it is of 6 steps, more than `num_steps`, 4"):
        fit_seeds(make_model, TASK, replace(SHORT, num_steps=4), keys=make_keys(), checkpoint=path)
    assert path.read_bytes() == checkpoint


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_a_seed_s_result_does_not_depend_on_its_neighbours_whatever_the_generator(impl):
    """Under `vmap` these generators draw for all keys with the first one."""

    def losses_of(*seeds):
        keys = jax.vmap(lambda seed: jax.random.key(seed, impl=impl))(np.array(seeds))
        return np.asarray(fit_seeds(make_model, TASK, SHORT, keys=keys).losses)

    with jax.debug_key_reuse(False):
        one, other = losses_of(0, 1, 2), losses_of(5, 1, 2)
    np.testing.assert_array_equal(other[1:], one[1:])
    assert (other[0] != one[0]).any()


def test_an_interrupt_carries_what_was_done(short):
    def stop(step, losses):
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted, match="after 4 steps") as stopped:
        fit_seeds(make_model, TASK, SHORT, keys=make_keys(), on_chunk=stop)
    partial = stopped.value.trained
    np.testing.assert_array_equal(partial.losses, np.asarray(short.losses)[:, :4])
    np.testing.assert_array_equal(partial.snapshot_steps, [0, 2, 4])
    assert_same(partial.snapshots, take(short.snapshots, np.s_[:, :3]))
    assert isinstance(stopped.value, KeyboardInterrupt)
    with pytest.raises(TrainingInterrupted) as stopped:
        fit(MODEL, TASK, with_rate(0.03), key=jax.random.key(1), on_chunk=stop)
    assert stopped.value.trained.losses.shape == (4,)
    assert stopped.value.trained.model.layers[0].key.shape == (1, D + 1, D + 1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"config": replace(SHORT, learning_rate=0.04)}, r"another training \(`learning_rate` was 0.03 and is 0.04\)"),
        ({"config": replace(SHORT, chunk_size=3)}, r"\(`chunk_size` was 2 and is 3\)"),
        ({"task": LinearRegression(N, D, input_scale=0.5)}, r"\(`input_scale` was 1.0 and is 0.5\)"),
        ({"keys": make_keys(seed=1)}, r"`keys` was \[\[0, 0\], \[0, 1\], \[0, 2\]\] and is \[\[1, 0"),
        ({"keys": make_keys(2)}, r"`keys` was .* and is \[\[0, 0\], \[0, 1\]\]"),
        ({"keys": of_another_generator()}, r"\(`generator` was \"threefry2x32\" and is \"fast\"\)"),
        ({"make_model": lambda key: replace(make_model(key), num_repeats=2)}, r"\(`model` is another\)"),
        ({"make_model": lambda key: Transformer.initialise(D, num_heads=2, key=key)}, "other weights"),
        ({"make_model": lambda key: make_model(key, factor=0.9)}, "other weights"),
    ],
    ids=["rate", "chunks", "task", "keys", "fewer keys", "generator", "repeats", "heads", "initial weights"],
)
def test_a_checkpoint_of_another_training_is_refused_and_left_as_it_is(tmp_path, checkpoint, change, named):
    path = tmp_path / "checkpoint"
    path.write_bytes(checkpoint)
    settings = {"make_model": make_model, "task": TASK, "config": SHORT, "keys": make_keys(), **change}
    settings["keys"] = jax.random.clone(settings["keys"])
    with pytest.raises(ValueError, match=named) as refused:
        fit_seeds(**settings, checkpoint=path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == checkpoint


def test_a_checkpoint_of_another_count_of_threefry_is_refused(tmp_path, checkpoint):
    path = tmp_path / "checkpoint"
    path.write_bytes(checkpoint)
    with (
        jax.threefry_partitionable(False),
        pytest.raises(ValueError, match="`threefry_partitionable` was true and is false"),
    ):
        fit_seeds(make_model, TASK, SHORT, keys=make_keys(), checkpoint=path)


@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: b"", lambda c: c[:-1] + bytes([c[-1] ^ 1])])
def test_a_damaged_checkpoint_is_refused_by_name_and_left_as_it_is(tmp_path, checkpoint, damage):
    path = tmp_path / "checkpoint"
    path.write_bytes(damage(checkpoint))
    with pytest.raises(ValueError, match="cannot be used") as refused:
        fit_seeds(make_model, TASK, SHORT, keys=make_keys(), checkpoint=path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == damage(checkpoint)


def test_divergence_is_a_value_and_not_an_error():
    trained = fit_seeds(make_model, TASK, with_rate(1e200), keys=make_keys(1))
    assert trained.losses.shape == (1, 6)
    assert np.isfinite(np.asarray(trained.losses)[0, [0, -1]]).tolist() == [True, False]


def test_a_softmax_transformer_trains():
    def make(key):
        return Transformer.initialise(D, num_heads=2, attention=SoftmaxSelfAttention, init_scale=0.5, key=key)

    before = fit_seeds(make, TASK, SHORT, keys=make_keys(1))
    leaves = [np.asarray(leaf)[0] for leaf in jax.tree.leaves(eqx.filter(before.snapshots, eqx.is_array))]
    assert all((leaf[-1] != leaf[0]).any() for leaf in leaves)
    assert np.isfinite(before.losses).all()


@pytest.mark.skipif(len(jax.devices()) < 2, reason="one device only")
def test_the_number_of_devices_changes_last_bits_only(short, monkeypatch):
    """Three seeds on two devices are padded to four, and two are not; no trace of the fourth is left."""
    assert loop.seed_mesh(2).size == loop.seed_mesh(3).size == 2
    two = fit_seeds(make_model, TASK, SHORT, keys=make_keys(2))
    monkeypatch.setattr(fit_module, "seed_mesh", lambda _: Mesh(np.array(jax.devices()[:1]), ("seed",)))
    together = fit_seeds(make_model, TASK, SHORT, keys=make_keys())
    assert short.losses.shape == together.losses.shape == (3, 6)
    assert_same(short, together, 1e5 * EPS)
    assert_same(two, take(together, np.s_[:2])._replace(snapshot_steps=two.snapshot_steps), 1e5 * EPS)


def test_a_checkpoint_needs_a_folder_before_anything_is_trained(tmp_path):
    with pytest.raises(
        ValueError, match=r"`checkpoint` must lie in a folder that is there; got .*Make .*nowhere first"
    ):
        fit_seeds(
            make_model, TASK, SHORT, keys=make_keys(), checkpoint=tmp_path / "nowhere" / "a", on_chunk=lambda *_: 1 / 0
        )


def test_weights_in_half_precision_are_refused():
    def make_short(key):
        return jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), make_model(key))

    with pytest.raises(ValueError, match=r"`model` must have numbers of 32 bits or more, .*; got bfloat16\. Make its"):
        fit_seeds(make_short, TASK, SHORT, keys=make_keys())


def test_a_checkpoint_goes_on_with_another_number_of_devices(short, monkeypatch, tmp_path):
    """Three seeds, padded to four on two devices, then continued on one."""

    def stop(step, losses):
        raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        fit_seeds(make_model, TASK, SHORT, keys=make_keys(3), checkpoint=tmp_path / "c", on_chunk=stop)
    monkeypatch.setattr(fit_module, "seed_mesh", lambda _: Mesh(np.array(jax.devices()[:1]), ("seed",)))
    resumed = fit_seeds(make_model, TASK, SHORT, keys=make_keys(3), checkpoint=tmp_path / "c")
    assert_same(short, resumed, 1e5 * EPS)


def test_one_seed_can_be_taken_out(short):
    second = short.seed(1)
    np.testing.assert_array_equal(second.losses, np.asarray(short.losses)[1])
    np.testing.assert_array_equal(second.snapshot_steps, short.snapshot_steps)
    prompt = jax.eval_shape(TASK.sample, jax.random.key(1))
    assert eqx.filter_eval_shape(second.model, prompt).shape == prompt.target.shape


@pytest.fixture
def drawn(monkeypatch):
    """The keys that the task draws with: Python sees them when it traces a program, and not else."""
    plain, drawn = LinearRegression.draw, []
    monkeypatch.setattr(LinearRegression, "draw", lambda task, key: drawn.append(key) or plain(task, key))
    jax.eval_shape(TASK.sample, jax.random.key(0))
    assert drawn.pop() is not None
    return drawn


def test_one_compiled_program_serves_many_learning_rates(short, drawn):
    """`FitConfig.learning_rate` may be an array, or traced: what `fit_seeds` gives with that number."""
    other = fit_seeds(make_model, TASK, with_rate(0.3), keys=make_keys(1))
    drawn.clear()
    found = fit_seeds(make_model, TASK, with_rate(0.03), keys=make_keys(1))
    assert not drawn
    assert np.not_equal(other.losses, found.losses)[0, 2:].all()
    np.testing.assert_allclose(found.losses, np.asarray(short.losses)[:1], rtol=1e5 * EPS)

    static = eqx.filter(MODEL, eqx.is_inexact_array, inverse=True)
    states = loop.starting_states(make_model, SHORT, make_keys(1))

    def losses(rate):
        config = FitConfig(num_steps=6, batch_size=8, learning_rate=rate, clip_norm=1.0)
        return loop.advance(static, TASK, config, loop.seed_mesh(1), states)[1]

    assert jax.eval_shape(losses, jnp.asarray(0.3)).shape == (1, 6)


def test_a_training_like_an_earlier_one_is_not_compiled_again(short, drawn):
    """Other keys, another task of the same settings and more chunks change no program."""
    config = replace(SHORT, num_steps=8)
    again = fit_seeds(make_model, LinearRegression(N, D, input_scale=SCALE), config, keys=make_keys(seed=1))
    assert not drawn
    assert (np.asarray(again.losses)[:, :6] != short.losses).all()


class WithThreefry(AbstractTask):
    """A task that draws with JAX's default generator, whatever key it is given."""

    task: LinearRegression

    num_examples = property(lambda self: self.task.num_examples)
    dim_x = property(lambda self: self.task.dim_x)
    dim_y = property(lambda self: self.task.dim_y)

    def draw(self, key):
        words = jax.random.bits(key, (2,), jnp.uint32)
        return self.task.draw(jax.random.wrap_key_data(words, impl="threefry2x32"))

    def prompt(self, draws):
        return self.task.prompt(draws)

    @classmethod
    def examples(cls):
        return (cls(LinearRegression(2, 2)),)


def test_the_generator_does_not_change_what_is_learned():
    """Last losses over many seeds that share their initial weights: the mean difference is zero, z = 5.

    Three seeds a training, so that both generators' are as many as it takes of two programs.
    """

    def last_losses(task, num_trainings):
        config = replace(CONFIG, num_steps=70)
        keys = [make_keys(seed=seed) for seed in range(num_trainings)]
        losses = [fit_seeds(lambda _: MODEL, task, config, keys=each).losses for each in keys]
        return np.concatenate(losses)[:, -60:].mean(axis=1)

    fast, threefry = last_losses(TASK, 10), last_losses(WithThreefry(TASK), 5)
    assert not np.isin(threefry, fast).any()
    error = np.sqrt(fast.var(ddof=1) / fast.size + threefry.var(ddof=1) / threefry.size)
    assert abs(fast.mean() - threefry.mean()) <= 5 * error
    assert error < 0.005 * fast.mean()  # a bias of a few percent would show


class OfSomeInputs(AbstractPredictor):
    """Linear in the chosen entries of the query."""

    weights: jax.Array
    chosen: jax.Array

    def __call__(self, prompt):
        return self.weights @ prompt.query[self.chosen]


def test_whole_numbers_in_a_model_stay_as_they_are(key):
    start = OfSomeInputs(jnp.zeros((1, 2)), jnp.array([2, 0]))
    model = fit(start, LinearRegression(2, 3), FitConfig(num_steps=2, batch_size=4), key=key).model
    np.testing.assert_array_equal(model.chosen, start.chosen)
    assert np.all(model.weights != start.weights)


class Recurrent(AbstractPredictor):
    """Its state starts at zero, the same for every seed."""

    rate: jax.Array

    def __call__(self, prompt):
        start = jnp.zeros((1, D))
        step = lambda state, pair: (state + self.rate * jnp.outer(pair[1], pair[0]), None)  # noqa: E731
        return jax.lax.scan(step, start, (prompt.xs, prompt.ys))[0] @ prompt.query


def test_a_model_may_loop_from_a_constant_and_learning_rates_may_be_learned():
    looped = fit_seeds(lambda _: Recurrent(jnp.asarray(0.1)), TASK, SHORT, keys=make_keys(2)).model
    algorithm = fit_seeds(lambda _: GradientDescent(jnp.asarray(0.1 * N)), TASK, SHORT, keys=make_keys(2)).model
    assert (np.asarray(looped.rate) != 0.1).all()
    assert (np.asarray(algorithm.learning_rate) != 0.1 * N).all()


def test_the_loss_is_that_of_the_probe():
    learner, rng = GradientDescent(0.4), np.random.default_rng(0)
    shapes = ((16, N, D), (16, N, 1), (16, D), (16, 1))
    arrays = [rng.normal(size=shape) for shape in shapes]
    params, static = eqx.partition(learner, eqx.is_inexact_array)

    @jax.jit
    def answers(arrays):
        prompts = jax.vmap(Prompt)(*arrays)
        return jax.vmap(learner)(prompts), loop.loss_and_gradient(static, params, prompts)[0]

    predictions, loss = map(np.asarray, answers(arrays))
    expected = np.mean([0.5 * np.sum((p - target) ** 2) for p, target in zip(predictions, arrays[3], strict=True)])
    np.testing.assert_allclose(loss, expected, rtol=1e3 * EPS)


@pytest.mark.parametrize(
    ("model_class", "size"), [(AugmentedLayer, 1), (AugmentedLayer, 96), (SequenceTransformer, 96)]
)
def test_the_gradient_of_sequences_taken_in_parts_is_that_of_the_whole(model_class, size):
    """1 is one part, 96 are three: relative 1e3 eps of float64."""
    model = SEQUENCE_MODEL if model_class is AugmentedLayer else initialised(model_class, key=jax.random.key(0))
    params, static = eqx.partition(model, eqx.is_inexact_array)
    states = np.random.default_rng(size).normal(size=(size, 5, 4))

    @jax.jit
    def losses_and_gradients(params, states):
        batch = jax.vmap(Sequence)(states)

        def mean_loss(params):
            errors = jax.vmap(eqx.combine(params, static).next_states)(batch)[:, :-1] - batch.states[:, 1:]
            return jnp.mean(jnp.sum(errors**2, axis=-1)) / 2

        return loop.loss_and_gradient(static, params, batch), jax.value_and_grad(mean_loss)(params)

    for a, b in zip(*map(jax.tree.leaves, losses_and_gradients(params, states)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e3 * np.finfo(float).eps * np.abs(b).max())


@pytest.mark.parametrize(("model", "task", "message"), [
    (MODEL, HaarProcess(6, 4), "of sequences for a process; got Transformer and HaarProcess"),
    (GradientDescent(0.1), HaarProcess(6, 4), "of sequences for a process; got GradientDescent and HaarProcess"),
    (SEQUENCE_MODEL, LinearRegression(6, 4, 4), "of prompts for a task; got AugmentedLayer and LinearRegression"),
    (SEQUENCE_MODEL, LinearRegression(6, 4, 1), "of prompts for a task; got AugmentedLayer and LinearRegression"),
])  # fmt: skip
def test_a_process_trains_models_of_sequences_and_a_task_models_of_prompts(model, task, message, key):
    with pytest.raises(ValueError, match=f"`model` must be a model {message}. Take "):
        fit(model, task, SHORT, key=key)


def test_a_model_for_states_of_another_size_is_refused(key):
    with pytest.raises(ValueError, match="`sequence` must have states of size 4; got 3"):
        fit(SEQUENCE_MODEL, HaarProcess(6, 3), SHORT, key=key)


@pytest.mark.parametrize("name", ["num_steps", "batch_size", "chunk_size"])
def test_sizes_are_counts(name):
    with pytest.raises(ValueError, match=f"`{name}` must be an integer"):
        FitConfig(**{name: 0})


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["learning_rate", "clip_norm", "b1", "b2", "weight_decay"])
def test_rates_are_numbers_that_make_sense(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        FitConfig(**{name: value})


def test_a_schedule_gives_each_step_its_rate_across_chunks():
    """After the two steps of its decay nothing moves: were steps counted by chunk, later chunks would move."""
    rate = CosineDecay(0.03, 1e-30, 2)
    np.testing.assert_allclose([rate(step) for step in (0, 1, 2, 9)], [0.03, 0.015, 1e-30, 1e-30], atol=1e3 * EPS)
    moved = fit_seeds(make_model, TASK, replace(SHORT, learning_rate=rate), keys=make_keys(1)).snapshots
    start, *rest = (take(moved, np.s_[:, i]) for i in range(4))
    assert np.abs(rest[0].layers[0].output - start.layers[0].output).max() > 1e-3
    for later in rest[1:]:
        assert_same(later, rest[0], 1e-12)


@pytest.mark.parametrize("name", ["start", "end"])
def test_rates_of_a_schedule_are_positive(name):
    with pytest.raises(ValueError, match=f"`{name}` must be positive"):
        CosineDecay(**{name: 0.0})
    with pytest.raises(ValueError, match="`num_steps` must be an integer"):
        CosineDecay(num_steps=0)


@pytest.mark.parametrize("name", ["b1", "b2"])
def test_averages_forget(name):
    with pytest.raises(ValueError, match="must be below 1"):
        FitConfig(**{name: 1.0})


def test_the_defaults_are_the_papers():
    assert FitConfig() == FitConfig(5000, 2048, 1e-3, 0.9, 0.98, 0.0, 1e-3, 100)


def test_setting_up_the_machine_keeps_a_cache_that_was_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = {
        n: getattr(jax.config, n) for n in ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    }
    try:
        for chosen, expected in ((None, str(tmp_path / "mesascope" / "xla")), ("/elsewhere", "/elsewhere")):
            jax.config.update("jax_compilation_cache_dir", chosen)
            for _ in range(2):
                runtime.set_up_runtime()
                assert jax.config.jax_compilation_cache_dir == expected
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


@pytest.mark.parametrize(
    ("jaxlib", "started", "told"), [("0.10.2", False, True), ("0.10.2", True, False), ("0.99", False, False)]
)
def test_the_compiler_is_told_before_jax_starts_and_only_what_it_knows(monkeypatch, jaxlib, started, told):
    def update(name, _):
        if started and name == "jax_num_cpu_devices":
            raise RuntimeError("JAX has started")

    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(runtime, "version", lambda _: jaxlib)
    monkeypatch.setattr(runtime.jax, "config", SimpleNamespace(update=update, jax_compilation_cache_dir="/elsewhere"))
    runtime.set_up_runtime()
    for name, value in runtime.FLAGS.items():
        assert (f"--{name}={value}" in os.environ["XLA_FLAGS"]) is told


def test_the_cores_are_counted_everywhere(monkeypatch):
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert runtime.num_cores() == 3
    monkeypatch.delattr(runtime.os, "sched_getaffinity")
    monkeypatch.setattr(runtime.os, "cpu_count", lambda: None)
    assert runtime.num_cores() == 1
