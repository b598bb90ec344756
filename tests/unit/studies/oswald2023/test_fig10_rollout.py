"""A layer applied many times: losses against the construction's, divergence by brute force, readings by hand."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.measure import validation
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_step
from mesascope.studies.oswald2023._shared.repeated import Repeated, RepeatedCell
from mesascope.studies.oswald2023.fig10_rollout.readings import Summary, readings
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig

TASK = LinearRegression(4, 3)
RATE = best_step(TASK).learning_rate
DAMPENINGS = (1.0, 0.9, 0.75, 0.5)
NUM_PROMPTS = 300


def cell_of(task, num_steps, tuned_on_prompts=False):
    training = Training(partial(Transformer.initialise, task.dim_x), task, FitConfig(1), seeds=3)
    return RepeatedCell(training, num_steps, NUM_PROMPTS, DAMPENINGS, tuned_on_prompts)


@pytest.fixture(scope="module")
def repeated():
    """The construction at the best rate, and the same when it shrinks the first input a little, or blows it up."""

    @jax.jit
    def build(rate):
        exact = GradientDescentConstruction(rate, num_examples=4, dim_x=3).build()
        (layer,) = exact.layers

        def writing(number):
            value = layer.value.at[0, 0, 0].set(number)
            return type(exact)((type(layer)(layer.key, layer.query, value, layer.output),), exact.tokens)

        return jax.tree.map(lambda *leaves: jnp.stack(leaves), exact, writing(-0.05), writing(1.0))

    models = build(RATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "trained", lambda *_: SimpleNamespace(model=models))
        return Repeated(**cell_of(TASK, 20).compute(Workspace()))


def test_a_layer_of_the_construction_that_writes_to_y_only_is_dampened_gradient_descent(repeated):
    assert repeated.trained.shape == repeated.writes_x.shape == (3, 4, 20)
    for losses in (*repeated.trained, repeated.writes_x[0]):
        np.testing.assert_allclose(losses, repeated.gradient_descent, rtol=1e-9)
    assert not repeated.trained_exploded.any()
    assert (repeated.gap() < 1e-9).all()


def test_what_writes_to_x_shows_from_the_second_application_on(repeated):
    """The loss of one application does not depend on it, so that training leaves it as it was drawn."""
    np.testing.assert_allclose(repeated.writes_x[:, :, 0], repeated.trained[:, :, 0], rtol=1e-9)
    assert (np.abs(repeated.writes_x[1] / repeated.gradient_descent - 1).max(axis=1) > 1e-3).all()
    assert repeated.writes_x_exploded[2].tolist() == [NUM_PROMPTS] * 4


def diverges(step_size, xs, ys, num_doublings=24):
    """Whether 2^num_doublings steps W <- W - step_size (W X^T - Y^T) X from zero leave a larger |Y - X W^T|.

    The steps are affine and composed by squaring: no eigenvalue enters.
    """
    (num_prompts, _, dim_x), dim_y = xs.shape, ys.shape[2]
    steps = np.tile(np.eye(dim_x + dim_y), (num_prompts, 1, 1))
    steps[:, :dim_x, :dim_x] -= step_size * xs.transpose(0, 2, 1) @ xs
    steps[:, dim_x:, :dim_x] = step_size * ys.transpose(0, 2, 1) @ xs
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(num_doublings):
            steps = steps @ steps
        residuals = ys - xs @ steps[:, dim_x:, :dim_x].transpose(0, 2, 1)
        return ~(np.linalg.norm(residuals, axis=(1, 2)) <= np.linalg.norm(ys, axis=(1, 2)))


def test_the_share_that_diverges_is_that_of_very_many_steps(repeated):
    prompts = validation(TASK, NUM_PROMPTS)
    xs, ys = (np.asarray(each, float) for each in (prompts.xs, prompts.ys))
    shares = [diverges(dampening * RATE / 4, xs, ys).mean() for dampening in DAMPENINGS]
    np.testing.assert_allclose(repeated.diverging, shares, atol=1e-12)
    assert repeated.diverging[0] > 0


def test_losses_of_gradient_descent_are_the_known_ones():
    """Two dampenings after 1, 2, 5, 10, 20, 50 steps; z = 5, a deviation of 1.7 of the mean, 2000 and 10^4 prompts."""
    task = LinearRegression()
    rates = best_step(task).learning_rate * jnp.array([0.75, 0.5])
    losses = jax.jit(cell_of(task, 50).of_descent)(rates, validation(task, 2000))
    known = [[0.219, 0.169, 0.116, 0.086, 0.064, 0.0433], [0.259, 0.203, 0.140, 0.104, 0.077, 0.0515]]
    at = np.array([1, 2, 5, 10, 20, 50]) - 1
    np.testing.assert_allclose(np.asarray(losses)[:, at], known, rtol=5 * 1.7 * (1 / 2000 + 1e-4) ** 0.5)


def by_hand(trained, descent, writes_x_exploded=None):
    """A summary of losses set by hand; nothing explodes unless it is told to."""
    none = np.zeros(trained.shape[:2], int)
    exploded = none if writes_x_exploded is None else np.array(writes_x_exploded)
    return Summary(DAMPENINGS, Repeated(trained, 9 * trained, none, exploded, descent, np.zeros(4)), zero_loss=2.0)


DESCENT = np.array([[1.0, 300.0], [1.0, 200.0], [4.0, 2.0], [4.0, 3.0]])
TRAINED = np.stack([DESCENT, DESCENT * np.array([[9.0, 9.0], [4.0, 9.0], [1.0, 1.0], [1.0, 1.5]])])


def test_readings_by_hand():
    """Of four dampenings the last two are stable; the layer that writes to y only is judged."""
    found = readings(by_hand(TRAINED, DESCENT, [[9, 9, 0, 0], [9, 9, 0, 1]]))
    assert found["silenced"].tolist() == [0.0, 0.5]
    assert found["falls"].tolist() == [-0.25, 4.5 / 4 - 1]
    assert found["explodes"].tolist() == [100.0, 900.0]
    assert found["writes-x"] == 0.5
    assert found["prompts that explode, layer as trained, dampening 0.5"].tolist() == [0, 1]
    assert found["loss of gradient descent at the end, dampening 0.9"] == 200.0


def test_an_overflow_is_an_explosion_and_a_lost_training_is_none():
    trained = TRAINED.copy()
    trained[0, :2, 1] = np.nan  # inf - inf, in an application
    found = readings(by_hand(trained, DESCENT))
    assert found["explodes"].tolist() == [np.finfo(float).max, 900.0]
    trained[1] = np.nan
    found = readings(by_hand(trained, DESCENT, [[0, 0, 0, 0], [9, 9, 9, 9]]))
    assert np.isnan(found["explodes"]).tolist() == [False, True]
    assert np.isnan(found["writes-x"])


def test_without_a_stable_dampening_there_is_nothing_to_follow():
    summary = by_hand(TRAINED, DESCENT)._replace(dampenings=(1.0, 0.9, 0.85, 0.8))
    assert np.isnan(readings(summary)["silenced"]).all()
    assert np.isnan(readings(summary._replace(dampenings=(0.1, 0.2, 0.3, 0.4)))["explodes"]).all()
