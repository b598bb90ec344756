"""A layer applied many times: divergence against spectra made for it, and losses against the construction's."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gradient_descent import GradientDescentConstruction
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023.fig10_rollout.descent import (
    DampenedCell,
    Descent,
    Population,
    PopulationCell,
    best_rate,
)
from mesascope.studies.oswald2023.fig10_rollout.divergence import diverges, largest_eigenvalues
from mesascope.studies.oswald2023.fig10_rollout.readings import Summary, readings
from mesascope.studies.oswald2023.fig10_rollout.trained import Repeated, RepeatedCell
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.training.config import FitConfig

TASK = LinearRegression(4, 3)
SIZES = {"num_examples": 4, "dim_x": 3}
DAMPENINGS = (1.0, 0.9, 0.75, 0.5)
NUM_PROMPTS, NUM_SPECTRA = 300, 500


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
def summary():
    """Gradient descent and its population, and nothing trained."""
    descent = Descent(**DampenedCell(TASK, 20, NUM_PROMPTS, DAMPENINGS).compute(Workspace()))
    population = PopulationCell(TASK, (1, 2, 5, 10, 20), NUM_SPECTRA, DAMPENINGS).compute(Workspace())
    nothing = np.ones((1, 4, 20)), np.ones((1, 4))
    return Summary(DAMPENINGS, descent, Population(**population), Repeated(*nothing[:1] * 2, *nothing[1:] * 2))


def test_divergence_is_predicted_of_every_prompt(summary):
    assert summary.descent.mismatches.tolist() == [0.0] * 4
    assert summary.descent.diverged[0] > 0
    assert (np.diff(summary.descent.diverged) <= 0).all()  # less dampening diverges on more
    assert summary.share_distance(NUM_PROMPTS, NUM_SPECTRA).max() < 5


def test_losses_are_the_population_s(summary):
    assert summary.loss_distance()[summary.stable()].max() < 5
    assert (summary.descent.loss[:, 0] < summary.population.zero_loss).all()


def test_the_theory_s_losses_are_the_known_ones():
    """Two dampenings after 1, 2, 5, 10, 20, 50 steps, found on 10^4 prompts: z = 5, a deviation of 1.7 of the mean."""
    cell = PopulationCell(LinearRegression(), (1, 2, 5, 10, 20, 50), 2000, (0.75, 0.5))
    known = [[0.219, 0.169, 0.116, 0.086, 0.064, 0.0433], [0.259, 0.203, 0.140, 0.104, 0.077, 0.0515]]
    np.testing.assert_allclose(cell.compute(Workspace())["loss"], known, rtol=5 * 1.7 / 100)


@pytest.fixture(scope="module")
def repeated():
    """The construction at the best rate, and the same when it shrinks the first input a little, or blows it up."""

    @jax.jit
    def build(rate):
        exact = GradientDescentConstruction(rate, **SIZES).build()
        (layer,) = exact.layers

        def writing(number):
            value = layer.value.at[0, 0, 0].set(number)
            return type(exact)((type(layer)(layer.key, layer.query, value, layer.output),), exact.tokens)

        return jax.tree.map(lambda *leaves: jnp.stack(leaves), exact, writing(-0.05), writing(1.0))

    models = build(best_rate(TASK))
    training = Training(partial(Transformer.initialise, 3), TASK, FitConfig(1), seeds=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "trained", lambda *_: SimpleNamespace(model=models))
        return Repeated(**RepeatedCell(training, 20, NUM_PROMPTS, DAMPENINGS).compute(Workspace()))


def test_the_construction_is_dampened_gradient_descent(repeated, summary):
    assert repeated.trained.shape == (3, 4, 20)
    np.testing.assert_allclose(repeated.trained[0], summary.descent.loss, rtol=1e-9)
    assert repeated.trained_exploded[0].tolist() == [0] * 4


def test_silencing_undoes_what_writes_to_x(repeated, summary):
    for losses in repeated.silenced:
        np.testing.assert_allclose(losses, summary.descent.loss, rtol=1e-9)
    assert (np.abs(repeated.trained[1] / summary.descent.loss - 1).max(axis=1) > 1e-3).all()
    assert repeated.trained_exploded[2].tolist() == [NUM_PROMPTS] * 4
    assert not repeated.silenced_exploded.any()


def by_hand(dampenings, descent, population, trained=None):
    """A summary of numbers set by hand: what is not given is zero, and the layers silenced are the seeds reversed."""
    shape = descent["loss"].shape
    zeros = {"standard_error": np.zeros(shape), "diverged": np.zeros(shape[0]), "mismatches": np.zeros(shape[0])}
    steps = population["steps"]
    none = {"loss": np.zeros((shape[0], len(steps))), "standard_error": np.zeros((shape[0], len(steps)))}
    none |= {"diverged": np.zeros(shape[0]), "zero_loss": np.array(2.0)}
    trained = np.zeros((2, *shape)) if trained is None else trained
    exploded = np.zeros((2, shape[0]))
    return Summary(
        dampenings,
        Descent(**{**zeros, **descent}),
        Population(**{**none, **population}),
        Repeated(trained, trained[::-1], exploded, exploded + 1),
    )


def test_distances_in_standard_errors_by_hand():
    losses = {"loss": np.array([[1.0, 9.0, 2.0]] * 2), "standard_error": np.array([[0.3, 9.0, 0.0]] * 2)}
    theory = {"loss": np.array([[1.5, 2.0]] * 2), "standard_error": np.array([[0.4, 1.0]] * 2)}
    summary = by_hand(
        (0.5, 0.4),
        {**losses, "diverged": np.array([0.1, 0.0])},
        {"steps": np.array([1, 3]), **theory, "diverged": np.array([0.3, 0.0])},
    )
    np.testing.assert_allclose(summary.share_distance(50, 50), [0.2 / np.sqrt(0.2 * 0.8 * 2 / 50), 0.0])
    np.testing.assert_allclose(summary.loss_distance(), [[1.0, 0.0]] * 2)


def test_readings_by_hand():
    """Of four dampenings the last two are stable."""
    loss = np.array([[1.0, 300.0], [1.0, 200.0], [4.0, 2.0], [4.0, 3.0]])
    trained = np.stack([loss, loss * np.array([9.0, 9.0, 1.0, 1.5])[:, None]])
    summary = by_hand(
        DAMPENINGS,
        {"loss": loss, "mismatches": np.array([0.0, 1.0, 2.0, 0.0]), "standard_error": np.ones((4, 2))},
        {"steps": np.array([2]), "loss": np.array([[0.0], [0.0], [2.0], [0.0]])},
        trained,
    )
    found = readings(summary, 10, 10)
    expected = {"diverging-prompts": 3.0, "diverging-share": 0.0, "losses": 3.0, "explodes": 100.0, "falls": -0.25}
    assert {name: found[name] for name in expected} == expected
    assert found["trained"].tolist() == [0.0, 0.5]
    assert found["silenced"].tolist() == [0.5, 0.0]
    assert found["prompts on which the layer explodes, silenced, dampening 0.9"].tolist() == [1.0, 1.0]
