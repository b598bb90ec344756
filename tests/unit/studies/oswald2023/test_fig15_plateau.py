"""What the plateau study measures: lengths, the path a layer takes, how fast Adam could be, starts of any scale."""

import math
from functools import partial

import jax
import numpy as np
import pytest

from mesascope.models.attention import LinearSelfAttention
from mesascope.models.tokens import JoinedTokens
from mesascope.models.transformer import Transformer
from mesascope.probes.weights import learned_step_size
from mesascope.prompt import Prompt
from mesascope.studies import find_study
from mesascope.studies._shared.measure import jit_once
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.plateau_ends import plateau_ends
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
    Tried,
    also_measured,
    is_long,
    judged,
    lengths_of,
    readings,
    swapped_when_most_leave,
)
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.tasks.pool import FinitePool
from mesascope.theory.linear_regression import initial_loss, one_step_optimum
from mesascope.training.config import FitConfig
from oracles.descent_loss import gradient_descent_loss

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
    level = levels(TASK)["a step in one direction"]
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


def layer_of(losses):
    """A training whose snapshots are at step 0, 100 and 200, and which takes the swapped path at 100 only."""
    return LayerPlateaus(losses, np.ones(len(losses)), 100 * np.arange(3), np.tile([0.0, 1.0, 0.5], (len(losses), 1)))


def summary_of(one, two, sweep, std, scan=None):
    """Trainings whose losses fall at these steps."""
    layers = (layer_of(np.stack([falling_at(step, 800) for step in steps])) for steps in (one, two, sweep))
    one, two, sweep = layers
    return Summary(one, two, sweep._replace(initial_std=np.array(std)), scan or {Tried(1e-3, 8): block_of([1, 1, 1])})


def block_of(*fresh):
    """A block whose fresh losses are these, in units of gradient descent's."""
    fresh = BEST * np.array(fresh)
    return BlockLosses(20 * np.arange(fresh.shape[1]), 0.5 * fresh, fresh)


def test_long_plateaus_are_counted_and_compared_by_fisher_s_test():
    """Two of eight against none of eight: both are among the first eight of sixteen, C(8, 2) / C(16, 2)."""
    summary = summary_of([100] * 5 + [104, 300, 700], [84] * 8, [100] * 4, np.ones(4))
    assert is_long(lengths_of(summary, TASK).one).tolist() == [False] * 6 + [True] * 2
    numbers = readings(summary, TASK)
    np.testing.assert_allclose(numbers["long"], math.comb(8, 2) / math.comb(16, 2), rtol=1e3 * EPS)
    turned = readings(summary._replace(one=summary.two, two=summary.one), TASK)
    assert turned["long"] == 1
    np.testing.assert_allclose(numbers["ratio"], abs(0.84 * 2**0.25 - 1), atol=0.02)  # lengths are whole steps
    assert also_measured(summary, TASK, 1e-3)["share of long plateaus, one head"] == 0.25


def test_halves_of_a_sweep_are_compared_by_their_medians():
    """The smaller half of the scales has 150, 160, 800; the larger 100, 100, 700: medians 160 and 100."""
    summary = summary_of([100] * 2, [84] * 2, [100, 150, 700, 160, 100, 800], [0.5, 0.1, 0.6, 0.2, 0.4, 0.3])
    np.testing.assert_allclose(readings(summary, TASK)["scale"], 0.6, atol=0.02)


