"""What deep stacks are measured by: their rivals, the rates read out of them, models halfway, gaps."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.constructions.gdpp import GDPlusPlusConstruction
from mesascope.constructions.gdpp_blocks import only_gdpp_blocks
from mesascope.models.attention import SoftmaxSelfAttention
from mesascope.models.transformer import Transformer
from mesascope.studies._shared.measure import errors_of, errors_of_each, mean_error, over_models, validation
from mesascope.studies.oswald2023._shared.best_rates import best_rivals, stacked
from mesascope.studies.oswald2023._shared.stack_measure import StackMeasured, gdpp_read_from, halfway_to
from mesascope.studies.oswald2023._shared.stack_study import crossing
from mesascope.studies.oswald2023._shared.stacks import cut_off, stack_of
from mesascope.studies.oswald2023.fig3_deep.study import Figure3Deep
from mesascope.studies.oswald2023.fig3_recurrent import Figure3Recurrent
from mesascope.studies.oswald2023.fig7_depth import readings as depth
from mesascope.studies.oswald2023.fig7_depth.cells import DeepLosses, DeepRival
from mesascope.studies.oswald2023.fig7_depth.study import Figure7
from mesascope.study.claim import Outcome
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum

TASK = LinearRegression(num_examples=6, dim_x=3)
RATES, CURVATURES = jnp.array([2.0, 5.0]), jnp.array([0.1, 0.0])


@pytest.fixture(scope="module")
def prompts():
    return validation(TASK, 2000)


@pytest.fixture(scope="module")
def construction():
    return eqx.filter_jit(GDPlusPlusConstruction(RATES, CURVATURES, 2, num_examples=6, dim_x=3).build)()


predictions = eqx.filter_jit(lambda model, prompts: jax.vmap(model)(prompts))
build_stack = eqx.filter_jit(stack_of)
products = eqx.filter_jit(lambda model: model.products())


def drawn(seed, scale, dim_y=1, **sizes):
    """A Transformer of inputs [3] whose weights are all drawn alike."""
    make = partial(Transformer.initialise, 3, dim_y, **sizes)
    shapes, rng = eqx.filter_eval_shape(make, key=jax.random.key(0)), np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jax.device_put(scale * rng.normal(size=leaf.shape)), shapes)


def test_the_stack_of_an_algorithm_makes_its_steps_and_clips_as_told(prompts):
    algorithm = GDPlusPlus(RATES, CURVATURES, 2)
    ours, theirs = predictions(build_stack(algorithm, TASK), prompts), predictions(algorithm, prompts)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    clipped = predictions(build_stack(algorithm, TASK, 0.25), prompts)
    assert np.abs(clipped).max() <= 0.25 < np.abs(theirs).max()


def test_rivals_are_cut_off_together_where_a_stack_is_and_stay_algorithms_where_none_is(prompts):
    algorithms = stacked((GDPlusPlus(RATES, CURVATURES, 2), GDPlusPlus(3 * RATES, CURVATURES, 2)))
    assert cut_off(algorithms, TASK, None) is algorithms
    losses = errors_of_each(cut_off(algorithms, TASK, 0.25), prompts)
    for found, factor in zip(losses, (1, 3), strict=True):
        one = build_stack(GDPlusPlus(factor * RATES, CURVATURES, 2), TASK, 0.25)
        np.testing.assert_allclose(found, eqx.filter_jit(errors_of)(one, prompts), rtol=1e-10)


def test_the_construction_has_no_weights_but_those_of_gdpp(construction, prompts):
    restricted = eqx.filter_jit(only_gdpp_blocks)(construction, TASK.dim_x)
    for ours, theirs in zip(*map(products, (restricted, construction)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    ours, theirs = (predictions(each, prompts) for each in (restricted, construction))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)


def test_other_weights_than_those_of_gdpp_are_taken_away():
    model = drawn(0, 0.5, dim_y=2, num_layers=2, num_heads=2)
    reads, writes = map(np.asarray, products(model))
    ours = eqx.filter_jit(lambda model: only_gdpp_blocks(model, 3).products())(model)
    is_x = np.arange(5) < 3
    np.testing.assert_array_equal(ours[0], np.where(np.outer(is_x, is_x), reads, 0.0))
    np.testing.assert_array_equal(ours[1], np.where(np.equal.outer(is_x, is_x), writes, 0.0))


def test_only_linear_attention_has_its_weights_in_its_products():
    model = eqx.filter_eval_shape(Transformer.initialise, 3, attention=SoftmaxSelfAttention, key=jax.random.key(0))
    with pytest.raises(TypeError, match="needs linear attention"):
        only_gdpp_blocks(model, 3)


def test_more_freedom_is_never_worse(prompts):
    gd_tied, gd, gdpp_tied, gdpp = errors_of_each(stacked(best_rivals(TASK, 2)), prompts).mean(axis=1)
    slack = 1.02  # tuned on other tasks than these
    assert gdpp_tied < slack * gd_tied
    assert gd < slack * gd_tied
    assert gdpp < slack * gdpp_tied
    assert gdpp < slack * gd


def test_one_step_s_best_rate_is_the_closed_form():
    best = one_step_optimum(TASK.num_examples, TASK.dim_x, TASK.input_scale).learning_rate
    rivals = best_rivals(TASK, 1)
    np.testing.assert_allclose(rivals.gd_tied.learning_rate, best, rtol=0.03)  # from ten thousand spectra
    np.testing.assert_allclose(rivals.gdpp_tied.learning_rate, rivals.gd_tied.learning_rate, rtol=1e-4)


def test_the_best_stack_is_halfway_to_itself_and_its_rates_are_read_out_of_it(prompts):
    rivals = best_rivals(TASK, 2)
    best = build_stack(rivals.gdpp, TASK)
    models = jax.tree.map(lambda leaf: jax.device_put(np.stack([leaf, leaf])), best)
    halfway, read = halfway_to(rivals.gdpp, models, TASK), gdpp_read_from(models, TASK)
    np.testing.assert_allclose(read.learning_rate, np.stack([rivals.gdpp.learning_rate] * 2), rtol=1e-12)
    np.testing.assert_allclose(
        np.asarray(read.curvature)[:, :-1], np.stack([rivals.gdpp.curvature] * 2)[:, :-1], rtol=1e-12
    )
    expected = np.stack([predictions(best, prompts)] * 2)
    found = eqx.filter_jit(eqx.filter_vmap(predictions, in_axes=(0, None)))(halfway, prompts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_models_are_measured_in_their_order(prompts):
    models = [drawn(seed, 0.5) for seed in range(4)]
    four = jax.tree.map(lambda *leaves: jax.device_put(np.reshape(leaves, (2, 2, *leaves[0].shape))), *models)
    found = over_models(lambda model: {"loss": mean_error(model, prompts)}, four, 2)["loss"]
    expected = [eqx.filter_jit(mean_error)(model, prompts) for model in models]
    np.testing.assert_allclose(found, np.reshape(expected, (2, 2)), rtol=1e-12)


def measured(**numbers):
    """Two seeds, two snapshots and two steps; gradient descent with one rate loses 9, with a rate for each step 8."""
    plain = dict.fromkeys(StackMeasured._fields, np.ones((2, 2)))
    cosines = np.array([[[0.6, 0.5], [0.5, 0.9]], [[0.7, 0.75], [0.8, 0.6]]])  # to gradient descent, to GD++
    known = {"rivals": np.array([9, 8, 7, 2.0]), "steps": np.array([0, 100]), "sensitivity_cosine": cosines}
    return StackMeasured(**{**plain, **known, **numbers})


def assert_reads(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, err_msg=name)


def test_figure_3b_s_readings_by_hand():
    trained, halfway, gdpp = np.array([4.0, 1.0]), np.array([8.0, 3.0]), np.array(2.0)
    found = Figure3Deep().readings(measured(trained=trained, halfway=halfway, gdpp=gdpp))
    expected = {
        "beats-gd": [0.5, 0.125],
        "gdpp": [2.0, 0.5],
        "gdpp-last": [0.4, -0.2],
        "gd-first": [0.1, 0.2],
        "interpolation-fails": [2.0, 1.5],
        "step at which the cosine to gradient descent peaks": [0, 100],
        "step from which on the cosine to GD++ is the larger": [100, np.nan],
    }
    assert_reads(found, expected)


def test_figure_3a_s_readings_by_hand():
    """The cosine to gradient descent is largest at the first snapshot of seed 0, at the last one of seed 1."""
    numbers = {"trained": np.array([8.0, 9.0]), "halfway": np.array([10.0, 9.0]), "gdpp": np.array(10.0)}
    rates = {"learning_rate": np.array([[9.0] * 2, [12.0] * 2]), "gdpp_learning_rate": np.array([10.0] * 2)}
    curvatures = {"curvature": np.array([[0.5] * 2, [0.2] * 2]), "gdpp_curvature": np.array([0.25] * 2)}
    found = Figure3Recurrent().readings(measured(**numbers, **rates, **curvatures))
    expected = {
        "beats-gd": [1.0, 1.125],
        "gdpp": [0.2, 0.1],
        "cosine": [0.9, 0.6],
        "gd-first": [0.1, 0.2],
        "gdpp-last": [0.4, -0.2],
        "interpolation": [0.25, 0.0],
        "eta": [0.1, 0.2],
        "gamma": [1.0, 0.2],
    }
    assert_reads(found, expected)


def test_gradient_descent_s_better_rates_are_the_ones_to_beat():
    """A rate for each step can be worse on new prompts: then one rate for all is the rival."""
    found = Figure3Recurrent().readings(measured(trained=np.array([4.0, 1.0]), rivals=np.array([2.0, 8, 7, 2])))
    assert found["beats-gd"].tolist() == [2.0, 0.5]


def test_a_crossing_is_for_good():
    lead = np.array([[1, -1, 1, 1], [1, 1, 1, 1], [1, 1, 1, -1], [-1, -1, -1, 1]], float)
    np.testing.assert_array_equal(crossing(np.array([0, 10, 20, 30]), lead), [20, 0, np.nan, 30])


@pytest.mark.parametrize(("num_steps", "outcome"), [(2500, Outcome.NOT_MEASURED), (50_000, Outcome.REPRODUCED)])
def test_figure_7_s_readings_by_hand(num_steps, outcome):
    """Blocks are judged only when they have been trained for as long as the authors train untied layers."""

    def losses(*at_end):
        return DeepLosses(
            np.array([0, num_steps]), np.array([[9.0, each] for each in at_end]), *map(np.array, (6.0, 4.0))
        )

    rival = DeepRival(*map(np.array, (2.0, 30.0, 0.2)), np.array([0.9, 0.8]))
    summary = depth.Summary(losses(5.0, 3.0), losses(2.5, 6.0), losses(2.0), rival)
    found, study = depth.readings(summary), Figure7.preset("paper")
    expected = {"beats-gd": [5 / 6, 0.5], "tied": [2.5, 1.5], "tied-cosine": [0.9, 0.8], "untied-better": [2.0, 0.5]}
    assert_reads(found, expected)
    verdict = next(each for each in study.verdicts(summary) if each.claim.id == "blocks")
    assert verdict.outcome == outcome
    assert found["blocks"].data.tolist() == [0.5]
