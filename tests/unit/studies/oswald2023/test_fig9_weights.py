"""The reading of trained weights, on weights that are a construction's, gauge and noise added by hand."""

from functools import partial
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_gdpp
from mesascope.studies.oswald2023.fig9_weights.cells import Weights, WeightsCell
from mesascope.studies.oswald2023.fig9_weights.readings import Summary, readings
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum
from mesascope.training.config import FitConfig

TASK = LinearRegression(5, 3)
EPS = np.finfo(np.float64).eps


def constructed(rates, depth, added):
    """What a training of two seeds might leave: the construction, and the same with `added` to W_KQ and P W_V.

    The second one's gauge is another.
    """

    @jax.jit
    def models():
        model = GDPlusPlusConstruction(*rates, depth, num_examples=5, dim_x=3).build()
        key_query, output_value = (product[0, 0] for product in model.products())
        identity = jnp.eye(4)
        products = (key_query + added[0]) / -2, (output_value + added[1]) * -2
        changed = eqx.tree_at(
            lambda m: [getattr(m.layers[0], name) for name in ("key", "query", "value", "output")],
            model,
            [matrix[None] for matrix in (identity, *products, identity)],
        )
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), model, changed)

    return SimpleNamespace(model=models(), losses=jnp.array([[3.0, 1.0], [2.0, 4.0]]))


def read(depth, *construction):
    """The weights that the cell reads off such a training."""
    training = Training(partial(Transformer.initialise, 3), TASK, FitConfig(1), seeds=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "trained", lambda *_: constructed(*construction))
        return Weights(**WeightsCell(training, TASK, depth).compute(Workspace()))


def single(row, column, value):
    return value * np.outer(np.eye(4)[row], np.eye(4)[column])


@pytest.fixture(scope="module")
def one():
    """Entries that do not matter to one layer: W_KQ's column of y, and P W_V's rows of x."""
    rate = one_step_optimum(5, 3, 0.5).learning_rate
    return read(1, (rate, 0.0), 1, (single(1, 3, 7.0), single(0, 2, 9.0)))


@pytest.fixture(scope="module")
def tied():
    """Entries that matter to tied layers."""
    best = best_gdpp(TASK, 2)
    return read(2, (best.learning_rate, best.curvature), 2, (single(1, 3, 0.5), single(0, 2, 0.25)))


def test_of_the_construction_nothing_is_off(one, tied):
    found = readings(Summary(one, tied))
    for name, values in found.items():
        if name.startswith(("one-", "tied-")) and name != "tied-not-descent":
            assert values.shape == (2,)
            np.testing.assert_allclose(values[0], 0, atol=1e4 * EPS, err_msg=name)
    rate, curvature = tied.best_learning_rate, tied.best_curvature
    expected = curvature * 3**0.5 / np.hypot(curvature * 3**0.5, rate / 5)
    np.testing.assert_allclose(found["tied-not-descent"][0], expected, rtol=1e3 * EPS)


def test_what_does_not_matter_to_one_layer_is_shown_but_not_counted(one, tied):
    found = readings(Summary(one, tied))
    for name in ("one-read", "one-write", "one-rate"):
        np.testing.assert_allclose(found[name][1], 0, atol=1e4 * EPS, err_msg=name)
    np.testing.assert_allclose([one.key_query[1, 1, 3], one.output_value[1, 0, 2]], [7.0, 9.0], rtol=1e3 * EPS)


def test_in_tied_layers_everything_counts(one, tied):
    found = readings(Summary(one, tied))
    np.testing.assert_allclose(found["tied-read"][1], 0.5 / np.sqrt(3 + 0.25), rtol=1e3 * EPS)
    rate, curvature = tied.best_learning_rate, tied.best_curvature
    whole = np.sqrt(3 * curvature**2 + (rate / 5) ** 2 + 0.25**2)
    np.testing.assert_allclose(found["tied-write"][1], 0.25 / whole, rtol=1e3 * EPS)


def test_rates_and_spread_are_read_relative_to_their_own(one, tied):
    worse = tied._replace(curvature=1.5 * tied.curvature, learning_rate=0.75 * tied.learning_rate)
    found = readings(Summary(one._replace(learning_rate=2 * one.learning_rate), worse))
    np.testing.assert_allclose(found["tied-curvature"], 0.5, rtol=1e4 * EPS)
    np.testing.assert_allclose(found["tied-rate"], 0.25, rtol=1e4 * EPS)
    np.testing.assert_allclose(found["one-rate"], 1.0, rtol=1e4 * EPS)
    spread = tied._replace(write_spread=0.1 * np.abs(tied.curvature))
    np.testing.assert_allclose(readings(Summary(one, spread))["tied-equal"], 0.1, rtol=1e3 * EPS)
