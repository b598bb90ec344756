"""What stacks are held against away from the training task, and the numbers read off losses set by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.constructions.gdpp_blocks import only_gdpp_blocks
from mesascope.studies._shared.measure import jit_once, one_of
from mesascope.studies.oswald2023._shared.best_rates import best_rivals
from mesascope.studies.oswald2023._shared.shifts import Shifts, losses_of, shifted_prompts
from mesascope.studies.oswald2023._shared.stacks import stack_of
from mesascope.studies.oswald2023.fig6_shift import cells
from mesascope.studies.oswald2023.fig6_shift.cells import ShiftCell, StackLosses, best_rival
from mesascope.studies.oswald2023.fig6_shift.readings import readings
from mesascope.studies.oswald2023.fig6_shift.study import Figure6
from mesascope.study.cell import Workspace
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum

SHIFTS = Shifts((1.0, 1.5, 1.75, 2.0), (1.0, 5.0), (1.0,), (0, 1))


def losses(inputs, weights, laws, corrupted):
    return np.array([[*inputs, *weights, *laws, *corrupted]], float)


def test_readings_of_losses_set_by_hand():
    """The trained stack is a tenth, a fifth ... above its rival; five layers, unclipped, beyond the range of floats."""
    rival = losses([1] * 4, [1] * 2, [1] * 3, [1] * 2)[0]
    one = losses([1.1, 0.8, 9, 9], [1.0, 1.3], [1.4, 1, 1], [1, 0.5])
    five = losses([0.5, 1, 0.25, 2], [1] * 2, [1] * 3, [2, 1])
    unclipped = losses([1, 1, 4, np.inf], [1] * 2, [1] * 3, [1] * 2)
    found = readings(
        StackLosses(one, rival, rival),
        StackLosses(2 * one, rival, 3 * rival, restricted=one),
        StackLosses(five, rival, 4 * rival, unclipped=unclipped),
        SHIFTS,
    )
    for name, number in {
        **{"one-near": 0.2, "one-weights": 0.3, "one-laws": 0.4, "one-noise": 0.5},
        **{"two-near": 1.2, "two-weights": 1.6, "two-laws": 1.8, "two-noise": 1.0},
        "five-drift": 2.0,  # a factor of 4 at scale 1.75, of 2 at scale 1
        "loss of five layers at the largest input scale / at 1.5": 2.0,
        "loss of two tied layers at the largest teachers": 2.6,
        "loss of two tied layers at the largest teachers, only GD++'s weights": 1.3,
        "loss of five untied layers at input scale 1": 0.5,
        "loss of GD++ with the best rates, beside five untied layers at input scale 1": 4.0,
        "loss of GD++ with the best rates, beside two tied layers at input scale 1": 3.0,
    }.items():
        np.testing.assert_allclose(found[name], number, err_msg=name)
    assert found["clipping"] > 1e300


def test_a_stack_s_best_rival_is_the_best_of_its_family():
    task = LinearRegression(num_examples=4, dim_x=2)
    rivals = best_rivals(task, 2)
    for shape, expected in (((1, 2), rivals.gdpp_tied), ((2, 1), rivals.gdpp)):
        found = best_rival(task, *shape)
        for name in ("learning_rate", "curvature"):
            ours, theirs = (np.broadcast_to(np.asarray(getattr(each, name)), 2) for each in (found, expected))
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    best = one_step_optimum(4, 2, 0.5).learning_rate
    np.testing.assert_allclose(best_rival(task, 1, 1).learning_rate, [best], rtol=0.03)  # from ten thousand spectra


@pytest.fixture
def measured(monkeypatch):
    """What a cell of a smoke stack measures when weights are as drawn and GD++ is as trained: rates 3 and 0.2."""

    def of(*shape):
        study = Figure6.preset("smoke")
        training, gdpp = study.training(*shape), study.gdpp(*shape)
        model = jit_once(jax.vmap(lambda key: training.make_model(key=key)))(jax.random.split(jax.random.key(0), 2))
        given = GDPlusPlus(jnp.full(shape[0], 3.0), jnp.full(shape[0], 0.2), shape[0]) if shape[0] > 1 else None
        given = GDPlusPlus(jnp.asarray(3.0), jnp.asarray(0.2), shape[1]) if given is None else given
        monkeypatch.setattr(type(training), "trained", lambda *_: type("Trained", (), {"model": model})())
        monkeypatch.setattr(cells, "trained_gdpp", lambda *_: given)
        found = ShiftCell(training, gdpp, 20, SHIFTS).compute(Workspace())
        return StackLosses(**found), model, given, training.task

    return of


def test_two_tied_layers_are_held_against_the_trained_gdpp_and_measured_with_its_weights_alone(measured):
    found, model, gdpp, task = measured(1, 2)
    prompts = shifted_prompts(task, SHIFTS, 20)
    np.testing.assert_allclose(found.rival, losses_of(gdpp, prompts), rtol=1e-10)
    restricted = only_gdpp_blocks(one_of(model, 1), task.dim_x)
    np.testing.assert_allclose(found.restricted[1], losses_of(restricted, prompts), rtol=1e-10)
    assert found.unclipped is None


def test_rivals_of_five_layers_cut_their_tokens_off_as_the_layers_do(measured):
    found, _, gdpp, task = measured(5, 1)
    prompts = shifted_prompts(task, SHIFTS, 20)
    for ours, rival in ((found.rival, gdpp), (found.best, best_rival(task, 5, 1))):
        np.testing.assert_allclose(ours, losses_of(stack_of(rival, task, 10.0), prompts), rtol=1e-8)
    assert found.restricted is None
    assert found.unclipped.shape == found.trained.shape


def test_one_layer_has_the_best_step_for_its_rival(measured):
    found, _, _, task = measured(1, 1)
    np.testing.assert_array_equal(found.rival, found.best)
    np.testing.assert_allclose(found.rival, losses_of(best_rival(task, 1, 1), shifted_prompts(task, SHIFTS, 20)))