def test_the_swapped_path_of_long_plateaus_is_held_against_that_of_the_others():
    """The shares at step 100 of four seeds of 100 steps and more, and of two of the sweep; the last is long."""
    summary = summary_of([100, 101, 102, 700], [84] * 2, [103, 600, 102], np.ones(3))
    share, swept = np.array([0.1, 0.3, 0.2, 0.9]), np.array([0.0, 0.7, 0.1])
    one, sweep = (
        layer._replace(swapped=np.stack([0 * each, each, 1 - each], axis=1))
        for layer, each in ((summary.one, share), (summary.sweep, swept))
    )
    found = summary._replace(one=one, sweep=sweep)
    np.testing.assert_array_equal(swapped_when_most_leave(found, lengths_of(found, TASK)), [*share, *swept])
    np.testing.assert_allclose(readings(found, TASK)["swapped"], [0.7 - 0.3], rtol=1e3 * EPS)
    none_long = summary_of([100] * 2, [84] * 2, [100] * 2, np.ones(2))
    assert np.ma.count(readings(none_long, TASK)["swapped"]) == 0


def test_the_first_seed_chooses_the_block_and_the_others_are_judged():
    """Of four settings one does not rise, one ends too high, and of two that may be judged one rises higher."""
    scan = {
        Tried(1e-3, 8): block_of([2, 1.9, 1], [2, 9, 1]),
        Tried(3e-3, 8): block_of([2, 2.4, 1.05], [2, 3, 1.5]),
        Tried(1e-2, 8): block_of([2, 3, 1.08], [2, 4, 1.2]),
        Tried(3e-2, 8): block_of([2, 9, 1.2], [2, 9, 1]),
    }
    assert judged(scan, TASK) == (1e-2, 8)
    numbers = readings(summary_of([100] * 2, [84] * 2, [100] * 2, np.ones(2), scan), TASK)
    np.testing.assert_allclose(numbers["block-rises"], [2], rtol=1e3 * EPS)
    np.testing.assert_allclose(numbers["block-ends"], [0.2], rtol=1e3 * EPS)


def test_a_scan_that_finds_nothing_leaves_the_block_unmeasured_and_says_what_was_tried():
    """Losses that only fall, or that were lost."""
    scan = {Tried(1e-3, 32): block_of([2, 1, 1], [2, 9, 1]), Tried(1e-3, 64): block_of([2, 9, np.nan], [2, 9, 1])}
    summary = summary_of([100] * 2, [84] * 2, [100] * 2, np.ones(2), scan)
    numbers = readings(summary, TASK)
    assert judged(scan, TASK) is None
    assert [np.ma.count(numbers[name]) for name in ("block-rises", "block-ends")] == [0, 0]
    (note,) = find_study("oswald2023-fig15-plateau").preset("smoke").notes(summary)
    assert all(text in note for text in ("not tested", "0.001", "32, 64", "40 steps"))


def test_a_scan_trains_a_block_at_every_rate_and_batch():
    study = find_study("oswald2023-fig15-plateau").preset("smoke", scan_rates=(1e-3, 1e-2), scan_batches=(8, 16))
    trained = [
        (cell.training.config.learning_rate, cell.training.config.batch_size) for cell in study.blocks().values()
    ]
    assert trained == list(study.blocks()) == [(1e-3, 8), (1e-3, 16), (1e-2, 8), (1e-2, 16)]
    assert {cell.training.seeds for cell in study.blocks().values()} == {2}


def test_a_plateau_that_never_ends_is_masked():
    """Of losses that fall at 50, at 120 and never; the last falls below a level of its own, at once."""
    losses = np.stack([falling_at(end) for end in (50, 120, 10**6, 10**6)])
    ends = plateau_ends(losses, np.array([(START + BEST) / 2] * 3 + [2 * START]))
    np.testing.assert_allclose(ends[:2], [50, 120], atol=1)
    assert ends.mask.tolist() == [False, False, True, False]


def test_a_block_s_own_prompts_are_the_first_of_its_pool():
    """All four where more are asked for; a larger pool of one seed begins with the smaller one."""
    all_four, of_more = (first_prompts(FinitePool(TASK, n), size) for n, size in ((4, 500), (9, 4)))
    for prompts in zip(*map(jax.tree.leaves, (all_four, of_more)), strict=True):
        assert len(prompts[0]) == 4
        np.testing.assert_array_equal(*prompts)
