"""The measurements of noisy regression on models whose measures are known, and the readings of arrays made by hand."""

from functools import partial
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.least_squares import LeastSquares
from mesascope.algorithms.ridge import Ridge
from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.measure import errors_of_each
from mesascope.studies._shared.training import Training
from mesascope.studies.oswald2023._shared.best_rates import best_gdpp
from mesascope.studies.oswald2023.noise.cells import Decay, DecayCell, Level, LevelCell, bayes, noisy_prompts
from mesascope.studies.oswald2023.noise.readings import Summary, readings
from mesascope.studies.oswald2023.noise.weights import read_rates, unmatched
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum
from mesascope.training.config import FitConfig

TASK = LinearRegression(5, 3, noise_std=0.5)
NUM_PROMPTS = 2000
SIZES = {"num_examples": 5, "dim_x": 3}
EPS = np.finfo(np.float64).eps


def constructed(*rates, depth=1):
    """What a training might leave: the constructions of these rates, one a seed."""
    build = jax.jit(jax.vmap(lambda rate, curvature: GDPlusPlusConstruction(rate, curvature, depth, **SIZES).build()))
    return SimpleNamespace(model=build(*np.transpose(rates)))


def compute(make_cell, left):
    """What a cell computes whose trainings left these models, in order."""
    trainings = tuple(
        Training(partial(Transformer.initialise, 3), TASK, FitConfig(1), first_seed=i) for i in range(len(left))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "trained", lambda training, _: left[training.first_seed])
        return make_cell(trainings).compute(Workspace())


@pytest.fixture(scope="module")
def level():
    """Of every depth first the best construction, then one whose learning rate is half."""
    one = one_step_optimum(5, 3, 0.5, 0.5).learning_rate
    two = best_gdpp(TASK, 2)
    left = (
        constructed((one, 0.0), (one / 2, 0.0)),
        constructed((two.learning_rate, two.curvature), (two.learning_rate / 2, two.curvature), depth=2),
    )
    return Level(**compute(lambda trainings: LevelCell(TASK, (1, 2), trainings, NUM_PROMPTS), left))


def test_the_best_construction_is_as_good_as_its_algorithm(level):
    np.testing.assert_allclose(level.loss[:, 0], level.gdpp_loss, rtol=1e4 * EPS)
    np.testing.assert_allclose(level.loss[0, 0], level.gd_loss[0], rtol=1e4 * EPS)
    np.testing.assert_allclose(level.learning_rate[0] / level.best_learning_rate, [1.0, 0.5], rtol=1e3 * EPS)
    assert (level.loss[:, 1] > 1.01 * level.loss[:, 0]).all()


def test_rates_are_read_at_every_depth(level):
    np.testing.assert_allclose(level.curvature[1], level.gdpp_curvature[1], rtol=1e3 * EPS)
    np.testing.assert_allclose(level.curvature[0], 0, atol=1e3 * EPS)
    np.testing.assert_allclose(level.label_match, 0, atol=1e3 * EPS)
    np.testing.assert_allclose(level.unmatched, level.loss, rtol=1e4 * EPS)


def test_what_compares_labels_with_labels_is_taken_out():
    """And nothing else: the construction comes back, in another gauge."""

    @jax.jit
    def models():
        model = GDPlusPlusConstruction(2.0, 0.1, 2, **SIZES).build()
        matching = eqx.tree_at(lambda m: m.layers[0].query, model, replace_fn=lambda query: query.at[0, 3, 3].set(0.7))
        matching = eqx.tree_at(lambda m: m.layers[0].key, matching, jnp.eye(4)[None])
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), matching, model)

    stacked = models()
    np.testing.assert_allclose(read_rates(stacked, 3, 5)["label_match"], [0.7, 0.0], rtol=1e3 * EPS)
    prompts = noisy_prompts(TASK, NUM_PROMPTS)
    cleaned, _ = errors_of_each(unmatched(stacked, 3), prompts)
    matching, model = errors_of_each(stacked, prompts)
    np.testing.assert_allclose(cleaned, model, rtol=0, atol=1e4 * EPS)
    assert np.abs(matching - model).max() > 1e-3


def test_the_order_is_bayes_gdpp_descent(level):
    assert level.bayes_loss < level.gdpp_loss[1] < level.gd_loss[1] < level.gd_loss[0]


def test_the_loss_of_one_step_is_the_closed_form(level):
    """z = 5: the error on a prompt deviates from its mean by less than twice that."""
    np.testing.assert_allclose(level.gd_loss[0], level.best_loss, rtol=5 * 2 / NUM_PROMPTS**0.5)


