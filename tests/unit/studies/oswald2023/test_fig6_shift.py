"""What stacks are held against away from the training task, and the numbers read off losses set by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mesascope.algorithms.gdpp import GDPlusPlus
from mesascope.studies._shared.measure import jit_once
from mesascope.studies.oswald2023._shared.best_rates import best_rivals
from mesascope.studies.oswald2023._shared.shifts import Shifts
from mesascope.studies.oswald2023.fig6_shift.cells import ShiftCell, StackLosses, best_rival
from mesascope.studies.oswald2023.fig6_shift.readings import readings
from mesascope.studies.oswald2023.fig6_shift.study import Figure6
from mesascope.tasks.linear_regression import LinearRegression
from mesascope.theory.linear_regression import one_step_optimum

SHIFTS = Shifts((1.0, 1.5, 3.0, 4.0), (1.0, 8.0), (1.0,), (0, 1))


def losses(inputs, weights, laws, corrupted):
    return np.array([[*inputs, *weights, *laws, *corrupted]], float)


def test_readings_of_losses_set_by_hand():
    """The trained stack is a tenth, a fifth ... above its rival; five layers, unclipped, beyond the range of floats."""
    rival = losses([1] * 4, [1] * 2, [1] * 3, [1] * 2)[0]
    one = losses([1.1, 0.8, 9, 9], [1.0, 1.3], [1.4, 1, 1], [1, 0.5])
    five = losses([1, 1, 4, 6], [1] * 2, [1] * 3, [2, 1])
    unclipped = losses([1, 1, 4, np.inf], [1] * 2, [1] * 3, [1] * 2)
    stacks = {
        "1 layer": StackLosses(one, rival),
        "2 tied": StackLosses(2 * one, rival, restricted=one),
        "5 untied": StackLosses(five, rival, unclipped=unclipped, clipped_rival=rival[None]),
    }
    found = readings(stacks, SHIFTS)
    for name, number in {
        **{"one-near": 0.2, "one-weights": 0.3, "one-laws": 0.4, "one-noise": 0.5},
        **{"two-near": 1.2, "two-weights": 1.6, "two-laws": 1.8, "two-noise": 1.0},
        **{"five-far": 5.0, "plateau": 1.5, "loss of five layers with no target noise, trained": 2.0},
        "loss of two tied layers at the largest teachers, with GD++'s weights only": 1.3,
    }.items():
        np.testing.assert_allclose(found[name], [number], err_msg=name)
    assert found["clipping"] > 1e300


def test_a_stack_s_rival_is_the_best_of_its_family():
    task = LinearRegression(num_examples=4, dim_x=2)
    rivals = best_rivals(task, 2)
    for shape, expected in (((1, 2), rivals.gdpp_tied), ((2, 1), rivals.gdpp)):
        for ours, theirs in zip(jax.tree.leaves(best_rival(task, *shape)), jax.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    best = one_step_optimum(4, 2, 0.5).learning_rate
    np.testing.assert_allclose(best_rival(task, 1, 1).learning_rate, [best], rtol=0.03)  # from ten thousand spectra


@pytest.mark.parametrize(("shape", "names"), [((1, 2), ("restricted",)), ((5, 1), ("clipped_rival",))])
def test_what_is_measured_beside_a_stack_has_its_shape(shape, names):
    """One program can only measure them all if they differ in their weights alone."""
    training = Figure6.preset("smoke").training(*shape)
    rates = jnp.ones(5), jnp.zeros(5)
    rival = GDPlusPlus(*rates, 5) if shape == (5, 1) else GDPlusPlus(1.0, 0.0, shape[1])
    model = jit_once(jax.vmap(lambda key: training.make_model(key=key)))(jax.random.split(jax.random.key(0), 2))
    trained, *others = ShiftCell(training, 20, SHIFTS).models_alike(model, rival).items()
    assert trained[0] == "trained"
    assert trained[1] is model
    assert tuple(name for name, _ in others) == names
    for _, other in others:
        assert jax.tree.structure(other) == jax.tree.structure(model)
        assert all(a.shape[1:] == b.shape[1:] for a, b in zip(*map(jax.tree.leaves, (other, model)), strict=True))
