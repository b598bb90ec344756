"""What the plateau study measures: lengths, the path a layer takes, how fast Adam could be, starts of any scale."""

from functools import partial

import jax
import numpy as np
import pytest

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_step_size
from mesascope.prompt import Prompt
from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.plateau_ends import crossings, plateau_ends
from mesascope.studies.oswald2023.fig15_plateau.cells import (
    BlockLosses,
    LayerPlateaus,
    PlateauCell,
    draw_of_any_scale,
    first_prompts,
    swapped_share,
)
from mesascope.studies.oswald2023.fig15_plateau.plateaus import fastest_length, levels, plateau_lengths
from mesascope.studies.oswald2023.fig15_plateau.readings import (
    Summary,
    also_measured,
    block_half_way,
    lengths_of,
    line_through,
    readings,
    swapped_when_most_leave,
)
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.theory.linear_regression import gradient_descent_loss, initial_loss, one_step_optimum
from mesascope.training.config import FitConfig

EPS = np.finfo(np.float64).eps
TASK = LinearRegression(num_examples=5, dim_x=3)
START, BEST = initial_loss(3, 0.5), one_step_optimum(5, 3, 0.5).loss


def falling_at(step, num_steps=200):
    return np.where(np.arange(num_steps) < step, START, BEST)


def one_way(straight, swapped):
    """A head of two paths: the value takes y and the key x on the first, the value x and the key y on the second."""
    key_query, output_value = np.zeros((2, 4, 4))
    key_query[:3, :3], output_value[3, 3] = straight * np.eye(3), -float(straight > 0)
    key_query[3, 0], output_value[3, 0] = swapped, -1.0
    identity = np.eye(4)[None]
    return LinearSelfAttention(*jax.device_put((identity, key_query[None], output_value[None], identity)))


def test_a_plateau_ends_where_the_averaged_loss_is_half_way_down():
    """A step at 80 is half way down the average over 20 steps that is centred there, one step more or less."""
    found = plateau_lengths(np.stack([falling_at(80), falling_at(120)]), TASK)
    np.testing.assert_allclose(found, [80, 120], atol=1)


def test_a_plateau_without_end_has_all_steps_and_a_lost_one_has_no_length():
    lost = falling_at(80).copy()
    lost[100:] = np.nan
    found = plateau_lengths(np.stack([np.full(200, START), lost]), TASK)
    np.testing.assert_array_equal(found, [200, np.nan])


def test_the_share_is_that_of_the_swapped_path():
    """|P W_V,yy| |W_KQ,xx| is 2 sqrt(3), |P W_V,yx| |W_KQ,yx| is 2; rescaling a head changes neither's share."""
    ways = one_way(2.0, 0.0), one_way(0.0, 2.0), one_way(2.0, 2.0)
    snapshots = jax.tree.map(lambda *leaves: np.stack([np.stack(leaves)] * 2), *ways)  # of two seeds
    share = [0.0, 1.0, 1 / (1 + np.sqrt(3))]
    np.testing.assert_allclose(swapped_share(snapshots), [share, share], rtol=0, atol=1e3 * EPS)


def test_the_swapped_path_reaches_the_level_drawn_for_it():
    """Its best loss over 40000 prompts, a parabola's vertex, is the closed form within z = 5 standard errors."""
    level = levels(TASK)["one direction of it"]
    rng = np.random.default_rng(0)
    teacher, xs, query = (
        rng.normal(size=(40_000, 3)), rng.uniform(-0.5, 0.5, (40_000, 5, 3)), rng.uniform(-0.5, 0.5, (40_000, 3)),
    )  # fmt: skip
    ys, targets = np.einsum("pni,pi->pn", xs, teacher)[..., None], np.sum(query * teacher, axis=1)
    prompts = jax.vmap(Prompt)(*jax.device_put((xs, ys, query, targets[:, None])))
    model = Transformer((one_way(0.0, 1.0),), JoinedTokens(3))
    predictions = np.asarray(jax.jit(jax.vmap(model))(prompts))[:, 0]
    best = np.sum(predictions * targets) / np.sum(predictions**2)
    errors = (best * predictions - targets) ** 2 / 2
    assert abs(errors.mean() - level) <= 5 * errors.std() / np.sqrt(len(errors))
    assert BEST < level < START


@pytest.mark.parametrize("num_heads", [1, 2])
def test_weights_that_grow_in_step_are_half_way_at_the_time_given(num_heads):
    """Heads of W_K = W_Q = s H, H the Hadamard matrix of 4, and P W_V from vectors of s: half way at s = t rate."""
    rate, signs = 1e-3, np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    size = rate * fastest_length(TASK, num_heads, rate)
    key_query = size**2 * signs.T @ signs
    output_value = np.zeros((4, 4))
    output_value[3, 3] = -4 * size**2
    step = num_heads * float(jax.jit(lambda *products: learned_step_size(*products, 3, 5))(key_query, output_value))
    loss = gradient_descent_loss(step, 1, num_examples=5, dim_x=3, input_scale=0.5)
    np.testing.assert_allclose(loss, (START + BEST) / 2, rtol=1e3 * EPS)