def test_the_excess_is_the_mean_difference(level):
    np.testing.assert_allclose(level.excess, level.loss - level.bayes_loss, rtol=0, atol=1e3 * EPS)


def test_noise_levels_share_their_prompts_but_for_the_noise():
    tasks = (LinearRegression(5, 3, noise_std=std) for std in (0.0, 0.5))
    silent, noisy = (jax.tree.map(np.asarray, noisy_prompts(task, NUM_PROMPTS)) for task in tasks)
    for name in ("xs", "query", "target"):
        np.testing.assert_array_equal(getattr(silent, name), getattr(noisy, name))
    assert np.abs(silent.ys - noisy.ys).min() > 0
    teacher_free = np.linalg.lstsq(silent.xs[0], silent.ys[0])[0]
    np.testing.assert_allclose(silent.query[0] @ teacher_free, silent.target[0], rtol=1e4 * EPS)


def test_the_bayes_predictor_is_ridge_with_the_noise_s_variance():
    assert isinstance(bayes(LinearRegression(5, 3)), LeastSquares)
    predictor = bayes(TASK)
    assert isinstance(predictor, Ridge)
    assert predictor.penalty == 0.25


def test_what_weight_decay_does_is_read_off_every_training():
    left = [constructed((rate, 0.0), (2 * rate, 0.0)) for rate in (2.0, 1.0, 0.5)]
    decay = Decay(**compute(lambda trainings: DecayCell(TASK, trainings, NUM_PROMPTS), left))
    np.testing.assert_allclose(decay.learning_rate, [[2, 4], [1, 2], [0.5, 1]], rtol=1e3 * EPS)
    np.testing.assert_allclose(decay.loss[1, 1], decay.loss[0, 0], rtol=1e3 * EPS)


def levels_of(num_levels, num_depths, **given):
    """Levels of one seed whose numbers are ones where none are given."""
    by_shape = {"seeds": (num_levels, num_depths, 1), "algorithms": (num_levels, num_depths), "level": (num_levels,)}
    kinds = dict.fromkeys(Level._fields[:6], "seeds")
    kinds |= dict.fromkeys(("gd_loss", "gdpp_loss", "gdpp_curvature"), "algorithms")
    return Level(**{name: given.get(name, np.ones(by_shape[kinds.get(name, "level")])) for name in Level._fields})


def test_readings_take_the_worst_level_and_depth():
    """Two levels, three depths, one seed; every number differs, so that each reading has one possible origin."""
    levels = levels_of(
        2,
        3,
        loss=np.array([[[10.0], [6.0], [4.5]], [[8.0], [5.0], [4.4]]]),
        excess=np.array([[[8.0], [4.0], [2.5]], [[4.0], [1.0], [0.4]]]),
        gd_loss=np.array([[9.5, 7.0, 6.0], [8.1, 5.5, 5.0]]),
        gdpp_loss=np.array([[9.5, 5.0, 4.4], [8.1, 5.2, 4.3]]),
        bayes_loss=np.array([2.0, 4.0]),
        best_loss=np.array([9.0, 8.0]),
        unmatched=np.array([[[1.0], [1.0], [1.0]], [[1.0], [5.5], [6.6]]]),
        learning_rate=np.array([[[2.2], [0.0], [0.0]], [[1.0], [9.0], [9.0]]]),
        best_learning_rate=np.array([2.0, 1.25]),
    )
    decay = Decay(np.array([[2.0], [1.5], [1.8]]), np.ones((3, 1)))
    found = readings(Summary((0.1, 1.0), (1, 2, 3), (0.0, 1.0, 3.0), levels, decay))
    expected = {
        "step-size": 0.2,
        "loss": 0.5 / 9,
        "decay": 0.2,
        "beats-gd": 5 / 5.5,
        "gdpp": 0.2,
        "depth": 2.5 / 4,
        "near-bayes": 0.1,
        "labels": 1.1,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], [value], rtol=1e3 * EPS, err_msg=name)
    np.testing.assert_array_equal(found["learned step size, weight decay 3, every seed"], [1.8])
    np.testing.assert_array_equal(found["learned step size of one layer, noise variance 0.1, every seed"], [2.2])


def test_without_strong_noise_or_a_second_strength_nothing_is_said_of_them():
    found = readings(Summary((0.0,), (1, 2), (0.0,), levels_of(1, 2), Decay(np.ones((1, 1)), np.ones((1, 1)))))
    for name in ("near-bayes", "labels", "decay"):
        assert np.ma.getmaskarray(found[name]).tolist() == [True], name
