"""What the plateau study measures: lengths, the path a layer takes, how fast Adam could be, starts of any scale."""

import jax
import numpy as np
import pytest

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_step_size
from mesascope.studies.oswald2023.fig15_plateau import block as block
from mesascope.studies.oswald2023.fig15_plateau import plateaus as plateaus
from mesascope.studies.oswald2023.fig15_plateau import readings as readings
from mesascope.study.base import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.theory.linear_regression import gradient_descent_loss, initial_loss, one_step_optimum
from mesascope.training.config import FitConfig

EPS = np.finfo(np.float64).eps
TASK = LinearRegression(num_examples=5, dim_x=3)
START, BEST = initial_loss(3, 0.5), one_step_optimum(5, 3, 0.5).loss


def falling_at(step, num_steps=200):
    return np.where(np.arange(num_steps) < step, START, BEST)


def results(*layers):
    """What a training leaves: the weights of two seeds, one snapshot each layer, taken at steps 0, 100, ..."""
    names = ("key", "query", "value", "output")
    weights = {
        f"weights_{i:03d}": np.stack([getattr(each, name) for each in layers])[None] for i, name in enumerate(names)
    }
    return {
        "snapshot_steps": 100 * np.arange(len(layers)),
        **{name: np.repeat(w, 2, axis=0) for name, w in weights.items()},
    }


def one_way(straight, swapped):
    """A head of two paths: the value takes y and the key x on the first, the value x and the key y on the second."""
    key_query, output_value = np.zeros((2, 4, 4))
    key_query[:3, :3], output_value[3, 3] = straight * np.eye(3), -float(straight > 0)
    key_query[3, 0], output_value[3, 0] = swapped, -1.0
    identity = np.eye(4)[None]
    return LinearSelfAttention(*map(jax.numpy.asarray, (identity, key_query[None], output_value[None], identity)))


def test_a_plateau_ends_where_the_averaged_loss_is_half_way_down():
    """A step at 80 is half way down the average over 20 steps that is centred there, one step more or less."""
    found = plateaus.plateau_lengths(np.stack([falling_at(80), falling_at(120)]), TASK)
    np.testing.assert_allclose(found, [80, 120], atol=1)


def test_a_plateau_without_end_has_all_steps_and_a_lost_one_has_no_length():
    lost = falling_at(80).copy()
    lost[100:] = np.nan
    found = plateaus.plateau_lengths(np.stack([np.full(200, START), lost]), TASK)
    np.testing.assert_array_equal(found, [200, np.nan])


def test_the_share_is_that_of_the_swapped_path_at_the_snapshot_before():
    """|P W_V,yy| |W_KQ,xx| is 2 sqrt(3), |P W_V,yx| |W_KQ,yx| is 2; rescaling a head changes neither's share."""
    arrays = results(one_way(2.0, 0.0), one_way(0.0, 2.0), one_way(2.0, 2.0))
    for step, share in ((0.0, 0.0), (99.0, 0.0), (100.0, 1.0), (230.0, 1 / (1 + np.sqrt(3)))):
        np.testing.assert_allclose(plateaus.swapped_share(arrays, step), [share, share], rtol=0, atol=1e3 * EPS)


def test_the_swapped_path_reaches_the_level_drawn_for_it(key):
    """Its best loss over 40000 prompts, a parabola's vertex, is the closed form within z = 5 standard errors."""
    level = plateaus.levels(TASK)["one direction of it"]
    prompts = TASK.sample_batch(key, 40_000)
    model = Transformer((one_way(0.0, 1.0),), JoinedTokens(3))
    predictions = np.asarray(jax.jit(jax.vmap(model))(prompts))[:, 0]
    targets = np.asarray(prompts.target)[:, 0]
    best = np.sum(predictions * targets) / np.sum(predictions**2)
    errors = (best * predictions - targets) ** 2 / 2
    assert abs(errors.mean() - level) <= 5 * errors.std() / np.sqrt(len(errors))
    assert BEST < level < START


@pytest.mark.parametrize("num_heads", [1, 2])
def test_weights_that_grow_in_step_are_half_way_at_the_time_given(num_heads):
    """Heads of W_K = W_Q = s H, H the Hadamard matrix of 4, and P W_V from vectors of s: half way at s = t rate."""
    rate, signs = 1e-3, np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    size = rate * plateaus.fastest_length(TASK, num_heads, rate)
    key_query = size**2 * signs.T @ signs
    output_value = np.zeros((4, 4))
    output_value[3, 3] = -4 * size**2
    step = num_heads * float(learned_step_size(jax.numpy.asarray(key_query), jax.numpy.asarray(output_value), 3, 5))
    loss = gradient_descent_loss(step, 1, num_examples=5, dim_x=3, input_scale=0.5)
    np.testing.assert_allclose(loss, (START + BEST) / 2, rtol=1e3 * EPS)


