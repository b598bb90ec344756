"""Softmax heads: what their weights say, and what the study reads of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from mesascope.constructions.softmax_pair import SoftmaxPair
from mesascope.prompt import Prompt
from mesascope.studies.oswald2023._shared.best_multiple import best_multiple
from mesascope.studies.oswald2023.fig11_softmax.cells import BestSteps, HeadMeasures, head_rates, smoother
from mesascope.studies.oswald2023.fig11_softmax.readings import (
    Summary,
    cosine,
    distance_from_identity,
    off_diagonal,
    readings,
)

EPS = np.finfo(np.float64).eps


def prompts(num_prompts):
    """Prompts of five examples of three inputs and a label."""
    rng = np.random.default_rng(0)
    shapes = ((num_prompts, 5, 3), (num_prompts, 5, 1), (num_prompts, 3), (num_prompts, 1))
    return jax.vmap(Prompt)(*jax.device_put([rng.normal(size=shape) for shape in shapes]))


def test_its_heads_rates_add_up_to_its_learning_rate():
    """As the softmax study reads them off the weights: rate / 2 times the identity each, writes that cancel."""
    rates = jax.jit(lambda: head_rates(SoftmaxPair(0.8, 0.05, 1, 3).build()))()
    np.testing.assert_allclose(rates["rates"], np.stack([0.4 * np.eye(3)] * 2), rtol=0, atol=1e3 * EPS)
    np.testing.assert_allclose(rates["writes"], [-8.0, 8.0], rtol=1e3 * EPS)


def test_the_best_single_head_is_a_softmax_head():
    """A model of one head W_KQ = 3 sqrt(k) I on x, P W_V = 1 on y, reads what the smoother reads."""

    @jax.jit
    def both():
        pair = SoftmaxPair(-6.0, 3.0, 1, 3).build()
        alone = eqx.tree_at(lambda m: m.layers[0].output, pair, replace_fn=lambda output: output.at[1].set(0.0))
        return jax.vmap(alone)(prompts(10)), smoother(jnp.asarray(3.0), prompts(10))

    prediction, expected = both()
    np.testing.assert_allclose(-np.asarray(prediction), expected, rtol=0, atol=1e3 * EPS)


def test_distances_and_cosines_of_matrices():
    matrices = np.array([[[2.0, 3.0], [0.0, 4.0]], [[2.0, 0.0], [0.0, 2.0]]])
    assert off_diagonal(matrices).tolist() == [[3.0, 0.0], [0.0, 0.0]]
    np.testing.assert_allclose(distance_from_identity(matrices), [np.sqrt(11 / 29), 0], rtol=1e3 * EPS)
    first, second = np.array([[3.0, 4.0]]), np.array([[-4.0, -3.0]])
    np.testing.assert_allclose(cosine(first, second), [-24 / 25], rtol=1e3 * EPS)


def test_the_best_multiple_is_the_best_of_a_fine_grid():
    """The loss is a parabola, so that a grid of spacing h misses its least value by at most its curvature h^2 / 8."""
    target = np.asarray(prompts(50).target)
    values = np.random.default_rng(1).normal(size=(50, 1)) + target
    factor, loss = jax.jit(best_multiple)(values, prompts(50))
    grid = np.linspace(-2, 2, 4001)
    losses = ((grid[:, None] * values[:, 0] - target[:, 0]) ** 2).mean(axis=1) / 2
    assert abs(float(factor) - grid[losses.argmin()]) <= 1e-3
    assert 0 <= losses.min() - float(loss) <= np.mean(values**2) * 1e-6 / 8


def test_what_is_read_of_heads_by_hand():
    """Two heads of rates 2 I + M and 4 I - M, M off the diagonal, which write 3 and -1."""
    mirrored = np.array([[0.0, 1.0], [-2.0, 0.0]])
    rates = np.stack([2 * np.eye(2) + mirrored, 4 * np.eye(2) - mirrored])[None]
    steps, zero = np.array([0, 10]), np.zeros((1, 2, 2, 2))
    loss, cosines = np.array([[1.0, 0.22]]), (np.array([[0, 0.95]]), np.array([[0, 0.99]]))
    two = HeadMeasures(steps, loss, *cosines, rates, np.array([[3.0, -1.0]]))
    one = HeadMeasures(steps, np.array([[1.0, 0.4]]), *cosines, zero[:, :1], np.zeros((1, 1)))
    best = BestSteps(*map(np.asarray, (6.0, 0.2, 6.3, 0.21, 0.97, 0.28, 6.7)))
    numbers = readings(Summary(best, {1: one, 2: two}))
    expected = {
        "one-head": 2.0,
        "two-heads": 0.1,
        "centred-loss": 1 / 21,
        "centred-cosine": 0.99,
        "centred-wins": 0.04,
        "opposite": 0.5,
        "mirrored": -1.0,
        "diagonal": 0.0,
        "one-head-least": 0.12 / 0.28,
        "mean learning rate of the first of two heads": 2.0,
        "loss of 1 head": 0.4,
    }
    for name, number in expected.items():
        np.testing.assert_allclose(numbers[name], [number], rtol=0, atol=1e3 * EPS)
    alone = readings(Summary(best, {2: two}))
    assert [np.ma.count(alone[name]) for name in ("one-head", "one-head-least")] == [0, 0]
    seeds = one._replace(loss=np.array([[1.0, 0.4], [1.0, 0.28]]))
    np.testing.assert_allclose(readings(Summary(best, {1: seeds, 2: two}))["one-head-least"], [0.0], atol=1e3 * EPS)
