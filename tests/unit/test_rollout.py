"""A layer applied many times: divergence against spectra made for it, and losses against the construction's."""

from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.studies.oswald2023.fig10_rollout import panels as panels
from mesascope.studies.oswald2023.fig10_rollout.descent import DescentCell, best_rate, measure_descent, measure_theory
from mesascope.studies.oswald2023.fig10_rollout.divergence import diverges, largest_eigenvalues
from mesascope.studies.oswald2023.fig10_rollout.readings import exact, loss_distance, per_seed, remarks, share_distance
from mesascope.studies.oswald2023.fig10_rollout.trained import TrainedCell, measure_trained
from mesascope.study.base import Workspace
from mesascope.tasks.linear_regression import LinearRegression

TASK = LinearRegression(4, 3)
SIZES = {"num_examples": 4, "dim_x": 3}


class Constructed(NamedTuple):
    """What stands in for a training: construction after construction, one a seed."""

    models: list

    def trained(self, workspace):
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves) if hasattr(leaves[0], "shape") else 0, *self.models)
        return SimpleNamespace(model=stacked)


def inputs_of(rng, spectrum):
    """Inputs X whose X^T X has this spectrum."""
    left, right = (np.linalg.qr(rng.normal(size=(5, 3)))[0], np.linalg.qr(rng.normal(size=(3, 3)))[0])
    return left @ np.diag(np.sqrt(spectrum)) @ right.T


@pytest.mark.parametrize(
    ("largest", "expected"), [(2 - 1e-5, False), (2 + 1e-5, True), (1.0, False), (2.5, True), (30.0, True)]
)
def test_a_prompt_diverges_beyond_twice_the_inverse_step(largest, expected):
    """With tiny eigenvalues besides, and labels that no teacher gave, so that a residual remains."""
    rng = np.random.default_rng(1)
    xs = np.stack([inputs_of(rng, [largest, 0.3, 1e-12]) for _ in range(20)])
    diverged = diverges(0.5, np.sqrt(2) * xs, rng.normal(size=(20, 5, 2)))
    assert diverged.tolist() == [expected] * 20
    np.testing.assert_allclose(largest_eigenvalues(xs), largest, rtol=1e-12)


@pytest.fixture(scope="module")
def descent():
    calls = []
    cell = DescentCell(TASK, 20, 300, 500)
    arrays = measure_descent(cell, Workspace(report=lambda *call: calls.append(call)))
    assert calls[-1][:2] == (3, 3)
    return arrays


def test_divergence_is_predicted_of_every_prompt(descent):
    assert descent["mismatches"].tolist() == [0.0] * 4
    assert descent["diverged"][0] > 0
    assert (np.diff(descent["diverged"]) <= 0).all()  # less dampening diverges on more
    assert share_distance(descent, 300, 500).max() < 5


def test_losses_are_the_population_s(descent):
    assert descent["theory_steps"].tolist() == [1, 2, 5, 10, 20]
    assert loss_distance(descent)[2:].max() < 5
    assert (descent["loss"][:, 0] < descent["zero_loss"]).all()


def test_the_theory_s_losses_are_the_known_ones():
    """Two dampenings after 1, 2, 5, 10, 20, 50 steps, found on 10^4 prompts: z = 5, a deviation of 1.7 of the mean."""
    cell = DescentCell(LinearRegression(), 50, 1, 2000, (0.75, 0.5))
    arrays = measure_theory(cell, best_rate(cell.task) * np.array(cell.dampenings))
    known = [[0.219, 0.169, 0.116, 0.086, 0.064, 0.0433], [0.259, 0.203, 0.140, 0.104, 0.077, 0.0515]]
    np.testing.assert_allclose(arrays["theory_loss"], known, rtol=5 * 1.7 / 100)


@pytest.fixture(scope="module")
def rolled():
    """The construction at the best rate, and the same when it shrinks the first input a little, or blows it up."""
    exact = GradientDescentConstruction(best_rate(TASK), **SIZES).build()
    (layer,) = exact.layers

    def writing(number):
        value = layer.value.at[0, 0, 0].set(number)
        return type(exact)((type(layer)(layer.key, layer.query, value, layer.output),), exact.tokens)

    training = Constructed([exact, writing(-0.05), writing(1.0)])
    return measure_trained(TrainedCell(training, TASK, 20, 300), Workspace())


def test_the_construction_is_dampened_gradient_descent(rolled, descent):
    assert rolled["trained"].shape == (3, 4, 20)
    np.testing.assert_allclose(rolled["trained"][0], descent["loss"], rtol=1e-9)
    assert rolled["trained_exploded"][0].tolist() == [0] * 4


def test_silencing_undoes_what_writes_to_x(rolled, descent):
    for losses in rolled["silenced"]:
        np.testing.assert_allclose(losses, descent["loss"], rtol=1e-9)
    assert (np.abs(rolled["trained"][1] / descent["loss"] - 1).max(axis=1) > 1e-3).all()
    assert rolled["trained_exploded"][2].tolist() == [300] * 4
    assert not rolled["silenced_exploded"].any()


def test_distances_in_standard_errors_by_hand():
    shares = {"diverged": np.array([0.1, 0.0]), "theory_diverged": np.array([0.3, 0.0])}
    np.testing.assert_allclose(share_distance(shares, 50, 50), [0.2 / np.sqrt(0.2 * 0.8 * 2 / 50), 0.0])
    losses = {
        "theory_steps": np.array([1, 3]),
        "loss": np.array([[1.0, 9.0, 2.0]]),
        "standard_error": np.array([[0.3, 9.0, 0.0]]),
        "theory_loss": np.array([[1.5, 2.0]]),
        "theory_standard_error": np.array([[0.4, 1.0]]),
    }
    np.testing.assert_allclose(loss_distance(losses), [[1.0, 0.0]])


def test_readings_by_hand():
    """Of four dampenings the last two are stable."""
    descent = {
        "loss": np.array([[1.0, 300.0], [1.0, 200.0], [4.0, 2.0], [4.0, 3.0]]),
        "zero_loss": np.array(2.0),
        "mismatches": np.array([0.0, 1.0, 2.0, 0.0]),
        "diverged": np.zeros(4),
        "theory_diverged": np.zeros(4),
        "theory_steps": np.array([2]),
        "standard_error": np.ones((4, 2)),
        "theory_loss": np.array([[0.0], [0.0], [2.0], [0.0]]),
        "theory_standard_error": np.zeros((4, 1)),
    }
    expected = {"diverging-prompts": 3.0, "diverging-share": 0.0, "losses": 3.0, "explodes": 100.0, "falls": -0.25}
    assert exact(descent, 10, 10) == expected
    trained = np.stack([descent["loss"], descent["loss"] * np.array([9.0, 9.0, 1.0, 1.5])[:, None]])
    gaps = per_seed(descent, {"trained": trained, "silenced": trained[::-1]})
    assert gaps["trained"].tolist() == [0.0, 0.5]
    assert gaps["silenced"].tolist() == [0.5, 0.0]


def test_remarks_count_what_explodes(descent, rolled):
    said = remarks(descent, rolled)
    assert len(said) == 4
    assert all("explodes on 0, 0, 300 prompts" in remark for remark in said)