@pytest.mark.parametrize("num_heads", [1, 2])
def test_a_start_of_one_scale_is_the_usual_start(num_heads, key):
    """W of the same key, up to the rounding of a logarithm: relative 1e3 eps."""
    made = plateaus.draw_of_any_scale(3, num_heads=num_heads, smallest=0.02, largest=0.02, key=jax.random.clone(key))
    usual = Transformer.initialise(3, num_heads=num_heads, init_scale=0.02, key=jax.random.split(key)[1])
    for ours, theirs in zip(jax.tree.leaves(made), jax.tree.leaves(usual), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e3 * EPS, atol=0)


def test_starts_are_log_uniform_and_the_same_for_any_number_of_heads():
    """The logarithm of the variance over 500 keys: mean and variance of a uniform law, z = 5 and estimated weights."""
    bounds = {"smallest": 1e-4, "largest": 1e-1}
    keys = jax.random.split(jax.random.key(5), 500)

    def scales(num_heads):
        draw = jax.jit(
            jax.vmap(lambda key: plateaus.draw_of_any_scale(10, num_heads=num_heads, key=key, **bounds).layers[0])
        )
        layer = draw(jax.random.clone(keys))
        arrays = {
            f"weights_{i:03d}": np.asarray(w)[:, None] for i, w in enumerate((layer.key, layer.query, layer.value))
        }
        return 11 * plateaus.initial_std(arrays) ** 2

    one, two = (np.log(scales(num_heads)) for num_heads in (1, 2))
    width = np.log(1e3)
    assert abs(one.mean() - np.log(1e-4) - width / 2) <= 5 * width / np.sqrt(12 * 500)
    assert abs(one.std() / (width / np.sqrt(12)) - 1) < 0.1
    assert np.abs(one - two).max() < 5 * np.sqrt(2) * 2 / np.sqrt(3 * 121)  # the error of a variance of 363 weights


def test_a_law_that_holds_is_read_as_one():
    """Losses that fall at 100 - 40 log10(scale): the line's slope, nothing left of it, and the smaller half longer."""
    std = np.array([0.1, 0.001, 0.01, 0.03])
    lengths = 100 - 40 * np.log10(std)
    sweep = np.stack([falling_at(round(length), 400) for length in lengths])
    plain = np.stack([falling_at(step, 400) for step in (100, 110, 300)])
    losses = {"steps": np.array([0, 20]), "own": np.array([[START, BEST]]), "fresh": np.array([[START, BEST]])}
    summary = readings.Summary(plain, plain, sweep, sweep, std, np.zeros(3), np.zeros(4), losses)
    numbers = readings.per_seed(summary, TASK)
    np.testing.assert_allclose(readings.read(summary, TASK).slope, -40, atol=1.5)  # lengths are whole steps
    assert numbers["logarithm"].max() < 0.1
    np.testing.assert_allclose(numbers["smaller-longer"], np.array([220, 180]) / 150, atol=0.05)
    np.testing.assert_allclose(numbers["earlier"], np.array([100, 110, 300]) / 110, atol=0.02)
    np.testing.assert_allclose(numbers["spread"], np.array([10, 0, 190]) / (200 / 3), atol=0.05)
    assert readings.long(plateaus.plateau_lengths(plain, TASK)).tolist() == [False, False, True]


def test_half_way_is_read_between_snapshots():
    """Losses that fall by 1 a snapshot, 10 steps apart, from 4: 2.5 at step 15. Constant ones: at once, never."""
    losses = np.array([[4.0, 3.0, 2.0, 1.0], [1.0] * 4, [4.0] * 4])
    np.testing.assert_allclose(block.half_way(10 * np.arange(4), losses, 2.5), [15.0, 0.0, np.inf])
    np.testing.assert_allclose(block.half_way(10 * np.arange(4), losses[:1], 2.25), [17.5])


def test_a_block_that_learns_its_own_tasks_first_is_told():
    """Its own tasks half way at step 10, fresh ones at 30: three times as late."""
    steps, level = 20 * np.arange(3), [START, BEST, BEST]
    arrays = {"steps": steps, "own": np.array([level]), "fresh": np.array([[START, START, BEST]])}
    own, fresh = readings.block_half_way(arrays, TASK)
    np.testing.assert_allclose([own[0], fresh[0]], [10.0, 30.0])


def test_a_block_is_measured_on_its_own_tasks_and_on_fresh_ones():
    """With four tasks and as many steps as make it know those, the loss on its own is far below that on others."""
    training = block.block_training(
        FinitePool(TASK, 4), 3, FitConfig(400, 16, clip_norm=10.0, learning_rate=5e-3), 1, 0
    )
    workspace = Workspace(need=lambda other: other.compute(Workspace()))
    with jax.numpy_dtype_promotion("standard"):  # optax's AdamW promotes
        arrays = block.measure_block(block.BlockCell(training, 500), workspace)
    assert arrays["own"].shape == arrays["fresh"].shape == (1, 21)
    assert arrays["own"][0, -1] < 0.1 * arrays["fresh"][0, -1]
