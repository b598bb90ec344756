"""The study of layers and Newton's iterates: rivals written out, a known stack, and readings of numbers set by hand."""

import jax
import numpy as np
import pytest

from mesascope.models.transformer import Transformer
from mesascope.probes.layer_map import LayerMap
from mesascope.random import seed_key
from mesascope.studies._shared.measure import validation
from mesascope.studies.fu2023.newton.cells import Law, _of_model, law_of
from mesascope.studies.fu2023.newton.readings import Summary, readings
from mesascope.studies.fu2023.newton.rivals import rivals_of
from mesascope.studies.fu2023.newton.study import NewtonLayers
from mesascope.study.cell import Workspace
from mesascope.tasks.anisotropic_regression import AnisotropicRegression


@pytest.fixture(scope="module")
def prompts():
    return validation(AnisotropicRegression(6, (1.0, 0.3)), 50)


@pytest.fixture(scope="module")
def rivals(prompts):
    return rivals_of(prompts, 3, 5)


def test_rivals_are_the_iterations_of_the_page(prompts, rivals):
    """M <- M (2I - S M) from S / |S S^T|, and w <- w + (b - S w) / s_1, prompt by prompt in numpy."""
    for i in range(3):
        xs, ys, query = (np.asarray(each[i], float) for each in (prompts.xs, prompts.ys[..., 0], prompts.query))
        second, cross = xs.T @ xs / len(xs), xs.T @ ys / len(xs)
        inverse, weights = second / np.linalg.norm(second @ second.T), np.zeros(2)
        for step in range(3):
            inverse = inverse @ (2 * np.eye(2) - second @ inverse)
            np.testing.assert_allclose(rivals.newton[step, i, 0, 0], query @ inverse @ cross, rtol=1e-10)
        for step in range(5):
            weights = weights + (cross - second @ weights) / np.linalg.eigvalsh(second)[-1]
            np.testing.assert_allclose(rivals.descent[step, i, 0, 0], query @ weights, rtol=1e-10)
        np.testing.assert_allclose(rivals.least_squares[i, 0, 0], query @ np.linalg.solve(second, cross), rtol=1e-10)


def test_layers_of_a_stack_are_read_by_both_heads(prompts, rivals):
    """The own head's answers are the model's; a readout fitted to targets brings an untrained layer nearer to them."""
    model = Transformer.initialise(2, num_layers=3, init_scale=0.5, key=seed_key(1))
    newton, descent, fitted, errors, to_least_squares = _of_model(model, prompts, prompts, rivals)
    answers = np.asarray(jax.vmap(model.trajectory)(prompts), float)[..., 0].T
    targets, exact = np.asarray(prompts.target, float)[:, 0], rivals.least_squares[:, 0, 0]
    expected = [np.linalg.norm(each - targets) / np.linalg.norm(targets) for each in answers]
    np.testing.assert_allclose(errors, expected, rtol=1e-10)
    last = np.linalg.norm(answers[-1] - exact) / np.linalg.norm(answers[-1])
    assert to_least_squares == pytest.approx(last, rel=1e-10)
    for steps, found in ((rivals.newton, newton), (rivals.descent, descent)):
        distances = [np.linalg.norm(answers - each[:, 0, 0], axis=1) for each in steps]
        np.testing.assert_allclose(found.distances, (distances / np.linalg.norm(answers, axis=1)).T, rtol=1e-10)
    assert fitted.distances[-1, -1] < newton.distances[-1, -1]


def test_a_training_that_diverged_is_near_no_step(prompts, rivals):
    model = Transformer.initialise(2, num_layers=3, init_scale=0.5, key=seed_key(1))
    lost = jax.tree.map(lambda leaf: leaf * np.nan, model)
    *maps, errors, to_least_squares = _of_model(lost, prompts, prompts, rivals)
    assert [each.distances.shape for each in maps] == [(3, 3), (3, 5), (3, 3)]
    assert all(np.isnan(each).all() for each in (*(found.best_distance for found in maps), errors, to_least_squares))


def layers(distances, best_step, linear=0.0, exponential=0.0):
    distances, best_step = np.array(distances), np.array(best_step)
    return LayerMap(distances[:, None], best_step, distances, best_step == 99, linear, exponential)


def law(newton, descent, fitted, error, descent_error, null=(0.0,)):
    errors = np.array([error]), np.array([0.07]), np.array([0.5]), np.array(descent_error)
    return Law((newton,), (descent,), (fitted,), *errors, np.array(null))


def test_claims_are_about_late_layers_and_those_near_a_step():
    """Four layers, one seed: every reading has one possible origin."""
    newton = layers([0.14, 0.1, 0.12, 0.04], [1, 3, 5, 7], 0.8, 0.7)
    descent = layers([0.9, 0.1, 0.06, 0.02], [1, 2, 8, 32], 0.6, 0.95)
    far = layers([0.9, 0.9, 0.5, 0.1], [1, 2, 3, 4], np.nan, np.nan)
    well = law(newton, descent, layers([0.9, 0.9, 0.01, 0.03], [1, 2, 3, 4]), [0.9, 0.5, 0.2, 0.1], [1, 1, 1, 1])
    ill = law(far, descent, far, [0.9, 0.5, 0.2, 0.4], [0.9, 0.8, 0.7, 0.6, 0.5], (0.02, 0.3))
    found = readings(Summary(well, ill))
    expected = {"accurate": 0.07, "near": 0.12, "fitted": 0.03, "nearer": 2.0, "linear": 0.8, "exponential": 0.35}
    expected |= {"pace": 1.0, "ill": 4.0, "ill-descent": 1.5, "ill-nearer": (0.5 / 0.06 * 0.1 / 0.02) ** 0.5}
    for name, value in expected.items():
        assert float(np.ravel(found[name])[0]) == pytest.approx(value, rel=1e-12), name
    assert found["distance of a gradient step to the nearest Newton iterate, worst, ill conditioned"] == 0.3
    few = readings(Summary(ill, well))
    assert [bool(np.ma.getmaskarray(np.ma.asarray(few[name])).all()) for name in ("linear", "pace", "exponential")] == [
        True,
        True,
        False,
    ]


def test_a_law_is_kept_as_arrays_and_read_again():
    """A training of one step: the maps of both seeds come back with their fields."""
    study = NewtonLayers.preset("smoke", seeds=2, num_steps=1)
    with jax.numpy_dtype_promotion("standard"):  # as optax needs it
        arrays = study.cells()[1].config.compute(Workspace())
    found = law_of(arrays)
    assert [each.distances.shape for each in (*found.newton, *found.descent, *found.fitted)] == [
        (3, 4),
        (3, 4),
        (3, 8),
        (3, 8),
        (3, 4),
        (3, 4),
    ]
    assert (found.error.shape, found.to_least_squares.shape, found.null.shape) == ((2, 3), (2,), (8,))


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(("changes", "message"), [
    ({"num_layers": 1}, "`num_layers` must be"),
    ({"dim_x": 1}, "`dim_x` must be"),
    ({"num_descent": 3}, "`num_descent` must be"),
    ({"condition_number": 0.5}, "`condition_number` must be"),
])  # fmt: skip
def test_settings_that_make_no_study_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        NewtonLayers.preset("quick", **changes)