def test_a_start_of_one_scale_is_the_usual_start(key):
    """W of the same key, up to the rounding of a logarithm: relative 1e3 eps."""

    @jax.jit
    def draw(key):
        made = draw_of_any_scale(3, num_heads=2, smallest=0.02, largest=0.02, key=jax.random.clone(key))
        return made, Transformer.initialise(3, num_heads=2, init_scale=0.02, key=jax.random.split(key)[1])

    for ours, theirs in zip(*map(jax.tree.leaves, draw(key)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e3 * EPS, atol=0)


def test_starts_are_log_uniform_and_the_same_for_any_number_of_heads():
    """The logarithm of the variance over 500 keys: mean and variance of a uniform law, z = 5 and estimated weights."""
    bounds = {"smallest": 1e-4, "largest": 1e-1}
    keys = jax.random.split(jax.random.key(5), 500)

    def scales(num_heads):
        draw = jit_once(jax.vmap(lambda key: draw_of_any_scale(10, num_heads=num_heads, key=key, **bounds)))
        weights = jax.tree.leaves(draw(jax.random.clone(keys)))
        arrays = {f"weights_{i:03d}": np.asarray(leaf)[:, None] for i, leaf in enumerate(weights)}
        results = {**arrays, "losses": np.zeros((500, 1)), "snapshot_steps": np.array([0])}
        make_model = partial(draw_of_any_scale, 10, num_heads=num_heads, **bounds)
        cell = PlateauCell(Training(make_model, TASK, FitConfig(1, 1), 500))
        return 11 * cell.compute(Workspace(need=lambda training: results))["initial_std"] ** 2

    one, two = (np.log(scales(num_heads)) for num_heads in (1, 2))
    width = np.log(1e3)
    assert abs(one.mean() - np.log(1e-4) - width / 2) <= 5 * width / np.sqrt(12 * 500)
    assert abs(one.std() / (width / np.sqrt(12)) - 1) < 0.1
    assert np.abs(one - two).max() < 5 * np.sqrt(2) * 2 / np.sqrt(3 * 121)  # the error of a variance of 363 weights


def layer_of(losses, std=None):
    """A training whose snapshots are at step 0, 100 and 200, and which takes the swapped path at 100 only."""
    swapped = np.tile([0.0, 1.0, 0.5], (len(losses), 1))
    return LayerPlateaus(losses, np.ones(len(losses)) if std is None else std, 100 * np.arange(3), swapped)


def test_a_law_that_holds_is_read_as_one():
    """Losses that fall at 100 - 40 log10(scale): the line's slope, nothing left of it, and the smaller half longer."""
    std = np.array([0.1, 0.001, 0.01, 0.03])
    lengths = 100 - 40 * np.log10(std)
    swept = layer_of(np.stack([falling_at(round(length), 400) for length in lengths]), std)
    plain = layer_of(np.stack([falling_at(step, 400) for step in (100, 110, 300)]))
    block = BlockLosses(np.array([0, 20]), np.array([[START, BEST]]), np.array([[START, BEST]]))
    summary = Summary(plain, plain, swept, swept, block)
    numbers, of = readings(summary, TASK), lengths_of(summary, TASK)
    np.testing.assert_allclose(line_through(std, of.sweep_one).slope, -40, atol=1.5)  # lengths are whole steps
    assert np.isnan(line_through(np.ones(4), of.sweep_one).slope)
    assert numbers["logarithm"].max() < 0.1
    np.testing.assert_allclose(numbers["smaller-longer"], np.array([220, 180]) / 150, atol=0.05)
    np.testing.assert_allclose(numbers["earlier"], np.array([100, 110, 300]) / 110, atol=0.02)
    np.testing.assert_allclose(numbers["spread"], np.array([10, 0, 190]) / (200 / 3), atol=0.05)
    assert numbers["block-later"] == 1
    np.testing.assert_array_equal(swapped_when_most_leave(summary, of), np.ones(7))  # most leave at step 110
    share = also_measured(summary, TASK, 1e-3)["share of one head's plateaus over 1.5 times their median"]
    np.testing.assert_allclose(share, np.mean([100, 110, 300, *lengths] > 1.5 * np.median([100, 110, 300, *lengths])))


def test_a_plateau_that_never_ends_is_masked():
    """Of losses that fall at 50, at 120 and never; the last falls below a level of its own, at once."""
    losses = np.stack([falling_at(end) for end in (50, 120, 10**6, 10**6)])
    ends = plateau_ends(losses, np.array([(START + BEST) / 2] * 3 + [2 * START]))
    np.testing.assert_allclose(ends[:2], [50, 120], atol=1)
    assert ends.mask.tolist() == [False, False, True, False]


def test_half_way_is_read_between_snapshots():
    """Losses that fall by 1 a snapshot, 10 steps apart, from 4: 2.5 at step 15. At once, never, and a lost one."""
    losses = np.array([[4.0, 3.0, 2.0, 1.0], [1.0] * 4, [4.0] * 4, [4.0, 1.0, np.nan, np.nan]])
    found = crossings(10 * np.arange(4), losses, 2.5)
    np.testing.assert_allclose(found.data[[0, 1]], [15.0, 0.0])
    assert found.mask.tolist() == [False, False, True, False]
    assert np.isnan(found[3])
    np.testing.assert_allclose(crossings(10 * np.arange(4), losses[:1], 2.25), [17.5])


def test_a_block_that_learns_its_own_tasks_first_is_told():
    """Its own tasks half way at step 10, fresh ones at 30: three times as late."""
    block = BlockLosses(20 * np.arange(3), np.array([[START, BEST, BEST]]), np.array([[START, START, BEST]]))
    np.testing.assert_allclose(block_half_way(block, TASK), [[10.0], [30.0]])


def test_a_block_s_own_prompts_are_the_first_of_its_pool():
    """All four where more are asked for; a larger pool of one seed begins with the smaller one."""
    all_four, of_more = (first_prompts(FinitePool(TASK, n), size) for n, size in ((4, 500), (9, 4)))
    for prompts in zip(*map(jax.tree.leaves, (all_four, of_more)), strict=True):
        assert len(prompts[0]) == 4
        np.testing.assert_array_equal(*prompts)
